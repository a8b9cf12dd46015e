"""What an experiment found out as one screen of text: the answer first, then what it rests on."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from headroom.cli import units
from headroom.cli.experiment_tables import anatomy, differences, parameters, points, precision, steps
from headroom.cli.summary import WIDEST, print_summary
from headroom.result import Result
from headroom_analysis.report.experiments.answers import Answer, Numbers, answer_of
from headroom_analysis.report.experiments.reading import Point, points_of

_MARKS = {"pass": ("✔ ", "bold green"), "miss": ("✘ ", "bold red")}


def print_experiment(console: Console, document: Mapping[str, Any]) -> None:
    """Print what an experiment found out, at most `WIDEST` columns wide.

    Args:
        console: where to.
        document: of the format `headroom.experiment/v1`.
    """
    width = min(console.width, WIDEST)
    console.print(Group(*_page(document, width)), width=width)
    if document.get("result"):
        console.print()
        print_summary(console, Result(document["result"]))


def _page(document: Mapping[str, Any], width: int) -> Iterator[RenderableType]:
    yield from _answer(answer_of(document, Numbers(units.of_kind, units.share)))
    yield Text(_what_was_run(document), "dim")
    yield Text(_how_sure(document, points_of(document)), "dim")
    for table in _tables(document, width):
        if table.row_count:
            yield Text()
            yield table


def _answer(answer: Answer) -> Iterator[Text]:
    mark, style = _MARKS.get(answer.state, ("● ", "bold"))
    yield Text.assemble((mark, style), (_plain(answer.headline), "bold"))
    for sentence in answer.sentences:
        yield Text(f"  {_plain(sentence)}")


def _tables(document: Mapping[str, Any], width: int) -> Sequence[Table]:
    match document.get("kind"):
        case "replicate":
            return [precision(document)]
        case "sweep":
            return [points(document, width)]
        case "capacity":
            return [steps(document, width)]
        case "compare":
            return [differences(document, width), anatomy(document, width)]
        case "sensitivity":
            return [parameters(document, width)]
        case _:
            return []


def _what_was_run(document: Mapping[str, Any]) -> str:
    count = len(document.get("points", []))
    found = [
        str(document.get("name", "")),
        f"{count:,} points" if count > 1 else "",
        _several(int(document.get("trials", 0)), "trial"),
        f"{document.get('requests', 0):,} requests",
        f"seed {document.get('seed')}",
    ]
    return " · ".join(_plain(words) for words in found if words)


def _how_sure(document: Mapping[str, Any], found: Sequence[Point]) -> str:
    """Trials and precision of the points, and what was left out at their start."""
    if not found:
        return "no points"
    trials = _between([point.trials for point in found])
    said = f"{trials} trials a point" if len(found) > 1 else _several(found[0].trials, "trial")
    wanted = document.get("asked", {}).get("precision")
    if wanted is not None:
        reached = sum(point.precise is True for point in found)
        which = "" if reached == len(found) == 1 else f" at {reached:,} of {len(found):,}"
        said += f", {'not ' if not reached else ''}within {units.share(wanted)}{which}"
    cuts = [point.warmup for point in found if point.warmup is not None]
    if cuts and max(cuts) > 0:
        ends = sorted(
            {units.clock(cut) if cut >= 1 else units.duration(cut) for cut in (min(cuts), max(cuts))}
        )
        rule = "MSER-5" if found[0].cut is not None else "the scenario"
        said += f" · the first {' … '.join(ends)} left out, by {rule}"
    return said


def _between(counts: Sequence[int]) -> str:
    low, high = min(counts), max(counts)
    return f"{low:,}" if low == high else f"{low:,} … {high:,}"


def _several(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _plain(words: str) -> str:
    """The words with spaces at which a terminal can break the line."""
    return words.replace("\N{NO-BREAK SPACE}", " ")
