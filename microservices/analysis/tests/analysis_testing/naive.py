"""The fold again, slowly and obviously: Python integers in dictionaries, one row after the other."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from headroom_analysis.domain.accumulators import ENDED_IN_WINDOW, FLAGS, IN_TRIAL_WINDOW
from headroom_analysis.domain.latency import histogram_of, sum_of_squares
from headroom_analysis.domain.layout import SERVER_CAUSES
from headroom_analysis.domain.scopes import Scope as Kept
from headroom_analysis.domain.scopes import scopes_of

if TYPE_CHECKING:
    from analysis_testing.worlds import Tables
    from headroom_analysis.domain.layout import Layout
    from headroom_analysis.domain.partials import Partial

Scope = tuple[str, int]


@dataclass
class Told:
    """Everything that a fold finds out about requests, in words instead of array places."""

    counts: Counter[tuple[Scope, int, bool, bool]] = field(default_factory=Counter)
    histogram: Counter[tuple[Scope, int]] = field(default_factory=Counter)
    sums: Counter[Scope] = field(default_factory=Counter)
    squares: Counter[Scope] = field(default_factory=Counter)
    lowest: dict[Scope, int] = field(default_factory=dict)
    highest: dict[Scope, int] = field(default_factory=dict)
    anatomy: Counter[tuple[int, str]] = field(default_factory=Counter)
    ended: Counter[tuple[int, bool]] = field(default_factory=Counter)


def naive_bucket(value: int) -> int:
    """The bucket by the definition: 128 equal parts per octave, from 1 on."""
    if value < 1:
        return 0
    mantissa, exponent = math.frexp(float(value))
    return 1 + (exponent - 1) * 128 + int((2 * mantissa - 1) * 128)


def naive_fold(tables: Tables, plan: Layout) -> Told:
    """Fold `requests` row by row."""
    told = Told()
    table = {name: column.tolist() for name, column in tables["requests"].items()}
    for row in range(len(table["t0"])):
        one = {name: column[row] for name, column in table.items()}
        end = one["t0"] + one["latency"]
        measured = one["t0"] >= plan.warmup_ns
        inside = plan.warmup_ns <= end < plan.horizon_ns
        ok = one["outcome"] == 0
        group = int(plan.group_of_replica[one["server"]]) if one["server"] >= 0 else -1
        scopes = [("group", group), ("workload", one["workload"]), ("endpoint", one["endpoint"])]
        for scope in scopes:
            told.counts[scope, one["outcome"], measured, inside] += 1
        if end < plan.horizon_ns:
            told.ended[end // plan.period_ns, ok] += 1
        if not (ok and measured):
            continue
        bucket = naive_bucket(one["latency"])
        for scope in scopes:
            told.histogram[scope, bucket] += 1
            told.sums[scope] += one["latency"]
            told.squares[scope] += one["latency"] ** 2
            told.lowest[scope] = min(told.lowest.get(scope, one["latency"]), one["latency"])
            told.highest[scope] = max(told.highest.get(scope, 0), one["latency"])
        for cause, spent in _causes(one, plan, group).items():
            told.anatomy[bucket, cause] += spent
    return told


def _causes(one: dict[str, int], plan: Layout, group: int) -> dict[str, int]:
    """Where one request's time went."""
    spent: dict[str, int] = defaultdict(int)
    path = one["workload"] * (plan.targets + 1) + one["target"] + 1
    for prefix, links in (("hop", plan.links_in), ("back", plan.links_back)):
        for hop, link_of_path in enumerate(links):
            if link_of_path[path] >= 0:
                spent[f"link {link_of_path[path]}"] += one[f"{prefix}{hop}"]
    for cause in SERVER_CAUSES:
        spent[f"{cause} of {group}"] += one[cause]
    for slot in range(plan.pool_slots):
        spent[f"pool {slot} of {group}"] += one[f"pool_wait{slot}"]
    return spent


def told_by(partial: Partial, plan: Layout) -> Told:
    """Say a partial in the oracle's words."""
    told = Told()
    scopes = scopes_of(plan)
    places = {("group", group): scopes.group(group) for group in range(plan.groups)}
    places |= {("workload", index): scopes.workload_at(index) for index in range(plan.workloads)}
    places |= {("endpoint", index): scopes.endpoint_at(index) for index in range(plan.endpoints)}
    for scope, kept in places.items():
        rows = [1 + member for member in kept.members] + ([0] if kept.whole else [])
        _tell_counts(told, partial, scope, rows)
        _tell_latency(told, partial, scope, kept)
    _tell_counts(told, partial, ("group", -1), [0])
    for row in range(partial.anatomy.low.shape[0]):
        bucket = partial.anatomy.first + row
        for cause, spent in zip(_cause_names(plan), partial.anatomy.row(bucket), strict=True):
            told.anatomy[bucket, cause] += spent
    for row in range(partial.ended.low.shape[0]):
        ok, other = partial.ended.row(partial.ended.first + row)
        told.ended[partial.ended.first + row, True] += ok
        told.ended[partial.ended.first + row, False] += other
    return told


def _tell_counts(told: Told, partial: Partial, scope: Scope, rows: list[int]) -> None:
    for row in rows:
        for category, count in enumerate(partial.counts.row(row)):
            outcome, flags = divmod(category, FLAGS)
            measured, inside = bool(flags & IN_TRIAL_WINDOW), bool(flags & ENDED_IN_WINDOW)
            told.counts[scope, outcome, measured, inside] += count


def _tell_latency(told: Told, partial: Partial, scope: Scope, kept: Kept) -> None:
    counts = histogram_of(partial, kept)
    for row, count in enumerate(counts.tolist()):
        told.histogram[scope, partial.histogram.first + row] += count
    members = list(kept.members)
    rows = [partial.moments.row(member) for member in members]
    moments = [sum(column) for column in zip(*rows, strict=True)]
    told.sums[scope] += moments[0]
    told.squares[scope] += sum_of_squares(moments)
    if counts.sum():
        told.lowest[scope] = int(partial.lowest[members].min())
        told.highest[scope] = int(partial.highest[members].max())


def _cause_names(plan: Layout) -> list[str]:
    names = [f"link {link}" for link in range(plan.links)]
    for group in range(plan.groups):
        names += [f"{cause} of {group}" for cause in SERVER_CAUSES]
        names += [f"pool {slot} of {group}" for slot in range(plan.pool_slots)]
    return names
