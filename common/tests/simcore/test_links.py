from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st
from simcore_testing import plain
from simcore_testing.worlds import MS, SAMPLES, STREAM, compiled, workload

from headroom_common.simcore.links import count_transit, crossing_ns, step_index, tick_at_or_after
from headroom_common.simcore.sites import LINK_DELAY, LINK_LOSS
from headroom_common.simcore.tables import LINK_DELTAS, S_TICKS, SCALARS

if TYPE_CHECKING:
    from headroom_common.simcore.world import World

FAST = settings(max_examples=100, deadline=None)
LOSSES = st.integers(0, 10**9).map(lambda ppb: ppb / 1e9)
SPANS = st.tuples(st.integers(0, 30), st.integers(1, 12))


def link_world(
    link: dict[str, Any] | None = None, faults: list[dict[str, Any]] | None = None, **spec: Any
) -> World:
    links = [{"name": "lan", "delay": "5ms"} | (link or {})]
    return compiled(workloads=[workload(via=["lan"])], links=links, faults=faults or [], **spec).world(STREAM)


def span(start: int, length: int) -> dict[str, Any]:
    return {"link": "lan", "start": f"{start}ms", "duration": f"{length}ms"}


@FAST
@given(st.lists(st.integers(-5, 40), max_size=30), st.integers(-10, 50), st.data())
def test_the_step_that_holds(times: list[int], t: int, data: st.DataObject) -> None:
    rows = np.array([[time, 0, 0] for time in sorted(times)], np.int64).reshape(-1, 3)
    start = data.draw(st.integers(0, len(times)))
    stop = data.draw(st.integers(start, len(times)))
    expected = max((row for row in range(start, stop) if rows[row, 0] <= t), default=start - 1)
    assert step_index(rows, start, stop, t) == expected


@FAST
@given(st.lists(SPANS, max_size=5))
def test_delays_of_overlapping_faults_add_up(spans: list[tuple[int, int]]) -> None:
    faults = [
        span(start, length) | {"kind": "link_delay", "extra": f"{10**k}us"}
        for k, (start, length) in enumerate(spans)
    ]
    world = link_world(faults=faults)
    for t in range(45 * MS, -1, -MS // 2):
        extra = [10**k for k, (start, length) in enumerate(spans) if start * MS <= t < (start + length) * MS]
        assert crossing_ns(world.handle, 0, 0, t, 7) == 5 * MS + sum(extra) * 1000


@FAST
@given(st.lists(st.tuples(SPANS, LOSSES), max_size=4), LOSSES, st.integers(0, 3))
def test_losses_of_overlapping_faults_add_up(
    spans: list[tuple[tuple[int, int], float]], base: float, hop: int
) -> None:
    faults = [span(*when) | {"kind": "link_loss", "loss": loss} for when, loss in spans]
    world = link_world({"loss": base}, faults)
    for t in range(0, 45 * MS, 3 * MS):
        active = [loss for (start, length), loss in spans if start * MS <= t < (start + length) * MS]
        parts = sum(int(loss * 1e9 + 0.5) for loss in [base, *active])
        identity = t << 16
        lost = plain.uniform(STREAM, identity, LINK_LOSS + 2 * hop) * 1e9 < parts
        assert (crossing_ns(world.handle, 0, hop, t, identity) == -1) == lost


def test_losses_are_as_frequent_as_told() -> None:
    world = link_world({"loss": "3%"})
    n = SAMPLES // 2
    lost = sum(crossing_ns(world.handle, 0, 1, 0, k << 16) < 0 for k in range(n))
    assert abs(lost / n - 0.03) < 5 * math.sqrt(0.03 * 0.97 / n)
    certain = link_world({"loss": "100%"})
    assert all(crossing_ns(certain.handle, 0, 0, 0, k) == -1 for k in range(1000))


def test_hops_draw_their_own_delays() -> None:
    world = link_world({"delay": {"distribution": "uniform", "low": "0s", "high": "1s"}})
    for hop in range(5):
        expected = plain.uniform(STREAM, 99, LINK_DELAY + 2 * hop)
        assert abs(crossing_ns(world.handle, 0, hop, 0, 99) - expected * 1e9) <= 1


@FAST
@given(st.integers(1, 10**10), st.integers(0, 10**15))
def test_the_next_sample_instant(period: int, t: int) -> None:
    tick = tick_at_or_after(period, t)
    assert tick % period == 0
    assert tick - period < t <= tick


@FAST
@given(
    st.integers(1, 7),
    st.lists(st.tuples(st.integers(0, 50), st.integers(0, 30), st.integers(-2, 3)), max_size=25),
)
@example(5, [(5, 5, 0), (0, 5, 0), (1, 4, 0), (4, 1, 0), (49, 30, 0), (50, 1, 0), (5, 0, 0)])
def test_requests_in_transit_at_every_instant(period: int, transits: list[tuple[int, int, int]]) -> None:
    world = link_world(horizon="50ms", sample_period=f"{period}ms")
    for departure, length, off in transits:
        near = (-(-departure // period) + off) * period  # any sample instant will do
        count_transit(world.handle, 0, near * MS, departure * MS, (departure + length) * MS)
    ticks = int(world[SCALARS][0, S_TICKS])
    assert ticks == 50 // period + 1
    found = np.cumsum(world[LINK_DELTAS][0])[:ticks]
    expected = [
        sum(departure <= k * period < departure + length for departure, length, _ in transits)
        for k in range(ticks)
    ]
    assert found.tolist() == expected


def test_links_are_counted_apart() -> None:
    links = [{"name": name, "delay": "1ms"} for name in ("a", "b")]
    world = compiled(workloads=[workload(via=["a", "b"])], links=links, sample_period="1s").world(STREAM)
    count_transit(world.handle, 1, 0, 0, 1)
    assert world[LINK_DELTAS][0].tolist() == [0] * 12
    assert world[LINK_DELTAS][1].tolist() == [1, -1] + [0] * 10


def test_a_crossing_is_the_same_however_often_it_is_asked_for() -> None:
    world = link_world({"delay": {"distribution": "exponential", "mean": "5ms"}, "loss": "10%"})
    first = [crossing_ns(world.handle, 0, 0, 0, k) for k in range(200)]
    assert first == [crossing_ns(world.handle, 0, 0, 0, k) for k in range(200)]
    assert any(a != b for a, b in pairwise(first))
