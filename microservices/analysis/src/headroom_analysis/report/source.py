"""The scenario as YAML, and how the numbers came about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import yaml

from headroom_analysis.report import formatting
from headroom_analysis.report.values import dig, items, mapping, number, text, whole

if TYPE_CHECKING:
    from collections.abc import Mapping

_SHOWN_ITEMS = 200
_KEPT_ITEMS = 20
_TRIALS = (
    "Every figure is the mean over {trials:,} trials with different random numbers; the interval is the "
    "{level}% Student-t confidence interval of that mean."
)
_ONE_TRIAL = "The figures come from one trial and have no intervals: run several trials to get them."
LATENCY: Final = (
    "Latency counts answered requests only, from leaving the client to being back there; percentiles are "
    "read from a histogram with a relative error of at most 0.4%."
)
"""What latency is, as every page says."""

_OVER_TIME = (
    "Plots over time show the mean over trials at each instant; where there are more instants than fit, the "
    "lowest and the highest of neighbours are kept."
)
_TAIL = "The slowest 1% in the breakdown by cause are the requests at or above the p99 latency."
_REPRODUCIBLE = "The same scenario, seed and engine version give the same page, byte for byte."


class Line(NamedTuple):
    """A line of YAML: what stands before the key, the key with its colon, and the rest."""

    before: str
    key: str
    rest: str


class Source(NamedTuple):
    """The scenario's text; ``shortened`` when long lists (a trace's arrivals) are cut."""

    lines: list[Line]
    shortened: bool


class _Plain(yaml.SafeDumper):
    """Writes repeated parts in full: anchors would be noise to a reader."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - the signature is PyYAML's
        return True


def _short(value: object) -> tuple[object, bool]:
    """Return a plain copy with long lists cut, and whether any was."""
    if isinstance(value, str):
        return str(value), False
    if mapping(value):
        pairs = [(str(key), _short(part)) for key, part in mapping(value).items()]
        return {key: part for key, (part, _) in pairs}, any(cut for _, (_, cut) in pairs)
    entries = items(value)
    if not entries:
        return value, False
    cut = len(entries) > _SHOWN_ITEMS
    shown = [_short(entry) for entry in (entries[:_KEPT_ITEMS] if cut else entries)]
    copies = [copy for copy, _ in shown]
    if cut:
        copies.append(f"({len(entries) - _KEPT_ITEMS:,} more)")
    return copies, cut or any(inner for _, inner in shown)


def source(result: Mapping[str, object]) -> Source:
    """Return the scenario as its user would write it, line by line."""
    scenario, shortened = _short(mapping(result.get("scenario")))
    if not scenario:
        return Source([], shortened=False)
    written = yaml.dump(scenario, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=100)
    return Source([_line(line) for line in written.rstrip("\n").split("\n")], shortened)


def _line(line: str) -> Line:
    body = line.lstrip(" -")
    key, colon, rest = body.partition(":")
    if colon and key.replace("_", "").isalnum() and (not rest or rest.startswith(" ")):
        return Line(line[: len(line) - len(body)], f"{key}:", text(rest))
    return Line("", "", text(line))


def identity(result: Mapping[str, object]) -> list[tuple[str, str]]:
    """Return what one needs to get the same bytes again: names and values."""
    found = [
        ("Scenario hash", text(result.get("scenario_hash"))),
        ("Seed", str(result["seed"]) if isinstance(result.get("seed"), int) else ""),
        ("Trials", f"{whole(result.get('trials'), 1):,}"),
        ("Horizon", formatting.span(number(result.get("horizon")))),
        ("Warm-up", formatting.span(number(result.get("warmup")))),
        ("Engine", text(result.get("engine_version"))),
        ("Format", text(result.get("format"))),
    ]
    return [(name, value) for name, value in found if value]


def notes(result: Mapping[str, object]) -> list[str]:
    """Return how the numbers were made, one statement each."""
    trials = whole(result.get("trials"), 1)
    level = formatting.trimmed(100.0 * (number(result.get("confidence")) or 0.95))
    warmup = number(result.get("warmup"))
    found = [_ONE_TRIAL if trials <= 1 else _TRIALS.format(trials=trials, level=level)]
    found.append(LATENCY)
    if warmup:
        length = formatting.span(warmup)
        found.append(
            f"The first {length} warm the system up and enter no figure; plots over time shade them."
        )
    found += [_OVER_TIME, _TAIL]
    residual = number(dig(result, "checks", "littles_law_residual"))
    if residual is not None:
        found.append(
            "Check by Little's law: the integral of requests in the servers equals the sum of their sojourns"
            + (" exactly." if residual == 0.0 else f", relative difference {residual:.1e}.")
        )
    return [*found, _REPRODUCIBLE]
