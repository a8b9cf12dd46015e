"""Problems of a scenario as a reader wants them: where, what, and the line itself with a caret below."""

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from headroom_common.scenario.problems import Problem, ScenarioError


def print_problems(console: Console, error: ScenarioError, source: str, text: str | None) -> None:
    """Print all problems, one per line, `source:line: path: expected …, found …`.

    Args:
        console: where to print; on a terminal, each problem's line of the file is shown below it.
        error: the problems.
        source: what the reader calls the file.
        text: the file's text, or None when there is none to show.
    """
    lines = text.splitlines() if text is not None and console.is_terminal else []
    for problem in error.problems:
        # Soft wrapping keeps a problem on one line, which editors and grep rely on.
        console.print(headline(problem, source), soft_wrap=True)
        if problem.line is not None and not problem.override and problem.line <= len(lines):
            console.print(excerpt(problem, lines), no_wrap=True, overflow="ellipsis")
    count = len(error.problems)
    console.print(Text(f"{count} problem{'s' if count != 1 else ''} in {source}", "bold"), soft_wrap=True)


def headline(problem: Problem, source: str) -> Text:
    """Where the problem is and what it is."""
    where = f"--set {problem.override}" if problem.override else source
    line = "" if problem.line is None or problem.override else f":{problem.line}"
    path = f"{problem.path}: " if problem.path else ""
    hint = f" ({problem.hint})" if problem.hint else ""
    return Text.assemble(
        (f"{where}{line}: ", "bold"),
        (path, "cyan"),
        "expected ",
        (problem.expected, "green"),
        ", found ",
        (problem.found, "red"),
        (hint, "yellow"),
    )


def excerpt(problem: Problem, lines: Sequence[str]) -> Text:
    """The line of the file with its number, and a caret below the column."""
    number = problem.line or 1
    source = lines[number - 1].replace("\t", " ")
    gutter = f"{number:>6} │ "
    caret = ""
    if problem.column is not None:
        caret = "\n" + " " * (len(gutter) - 2) + "│ " + " " * (problem.column - 1) + "^"
    return Text.assemble((gutter, "dim"), source, (caret, "bold red"))


def problem_as_json(problem: Problem) -> dict[str, str | int | None]:
    """The problem as plain data."""
    return {
        "path": problem.path,
        "line": problem.line,
        "column": problem.column,
        "expected": problem.expected,
        "found": problem.found,
        "hint": problem.hint,
        "override": problem.override,
        "message": str(problem),
    }
