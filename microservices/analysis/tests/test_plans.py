"""From run parameters to layouts and facts, with the real scenario schema and compiler."""

from __future__ import annotations

import pytest
from analysis_testing.runs import SCENARIO, run_parameters
from analysis_testing.worlds import SECOND

from headroom_analysis.domain.facts import PoolFacts
from headroom_analysis.plans import plan_of
from headroom_common.errors import HeadroomError


def test_the_layout_counts_everything_of_the_scenario() -> None:
    layout = plan_of(run_parameters()).layout
    assert (layout.workloads, layout.endpoints, layout.groups, layout.replicas) == (2, 3, 2, 3)
    assert (layout.links, layout.targets, layout.pool_slots, layout.cells) == (2, 1, 2, 3)
    assert (layout.warmup_ns, layout.horizon_ns, layout.window_ns) == (SECOND, 10 * SECOND, 9 * SECOND)
    assert (layout.period_ns, layout.ticks, layout.bins) == (SECOND // 10, 101, 100)
    assert layout.group_of_replica.tolist() == [0, 0, 1]
    assert (layout.causes_per_group, layout.causes) == (6, 14)


def test_the_last_bin_may_be_a_part_of_a_period() -> None:
    layout = plan_of(run_parameters(horizon="1050ms", warmup="0s", sample_period="100ms")).layout
    assert layout.bins == 11


def test_each_hop_crosses_its_link() -> None:
    layout = plan_of(run_parameters()).layout
    shoppers_direct, shoppers_lb, batch_direct, batch_lb = range(4)
    assert layout.links_in[0, [shoppers_direct, shoppers_lb]].tolist() == [0, 0]  # internet
    assert layout.links_in[1, [shoppers_direct, shoppers_lb]].tolist() == [-1, 1]  # the target's lan
    assert layout.links_in[:, batch_direct].tolist() == [-1, -1]
    assert layout.links_back[:, shoppers_lb].tolist() == [1, 0]
    assert layout.links_back[:, batch_direct].tolist() == [-1, -1]
    assert layout.links_in.shape == layout.links_back.shape == (2, batch_lb + 1)


def test_the_facts_name_everything() -> None:
    run = run_parameters(trials=3)
    facts = plan_of(run).facts
    assert facts.name == "two-tiers"
    assert facts.workloads == ("shoppers", "batch")
    assert facts.endpoints == ("/api", "/buy", "/put")
    assert facts.links == ("internet", "lan")
    assert facts.scenario == run.scenario
    assert (facts.seed, facts.trials, facts.confidence) == (7, 3, 0.95)
    app, store = facts.servers
    assert (app.name, app.replicas, app.cores, app.memory_kib) == ("app", 2, 2, 1 << 20)
    assert app.pools == (PoolFacts("db", 4, 1), PoolFacts("cache", 8, 2))
    assert (store.memory_kib, store.pools) == (None, ())


def test_the_deepest_use_of_a_pool_decides() -> None:
    server = SCENARIO["spec"]["servers"][0]
    io = {"io": "1ms"}
    steps = [
        {"pool": "cache", "steps": [{"pool": "db", "steps": [io]}]},
        {"pool": "db", "steps": [io]},
    ]
    changed = server | {"endpoints": [server["endpoints"][0], {"name": "/buy", "steps": steps}]}
    facts = plan_of(run_parameters(servers=[changed, SCENARIO["spec"]["servers"][1]])).facts
    assert facts.servers[0].pools == (PoolFacts("db", 4, 2), PoolFacts("cache", 8, 1))


def test_objectives_keep_their_scope_and_unit() -> None:
    latency, utilisation = plan_of(run_parameters()).facts.objectives
    assert (latency.metric, latency.operator, latency.threshold) == ("latency.p99", "below", 0.25)
    assert (latency.kind, latency.name) == (None, None)
    assert (utilisation.threshold, utilisation.kind, utilisation.name) == (0.8, "server", "app")
    assert "p99" in latency.text


def test_an_invalid_scenario_is_a_permanent_error() -> None:
    run = run_parameters(name="invalid")
    broken = run.model_copy(update={"scenario": run.scenario | {"kind": "Recipe"}})
    with pytest.raises(HeadroomError, match="kind"):
        plan_of(broken)


def test_a_target_may_have_a_way_back_of_its_own() -> None:
    targets = [
        {"server": "app", "link": "lan", "return_via": ["internet"]},
        {"server": "store", "return_via": []},
    ]
    routers = [{"name": "lb", "policy": "round_robin", "targets": targets}]
    servers = [SCENARIO["spec"]["servers"][0], SCENARIO["spec"]["servers"][1]]
    workloads = [SCENARIO["spec"]["workloads"][0] | {"mix": [{"endpoint": "/api"}]}]
    store = servers[1] | {"endpoints": servers[0]["endpoints"][:1]}
    run = run_parameters(routers=routers, servers=[servers[0], store], workloads=workloads)
    layout = plan_of(run).layout
    direct, app, other = range(3)
    assert layout.targets == 2
    assert layout.links_in[:, direct].tolist() == [0, -1]
    assert layout.links_in[:, app].tolist() == [0, 1]
    assert layout.links_in[:, other].tolist() == [0, -1]
    assert layout.links_back[:, app].tolist()[:1] == [0]
    assert set(layout.links_back[1:, app].tolist()) <= {-1}
    assert set(layout.links_back[:, other].tolist()) == {-1}
