"""Where a result goes: the page on a console, the document on stdout, files by their suffix."""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.text import Text

from headroom.cli.consoles import consoles
from headroom.cli.guard import MISS, PASS, BadInputError
from headroom.result import SUFFIXES, Result, check_suffix
from headroom_common.errors import PermanentError


class Destinations:
    """Where a command's result goes.

    Args:
        outputs: names of files, and `-` for stdout.
        quiet: whether only problems are printed.

    Attributes:
        page: the console of what was asked for.
        remarks: the console of everything about it.
        any: whether there is any besides the page.

    Raises:
        BadInputError: an output cannot be written.
    """

    def __init__(self, outputs: Sequence[str], *, quiet: bool) -> None:
        self._json_on_stdout = "-" in outputs
        self._quiet = quiet
        self._paths = [Path(output) for output in outputs if output != "-"]
        self.page, self.remarks = consoles(json_on_stdout=self._json_on_stdout)
        self.any = bool(outputs)
        check_outputs(self._paths)

    def remark(self, words: str) -> None:
        """Print something about the result, unless only problems are printed."""
        if not self._quiet:
            self.remarks.print(Text(words, "dim"), soft_wrap=True)

    def take(self, result: Result) -> int:
        """Put a result everywhere; returns the exit status that its verdict is.

        Raises:
            OSError: an output could not be written.
        """
        if self._json_on_stdout:
            sys.stdout.write(result.to_json())
            sys.stdout.flush()
        if not self._quiet:
            from headroom.cli.summary import print_summary  # noqa: PLC0415 - not needed by --quiet

            print_summary(self.page, result)
        for path in self._paths:
            result.write(path)
            self.remark(f"wrote {path}")
        return MISS if result.verdict == "miss" else PASS


def check_outputs(paths: Iterable[Path], suffixes: tuple[str, ...] = SUFFIXES, what: str = "output") -> None:
    """Refuse outputs that could not be written, before minutes go into a result.

    Args:
        paths: the files.
        suffixes: what their names may end in.
        what: what a file is called in the message.

    Raises:
        BadInputError: an unknown suffix, a missing folder, or a folder in the file's place.
    """
    for path in paths:
        try:
            check_suffix(path, suffixes, what)
        except PermanentError as error:
            raise BadInputError(error.message, next_step=error.next_step) from error
        if not path.parent.is_dir():
            message = f"{what} {path}: expected an existing folder, found none at {path.parent}"
            raise BadInputError(message, next_step=f"Create it: mkdir -p {path.parent}")
        if path.is_dir():
            message = f"{what} {path}: expected a file, found a folder"
            raise BadInputError(message, next_step="Give the name of a file.")
