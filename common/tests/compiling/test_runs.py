from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from simcore_testing.worlds import scenario

from headroom_common.contracts.events import RunParameters
from headroom_common.errors import PermanentError
from headroom_common.scenario.runs import LatestCache, compiled_run
from headroom_common.simcore.tables import R_LATE, ROUTERS

ROUTERS_SPEC = [{"name": "lb", "policy": "random", "targets": [{"server": "app"}]}]
ENTRY = [{"name": "w", "entry": "lb", "arrivals": {"kind": "poisson", "rate": "1/s"}}]


def run(number: int, document: dict[str, Any] | None = None, **more: Any) -> RunParameters:
    canonical = scenario(routers=ROUTERS_SPEC, workloads=ENTRY).canonical()
    return RunParameters(
        run_id=UUID(int=number),
        scenario=canonical if document is None else document,
        scenario_hash="unused",
        seed=1,
        trials=1,
        **more,
    )


def test_a_run_is_compiled_once() -> None:
    assert compiled_run(run(1)) is compiled_run(run(1))
    assert compiled_run(run(1)) is not compiled_run(run(2))


def test_what_is_late_bound_is_compiled_apart() -> None:
    early, late = compiled_run(run(3)), compiled_run(run(3, late_bound=True))
    assert early.tables[ROUTERS][0, R_LATE] == 0
    assert late.tables[ROUTERS][0, R_LATE] == 1


def test_an_invalid_scenario_is_refused_for_good() -> None:
    for document in ({}, {"kind": "Scenario"}):
        with pytest.raises(PermanentError, match="scenario"):
            compiled_run(run(4, document))


def test_compiling_again_gives_the_same_tables() -> None:
    first = compiled_run(run(5))
    for number in range(100, 130):  # forgets the first
        compiled_run(run(number))
    again = compiled_run(run(5))
    assert again is not first
    assert again.tables.keys() == first.tables.keys()
    for number, table in first.tables.items():
        assert np.array_equal(again.tables[number], table)


def test_the_least_recently_used_is_forgotten() -> None:
    cache: LatestCache[object] = LatestCache(2)
    made: list[str] = []

    def get(key: str) -> None:
        cache.get(key, lambda: made.append(key) or object())  # type: ignore[func-returns-value]

    for key in "abacab":
        get(key)
    assert made == ["a", "b", "c", "b"]


def test_threads_get_the_same_value() -> None:
    cache: LatestCache[object] = LatestCache(4)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: cache.get("key", object), range(200)))
    assert len(set(map(id, found))) == 1
