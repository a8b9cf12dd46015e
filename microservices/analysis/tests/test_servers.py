"""The servers' numbers, and the rules for saturation and bottlenecks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from analysis_testing.worlds import SECOND, all_tables, layout
from hypothesis import given
from hypothesis import strategies as st

from headroom_analysis.domain.exact import Tally
from headroom_analysis.domain.facts import PoolFacts, ServerFacts
from headroom_analysis.domain.fold import fold
from headroom_analysis.domain.partials import STATES, Partial
from headroom_analysis.domain.servers import (
    bottleneck_of,
    cells_of,
    is_saturated,
    resource_utilisations,
    server_tree,
    waiting_grows,
    waiting_series,
)

if TYPE_CHECKING:
    from headroom_analysis.domain.layout import Layout

SERVER = ServerFacts("app", 2, 4, 1 << 20, (PoolFacts("db", 10, 1), PoolFacts("cache", 5, 2)))


def figures(**changes: Any) -> dict[str, Any]:
    """Numbers of a server at ease, some of them changed; of the pools (utilisation, waiting)."""
    db, cache = changes.pop("db", (0.3, 0.0)), changes.pop("cache", (0.3, 0.0))
    cpu, memory = changes.pop("cpu", 0.0), changes.pop("memory_queue", 0.0)
    held = changes.pop("memory", 0.2)
    base = {"utilisation": 0.5, "utilisation_max_replica": 0.5, "in_system": 10.0, "shed": 0.0}
    return (
        base
        | {
            "memory": {"mean": held * (1 << 30), "peak": 1 << 29},
            "queues": {
                "cpu": {"mean": cpu},
                "memory": {"mean": memory},
                "pools": [{"utilisation": one[0], "mean": one[1]} for one in (db, cache)],
            },
        }
        | changes
    )


def test_a_trees_numbers_by_hand() -> None:
    rng = np.random.default_rng(1)
    plan = layout(rng, groups=2, replicas=3, pool_slots=2, warmup_ns=2 * SECOND, horizon_ns=10 * SECOND)
    tables = all_tables(rng, plan, 50)
    table = tables["servers"]
    table |= {
        "arrivals": np.array([50, 30, 7]),
        "refused": np.array([1, 3, 0]),
        "shed": np.array([4, 2, 0]),
        "busy_ns": np.array([16, 8, 1]) * SECOND,
        "ready_wait_ns": np.array([8, 4, 0]) * SECOND,
        "memory_wait_ns": np.array([0, 2, 0]) * SECOND,
        "in_system_ns": np.array([24, 16, 0]) * SECOND,
        "memory_kib_ns_high": np.array([8_000_000, 8_000_000, 0]),
        "memory_kib_ns_low": np.array([1000, 24, 0]),
        "peak_ready": np.array([3, 9, 99]),
        "peak_memory_kib": np.array([100, 50, 0]),
    }
    pools = {
        "wait_ns": np.array([6, 0, 2, 0, 0, 0]) * SECOND,
        "held_ns": np.array([40, 0, 40, 16, 0, 0]) * SECOND,
        "acquired": np.array([10, 0, 6, 5, 0, 0]),
        "peak_waiting": np.array([2, 0, 5, 1, 50, 60]),
    }
    tables["pools"] = pools
    tree = server_tree(fold(tables, plan), plan, 0, SERVER)
    assert tree["utilisation"] == 24 / (4 * 2 * 8)
    assert tree["utilisation_max_replica"] == 16 / (4 * 8)
    assert tree["in_system"] == 5.0
    assert tree["arrival_rate"] == 10.0
    assert (tree["refused"], tree["shed"]) == (4, 6)
    assert tree["queues"]["cpu"] == {"mean": 1.5, "wait_mean": 12 / 70, "peak": 9}
    assert tree["queues"]["memory"] == {"mean": 0.25, "wait_mean": 2 / 70}
    db, cache = tree["queues"]["pools"]
    assert db == {"utilisation": 80 / (10 * 2 * 8), "mean": 1.0, "wait_mean": 0.5, "peak": 5}
    assert cache == {"utilisation": 16 / (5 * 2 * 8), "mean": 0.0, "wait_mean": 0.0, "peak": 1}
    assert tree["memory"]["mean"] == pytest.approx(1024 * (16_000_000 * 2**20 + 1024) / (2 * 8e9))
    assert tree["memory"]["peak"] == 102_400
    assert [replica["utilisation"] for replica in tree["per_replica"]] == [0.5, 0.25]
    assert tree["per_replica"][1]["arrival_rate"] == pytest.approx(3.75)


def test_nobody_let_in_waits_for_an_unknown_time() -> None:
    plan = layout(np.random.default_rng(1), replicas=2, pool_slots=2)
    tree = server_tree(Partial.empty(plan), plan, 0, SERVER)
    assert tree["queues"]["cpu"] == {"mean": 0.0, "wait_mean": None, "peak": 0}
    assert tree["queues"]["pools"][0]["wait_mean"] is None
    assert tree["error_ratio"] is None


def test_large_fleets_have_no_entry_per_replica() -> None:
    plan = layout(np.random.default_rng(1), replicas=65, pool_slots=0)
    facts = ServerFacts("app", 65, 1, None, ())
    assert server_tree(Partial.empty(plan), plan, 0, facts)["per_replica"] == []


def test_resources_are_ordered_from_the_inside() -> None:
    found = resource_utilisations(figures(), SERVER)
    assert list(found) == ["cpu", "pool:cache", "pool:db", "memory"]
    assert found["memory"] == pytest.approx(0.2)


def test_unlimited_memory_is_no_resource() -> None:
    free = ServerFacts("app", 1, 1, None, ())
    assert list(resource_utilisations(figures(), free)) == ["cpu"]


@pytest.mark.parametrize(
    ("changes", "saturated", "bottleneck"),
    [
        ({}, False, None),
        ({"utilisation_max_replica": 0.95}, True, "cpu"),
        ({"utilisation_max_replica": 0.949}, False, None),
        ({"db": (0.97, 3.0)}, True, "pool:db"),
        ({"cache": (0.99, 3.0), "db": (0.99, 50.0)}, True, "pool:cache"),
        ({"cache": (0.99, 3.0), "utilisation_max_replica": 0.99, "memory": 1.0}, True, "cpu"),
        ({"memory": 0.96, "memory_queue": 4.0}, True, "memory"),
        ({"memory": 0.96, "memory_queue": 40.0, "db": (0.96, 1.0)}, True, "pool:db"),
        ({"shed": 1.0}, True, None),
        ({"cpu": 0.4}, False, None),  # below 5 % of the 10 inside
        ({"cpu": 0.5}, False, "cpu"),
        ({"cpu": 0.6, "db": (0.5, 2.0)}, False, "pool:db"),
        ({"memory_queue": 2.0}, False, "memory"),
        ({"cpu": 1.0, "db": (0.5, 1.0)}, False, "cpu"),
        ({"in_system": 0.0}, False, None),
    ],
)
def test_the_rules_of_saturation_and_bottleneck(
    changes: dict[str, Any], bottleneck: str | None, *, saturated: bool
) -> None:
    found = figures(**changes)
    assert is_saturated(found, SERVER, grows=False) is saturated
    assert bottleneck_of(found, SERVER) == bottleneck


def test_a_growing_backlog_is_saturation() -> None:
    assert is_saturated(figures(), SERVER, grows=True)


def backlog(plan: Layout, waiting: np.ndarray, trials: int = 1) -> Tally:
    """Samples in which so many wait at each tick, with 3 on cores and 2 in I/O besides."""
    table = np.zeros((plan.ticks, plan.cells, len(STATES)), np.int64)
    table[:, 0, STATES.index("busy")] = 3 * trials
    table[:, 0, STATES.index("io")] = 2 * trials
    table[:, 0, STATES.index("in_system")] = waiting * trials + 5 * trials
    return Tally.of(table.reshape(plan.ticks, -1))


@pytest.mark.parametrize(
    ("shape", "grows"),
    [
        ("linear", True),
        ("quadratic", True),
        ("from a plateau", True),
        ("constant", False),
        ("zero", False),
        ("falling", False),
        ("a bump", False),
        ("linear in the warm-up only", False),
        ("linear but tiny", False),
    ],
)
@pytest.mark.parametrize("trials", [1, 3])
def test_when_a_backlog_grows(shape: str, trials: int, *, grows: bool) -> None:
    plan = layout(np.random.default_rng(0), horizon_ns=100 * SECOND, warmup_ns=20 * SECOND)
    t = np.arange(plan.ticks) / 10
    after = np.maximum(t - 20, 0)
    waiting = {
        "linear": 2 * after,
        "quadratic": after**2 / 10,
        "from a plateau": np.where(after > 40, 5 + 3 * (after - 40), 5),
        "constant": np.full(plan.ticks, 500.0),
        "zero": np.zeros(plan.ticks),
        "falling": 1000 - 10 * after,
        "a bump": 100 * np.exp(-((after - 40) ** 2) / 50),
        "linear in the warm-up only": np.minimum(t, 20) * 10,
        "linear but tiny": after / 50,
    }[shape].astype(np.int64)
    assert waiting_grows(backlog(plan, waiting, trials), plan, 0, 4, trials) is grows


@given(base=st.integers(min_value=0, max_value=50), seed=st.integers(min_value=0, max_value=10**6))
def test_noise_around_a_level_hardly_ever_grows(base: int, seed: int) -> None:
    plan = layout(np.random.default_rng(0), horizon_ns=100 * SECOND, warmup_ns=0)
    noise = np.random.default_rng(seed).poisson(base, plan.ticks)
    assert not waiting_grows(backlog(plan, noise), plan, 0, 1, 1)


def test_a_window_without_instants_grows_nothing() -> None:
    plan = layout(np.random.default_rng(0), warmup_ns=10 * SECOND - 1, horizon_ns=10 * SECOND)
    assert not waiting_grows(backlog(plan, np.arange(plan.ticks)), plan, 0, 1, 1)


def test_waiting_is_summed_over_the_cells_of_the_group() -> None:
    plan = layout(np.random.default_rng(0), groups=2, replicas=4)
    table = np.zeros((plan.ticks, plan.cells, len(STATES)), np.int64)
    table[:, :, STATES.index("in_system")] = [1, 10, 100, 1000]
    samples = Tally.of(table.reshape(plan.ticks, -1))
    assert cells_of(plan, 0) == [0, 1]
    assert set(waiting_series(samples, plan, 0).tolist()) == {11.0}
    assert set(waiting_series(samples, plan, 1).tolist()) == {1100.0}


def test_groups_may_share_one_cell_each() -> None:
    plan = layout(np.random.default_rng(0), groups=2, replicas=4)
    shared = plan._replace(cells=2, cell_of_replica=plan.group_of_replica)
    assert [cells_of(shared, group) for group in range(2)] == [[0], [1]]
