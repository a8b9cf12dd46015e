from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st
from simcore_testing import plain
from simcore_testing.worlds import SAMPLES, STREAM, app, compiled, workload

from headroom_common.simcore.mix import choose_endpoint
from headroom_common.simcore.sites import ENDPOINT

if TYPE_CHECKING:
    from headroom_common.scenario.compile import CompiledScenario

WEIGHTS = st.lists(st.one_of(st.floats(1e-6, 1e3), st.integers(1, 9)), min_size=1, max_size=6)


def mixed(weights: list[float]) -> CompiledScenario:
    names = [f"/{row}" for row in range(len(weights))]
    mix = [{"endpoint": name, "weight": weight} for name, weight in zip(names, weights, strict=True)][::-1]
    endpoints = [{"name": name, "steps": [{"cpu": "1ms"}]} for name in names]
    return compiled(workloads=[workload(mix=mix)], servers=[app(endpoints=endpoints)])


@settings(max_examples=60, deadline=None)
@given(WEIGHTS)
def test_an_endpoint_is_the_first_whose_cumulative_weight_exceeds_the_draw(weights: list[float]) -> None:
    world = mixed(weights).world(STREAM)
    parts = [int(weight * 1e6 + 0.5) for weight in weights][::-1]
    for identity in range(0, 40 << 16, 1 << 16):
        mark = plain.index(plain.uniform(STREAM, identity, ENDPOINT), sum(parts))
        row = next(row for row in range(len(parts)) if sum(parts[: row + 1]) > mark)
        assert choose_endpoint(world.handle, 0, identity) == len(parts) - 1 - row


def test_shares_are_as_weighted() -> None:
    world = mixed([1, 2, 7]).world(STREAM)
    count = SAMPLES // 4
    found = Counter(choose_endpoint(world.handle, 0, n << 16) for n in range(count))
    for row, share in enumerate((0.1, 0.2, 0.7)):
        assert abs(found[row] / count - share) < 5 * math.sqrt(share * (1 - share) / count)
