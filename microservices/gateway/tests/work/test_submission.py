"""Asking for runs: twice, at once, too often, too much, and for what is known already."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from gateway_testing.parts import parts_of
from gateway_testing.scenarios import SMALL, result, stored
from gateway_testing.storage import CALLER, Storage

from headroom_common.scenario.problems import ScenarioError
from headroom_gateway.domain.lives import Completed, Failed, RunState, Started
from headroom_gateway.errors import NotFoundError, ReusedKeyError, TooLargeError, TooManyRunsError
from headroom_gateway.representations import ClonedRun, NewRun
from headroom_gateway.storage.schema import idempotency, run_events, runs, scenarios
from headroom_gateway.submission import ENGINE_VERSION, Order, Quotas, Submission

if TYPE_CHECKING:
    from headroom_common.errors import HeadroomError
    from headroom_gateway.representations import Run

ME = Order(CALLER)
FRESH = Order(CALLER, fresh=True)


@pytest.fixture
def submission(storage: Storage) -> Submission:
    return parts_of(storage).submission


def small(**options: Any) -> NewRun:
    return NewRun(**{"scenario": SMALL, "trials": 3} | options)


async def complete(storage: Storage, run: Run) -> str:
    """Have a run completed with a result of this version; return the result's hash."""
    document = result(run.trials, seed=run.seed) | {"engine_version": ENGINE_VERSION}
    kept = await storage.keep(document, run)
    await storage.tell(run.id, Started(), Completed(kept.hash))
    return kept.hash


async def test_a_run_and_its_scenario_are_accepted_together(storage: Storage, submission: Submission) -> None:
    accepted = await submission.submit(small(seed=5, confidence=0.9, late_bound=True), ME)
    run = accepted.run
    assert not accepted.repeated
    assert run == await storage.runs.get(run.id)
    assert (run.scenario_id, run.scenario_name) == (stored().id, "small")
    assert (run.trials, run.seed, run.confidence, run.late_bound) == (3, 5, 0.9, True)
    assert (run.created_by, run.created_at) == (CALLER, storage.clock.now())
    assert (await storage.scenarios.get(run.scenario_id)).created_by == CALLER


async def test_a_scenario_is_the_same_as_text_as_json_and_by_its_id(
    storage: Storage, submission: Submission
) -> None:
    one = (await submission.submit(small(), ME)).run
    two = (await submission.submit(small(scenario=yaml.safe_load(SMALL)), ME)).run
    three = (await submission.submit(NewRun(scenario_id=stored().id, trials=3), ME)).run
    assert one.scenario_id == two.scenario_id == three.scenario_id
    assert await storage.count(scenarios) == 1


@pytest.mark.parametrize("by_id", [False, True])
async def test_overrides_change_the_scenario(
    storage: Storage, submission: Submission, *, by_id: bool
) -> None:
    await storage.scenarios.add(stored(), CALLER, storage.clock.now())
    base = {"scenario": None, "scenario_id": stored().id} if by_id else {}
    overrides = ["spec.horizon=3s", "spec.servers[app].cores=2"]
    run = (await submission.submit(small(**base, overrides=overrides), ME)).run
    document = (await storage.scenarios.get(run.scenario_id)).document
    assert (document["spec"]["horizon"], document["spec"]["servers"][0]["cores"]) == ("3s", 2)
    with pytest.raises(ScenarioError, match="coers") as caught:
        await submission.submit(small(**base, overrides=["spec.servers[app].coers=2"]), ME)
    assert caught.value.problems[0].override == "spec.servers[app].coers=2"


async def test_the_result_of_an_equal_run_answers_at_once(storage: Storage, submission: Submission) -> None:
    first = (await submission.submit(small(), ME)).run
    name = await complete(storage, first)
    again = (await submission.submit(small(segment_arrivals=77, late_bound=True), ME)).run
    assert again.result is not None
    assert (again.state, again.result.hash, again.result.cached) == (RunState.COMPLETED, name, True)
    for other in (
        small(seed=2),
        small(trials=4),
        small(confidence=0.9),
        small(overrides=["spec.horizon=3s"]),
    ):
        assert (await submission.submit(other, ME)).run.result is None
    assert (await submission.submit(small(), FRESH)).run.state is RunState.QUEUED


async def test_a_result_of_another_version_does_not_count(storage: Storage, submission: Submission) -> None:
    first = (await submission.submit(small(), ME)).run
    kept = await storage.keep(result() | {"engine_version": "0.0.1"}, first)
    await storage.tell(first.id, Started(), Completed(kept.hash))
    assert (await submission.submit(small(), ME)).run.result is None


async def test_a_clone_is_like_the_other_run_but_for_what_is_changed(
    storage: Storage, submission: Submission
) -> None:
    asked = small(seed=5, confidence=0.9, segment_arrivals=77, late_bound=True)
    first = (await submission.submit(asked, ME)).run
    same = (await submission.clone(first.id, ClonedRun(), ME)).run
    for name in ("scenario_id", "trials", "seed", "confidence", "segment_arrivals", "late_bound"):
        assert getattr(same, name) == getattr(first, name)
    assert same.clone_of == first.id
    changes = ClonedRun(trials=7, seed=0, confidence=0.8, overrides=["metadata.name=other"])
    other = (await submission.clone(first.id, changes, ME)).run
    assert (other.trials, other.seed, other.confidence, other.scenario_name) == (7, 0, 0.8, "other")
    assert other.scenario_id != first.scenario_id
    await storage.tell(first.id, Started(), Failed("it broke", None))
    await storage.runs.delete(first.id, storage.clock.now())
    assert (await storage.runs.get(same.id)).clone_of == first.id
    with pytest.raises(NotFoundError):
        await submission.clone(first.id, ClonedRun(), ME)


async def test_twenty_equal_requests_at_once_are_one_run(storage: Storage, submission: Submission) -> None:
    async with Storage(storage.url) as other:
        both = (submission, parts_of(other).submission)
        order = Order(CALLER, "the-key")
        accepted = await asyncio.gather(*(both[n % 2].submit(small(), order) for n in range(20)))
    assert len({one.run.id for one in accepted}) == 1
    assert [one.repeated for one in accepted].count(False) == 1
    counts = [await storage.count(table) for table in (runs, run_events, idempotency, scenarios)]
    assert counts == [1, 1, 1, 1]


async def test_a_key_is_of_one_caller_and_one_request(storage: Storage, submission: Submission) -> None:
    first = (await submission.submit(small(), Order(CALLER, "k"))).run
    storage.clock.turn(hours=1)
    again = await submission.submit(small(), Order(CALLER, "k", fresh=True))
    assert (again.run.id, again.repeated) == (first.id, True)
    assert (await submission.submit(small(), Order("another", "k"))).run.id != first.id
    for asked in (small(seed=2), small(trials=4), small(overrides=["spec.horizon=3s"])):
        with pytest.raises(ReusedKeyError, match="expected 'k' with the same request as before"):
            await submission.submit(asked, Order(CALLER, "k"))
    with pytest.raises(ReusedKeyError):
        await submission.clone(first.id, ClonedRun(), Order(CALLER, "k"))
    assert await storage.count(runs) == 2
    assert await storage.count(scenarios) == 1, "what is refused leaves nothing"


async def test_a_repeated_request_shows_the_run_as_it_is_now(
    storage: Storage, submission: Submission
) -> None:
    run = (await submission.submit(small(), Order(CALLER, "k"))).run
    await storage.tell(run.id, Started(), Failed("it broke", None))
    again = await submission.submit(small(), Order(CALLER, "k"))
    assert (again.repeated, again.run.state) == (True, RunState.FAILED)


async def refused(submission: Submission, asked: NewRun, kind: type[HeadroomError]) -> HeadroomError:
    with pytest.raises(kind) as caught:
        await submission.submit(asked, ME)
    assert caught.value.next_step
    return caught.value


async def test_a_caller_has_so_many_runs_under_way(storage: Storage) -> None:
    submission = parts_of(storage, quotas=Quotas(2, 2e9)).submission
    first, _ = [(await submission.submit(small(seed=seed), ME)).run for seed in (1, 2)]
    error = await refused(submission, small(seed=3), TooManyRunsError)
    assert error.message == "runs under way: expected at most 2 of one caller, found as many already"
    assert await storage.count(runs) == 2
    assert (await submission.submit(small(seed=3), Order("another"))).run
    await complete(storage, first)
    assert (await submission.submit(small(seed=3), ME)).run
    assert (await submission.submit(small(seed=1), ME)).run.result, "a stored result takes no room"
    await refused(submission, small(seed=4), TooManyRunsError)


async def test_a_run_simulates_so_many_requests(storage: Storage) -> None:
    submission = parts_of(storage, quotas=Quotas(10, 130)).submission
    assert (await submission.submit(small(trials=3), ME)).run
    error = await refused(submission, small(trials=4), TooLargeError)
    assert error.message == "run: expected at most 130 simulated requests, found about 160"
    assert await storage.count(runs) == 1


async def test_what_is_not_there_and_what_is_not_valid_is_refused(
    storage: Storage, submission: Submission
) -> None:
    with pytest.raises(NotFoundError):
        await submission.submit(NewRun(scenario_id="0" * 64), ME)
    with pytest.raises(NotFoundError):
        await submission.submit(NewRun(scenario_id="0" * 64, overrides=["spec.horizon=3s"]), ME)
    with pytest.raises(ScenarioError):
        await submission.submit(NewRun(scenario="[]"), ME)
    assert await storage.count(scenarios) == 0
