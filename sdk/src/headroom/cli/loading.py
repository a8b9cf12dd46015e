"""Reading what the user calls a scenario, and saying what is wrong with it."""

import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from headroom.cli.problems import print_problems
from headroom_common.scenario.loading import LoadedScenario, load_scenario
from headroom_common.scenario.problems import ScenarioError

STDIN = Path("-")


class Source:
    """A file that a command was given, or stdin.

    Args:
        path: the file; `-` stands for stdin, which is read here.

    Attributes:
        path: as given.
        name: what messages call it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = "stdin" if path == STDIN else str(path)
        self._stdin = sys.stdin.read() if path == STDIN else None

    def load(self, overrides: Sequence[str] = ()) -> LoadedScenario:
        """The checked scenario.

        Raises:
            ScenarioError: it cannot be read, or something is wrong; every problem is listed.
        """
        return load_scenario(self.path if self._stdin is None else self._stdin, overrides=overrides)

    def text(self) -> str | None:
        """What the file says, to show the lines that are wrong; None when it cannot be read."""
        if self._stdin is not None:
            return self._stdin
        try:
            return self.path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return None


def load_or_complain(
    source: Source, console: Console, overrides: Sequence[str] = ()
) -> LoadedScenario | None:
    """The checked scenario; or None after its problems were printed. Warnings are printed, too."""
    try:
        loaded = source.load(overrides)
    except ScenarioError as error:
        print_problems(console, error, source.name, source.text())
        return None
    print_warnings(console, source, loaded.warnings)
    return loaded


def print_warnings(console: Console, source: Source, warnings: Sequence[str]) -> None:
    """Print what a scenario's author should know, one warning per line."""
    for warning in warnings:
        console.print(Text.assemble(("warning: ", "yellow"), f"{source.name}: {warning}"), soft_wrap=True)
