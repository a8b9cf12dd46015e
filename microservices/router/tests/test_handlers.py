from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from router_testing.worlds import MS, Table, by_id, compiled, document, many, routed, router, workload

from headroom_common.contracts.event import Event, caused_event, root_event
from headroom_common.contracts.events import ArrivalsGenerated, RequestsRouted, RunParameters, SegmentHeader
from headroom_common.errors import PermanentError
from headroom_common.simcore.tables import NEVER
from headroom_router.handlers import HANDLERS, arrivals_generated

TIME = datetime(2026, 11, 20, tzinfo=UTC)
NAMES = iter(range(10**30, 10**30 + 1_000_000))
SPEC: dict[str, Any] = {
    "links": [{"name": "wan", "delay": "7ms", "loss": "10%"}],
    "workloads": [workload(via=["wan"])],
    "routers": [router("random", rate_limit={"rate": "500/s", "burst": 5})],
}


def generated(
    rows: Table, *, scenario: dict[str, Any] | None = None, run: RunParameters | None = None, **more: Any
) -> Event[ArrivalsGenerated]:
    if run is None:
        canonical = document(**SPEC) if scenario is None else scenario
        identity = UUID(int=next(NAMES))
        run = RunParameters(run_id=identity, scenario=canonical, scenario_hash="of a test", seed=1, trials=1)
    place = {"trial": 0, "segment": 0, "watermark_ns": NEVER, "final": True} | more.pop("header", {})
    header = SegmentHeader(run=run, **place)
    tables = {"arrivals": rows, "generator.streams": {"next_ns": np.array([9], np.int64)}} | more
    return root_event(ArrivalsGenerated(header, tables), source="/tests", time=TIME)


def handled(event: Event[ArrivalsGenerated]) -> RequestsRouted:
    (output,) = arrivals_generated(event)
    assert isinstance(output.body, RequestsRouted)
    return output.body


def test_it_subscribes_to_arrivals() -> None:
    assert {ArrivalsGenerated: arrivals_generated} == HANDLERS


def test_a_segment_is_routed_as_the_domain_says() -> None:
    event = generated(many(200))
    body = handled(event)
    expected = routed(compiled(**SPEC), many(200))
    assert by_id(body.tables["routed"]) == by_id(expected.routed)
    assert by_id(body.tables["ended"]) == by_id(expected.ended)
    assert body.header == event.body.header
    assert set(body.tables) == {
        *("routed", "ended", "link_samples", "generator.streams"),
        *("router.routers", "router.targets", "router.backends", "router.pending"),
    }


def test_the_states_of_other_stages_are_passed_on_and_its_own_replaced() -> None:
    first = handled(generated(many(50), header={"watermark_ns": 50 * MS, "final": False}))
    states = {name: table for name, table in first.tables.items() if name.startswith("router.")}
    more = states | {"server.slots": {"c0": np.arange(4)}}
    rest = {name: column[50:] for name, column in many(100).items()}
    second = handled(generated(rest, run=first.header.run, header={"segment": 1}, **more))
    assert second.tables["server.slots"]["c0"].tolist() == [0, 1, 2, 3]
    assert len(second.tables["router.pending"]["id"]) == 0
    together = by_id(*(body.tables[name] for body in (first, second) for name in ("routed", "ended")))
    whole = routed(compiled(**SPEC), many(100))
    assert together == by_id(whole.routed, whole.ended)


def test_each_trial_has_its_own_draws() -> None:
    one = handled(generated(many(100)))
    other = handled(generated(many(100), run=one.header.run, header={"trial": 1}))
    again = handled(generated(many(100), run=one.header.run))
    assert one.tables["routed"]["id"].tolist() == again.tables["routed"]["id"].tolist()
    assert one.tables["routed"]["id"].tolist() != other.tables["routed"]["id"].tolist()


@pytest.mark.parametrize("seed", [2**63, 2**64 - 1])
def test_any_seed_will_do(seed: int) -> None:
    run = generated(many(1)).body.header.run.model_copy(
        update={"seed": seed, "run_id": UUID(int=next(NAMES))}
    )
    body = handled(generated(many(100), run=run))
    assert len(body.tables["routed"]["id"]) + len(body.tables["ended"]["id"]) == 100


def test_late_binding_leaves_decisions_to_the_server_model() -> None:
    run = generated(many(1)).body.header.run.model_copy(update={"late_bound": True})
    body = handled(generated(many(100), run=run))
    assert (body.tables["routed"]["server"] == -1).all()


def test_an_empty_segment_is_routed_too() -> None:
    body = handled(generated(many(0)))
    assert len(body.tables["routed"]["id"]) == len(body.tables["ended"]["id"]) == 0


def test_handling_an_event_again_gives_the_same_output() -> None:
    event = generated(many(100))
    (first,), (again,) = arrivals_generated(event), arrivals_generated(event)
    one = caused_event(event.envelope, first, source="/router", time=TIME)
    two = caused_event(event.envelope, again, source="/router", time=TIME)
    assert one.envelope.id == two.envelope.id
    assert isinstance(first.body, RequestsRouted)
    assert isinstance(again.body, RequestsRouted)
    for name, table in first.body.tables.items():
        for column, values in table.items():
            assert np.array_equal(values, again.body.tables[name][column])


def test_an_invalid_scenario_is_refused_for_good() -> None:
    with pytest.raises(PermanentError, match="scenario"):
        arrivals_generated(generated(many(1), scenario={"kind": "Scenario"}))
