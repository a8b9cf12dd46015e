"""The two places where a command writes: stdout for results, stderr for everything about them."""

import json
import sys

from rich.console import Console


class PlainConsole(Console):
    """A console that leaves it to the command what happens when nobody reads its output any more."""

    def on_broken_pipe(self) -> None:
        """Let the exception pass; rich would exit with status 1, which here means a missed objective."""
        raise  # noqa: PLE0704 - rich calls this while it handles the exception


def consoles(*, json_on_stdout: bool = False) -> tuple[Console, Console]:
    """The console for what was asked for, and the one for remarks, problems and progress.

    Both follow the terminal: its width, `NO_COLOR`, and no escape codes where there is no terminal.

    Args:
        json_on_stdout: stdout belongs to a document, so that the first console writes to stderr, too.
    """
    remarks = _console(stderr=True)
    return (remarks if json_on_stdout else _console(stderr=False)), remarks


def print_json(document: object) -> None:
    """Print plain data on stdout, as JSON."""
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def _console(*, stderr: bool) -> Console:
    """A console that prints text as it is: no markup, no emoji codes, no guessing of what to highlight."""
    stream = sys.stderr if stderr else sys.stdout
    # A terminal that knows no bars or ticks shows a question mark rather than ending the command.
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="replace")
    return PlainConsole(stderr=stderr, highlight=False, markup=False, emoji=False, soft_wrap=False)
