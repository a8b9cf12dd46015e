"""What every instance tells of the runs in the database."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

import pytest
from gateway_testing.analysts import Analyst, batch
from gateway_testing.experiments import accepted, runs_of
from gateway_testing.parts import parts_of
from gateway_testing.scenarios import result, stored
from gateway_testing.waits import until

from headroom_common.errors import TransientError
from headroom_gateway import survey
from headroom_gateway.domain.lives import CancelAsked, Completed, Progressed, RunState, Started
from headroom_gateway.errors import NoResultError
from headroom_gateway.survey import Figures, Survey

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway_testing.storage import Storage
    from structlog.typing import EventDict

    from headroom_gateway.representations import Run
    from headroom_gateway.storage.results import Results


def figure(value: float | None, half: float | None = None) -> dict[str, float | None]:
    if value is None or half is None:
        return {"value": value, "low": None, "high": None}
    return {"value": value, "low": value - half, "high": value + half}


def document(p99: float = 0.25, **changed: Any) -> dict[str, Any]:
    """A result with the figures that are told of it."""
    latency = {"p50": figure(0.1, 0.01), "p95": figure(0.2, 0.01), "p99": figure(p99, p99 / 10)}
    figures = {"latency": latency, "throughput": figure(20.0, 1.0), "error_ratio": figure(0.01, 0.01)}
    return result() | figures | changed


def survey_of(storage: Storage) -> Survey:
    return Survey(storage.database, storage.results, storage.clock)


async def completed(storage: Storage, name: str, told: dict[str, Any], *, seconds: float = 8) -> Run:
    """A run of a scenario that took so long, with its result."""
    run = await storage.running(scenario=stored(name))
    new = await storage.keep(told, run)
    storage.clock.turn(seconds=seconds)
    ended = await storage.tell(run.id, Completed(new.hash))
    assert ended is not None
    return ended


def told(found: Survey) -> Mapping[tuple[str, ...], float]:
    """Every sample: its name without what all have, then the values of its labels."""
    return {
        (sample.name.removeprefix("headroom_"), *sample.labels.values()): sample.value
        for family in found.collect()
        for sample in family.samples
    }


async def test_experiments_are_counted_and_their_runs_are_nobodys_last_result(storage: Storage) -> None:
    looking, parts = survey_of(storage), parts_of(storage, analyst=Analyst([batch("0/0", scenario="small")]))
    first, _ = await accepted(parts), await accepted(parts)
    await parts.experimenter.take_step(first.id)
    storage.clock.turn(seconds=60)
    await looking.look()
    assert told(looking)["runs_longest_wait_seconds",] == 0, "nobody waits for a run of an experiment"
    (run,) = await runs_of(storage, first.id)
    await storage.tell(run.id, Started(), Completed((await storage.keep(document(), run)).hash))
    await looking.look()
    found = told(looking)
    assert {state: found["experiments", state] for state in ("queued", "running", "cancelling")} == {
        "queued": 1,
        "running": 1,
        "cancelling": 0,
    }
    assert not any(name.startswith("result_") for name, *_ in found)


async def test_runs_that_have_not_ended_are_counted_by_state(storage: Storage) -> None:
    looking = survey_of(storage)
    await storage.accept()
    storage.clock.turn(seconds=30)
    await storage.accept()
    one, other = await storage.running(), await storage.running()
    await storage.tell((await storage.running()).id, CancelAsked())
    storage.clock.turn(seconds=20)
    await storage.tell(one.id, Progressed(1, 40, 2.0, "trial 0"))
    await completed(storage, "small", document(), seconds=0)
    await looking.look()
    storage.clock.turn(seconds=5)
    found = told(looking)
    assert {state: found["runs", state] for state in ("queued", "running", "cancelling")} == {
        "queued": 2,
        "running": 2,
        "cancelling": 1,
    }
    assert found["runs_longest_wait_seconds",] == 55
    assert found["runs_longest_silence_seconds",] == 25
    assert other.state is RunState.RUNNING


async def test_without_runs_there_is_no_wait(storage: Storage) -> None:
    looking = survey_of(storage)
    await looking.look()
    found = told(looking)
    assert {labels: value for labels, value in found.items() if labels[0] == "runs"} == {
        ("runs", "cancelling"): 0,
        ("runs", "queued"): 0,
        ("runs", "running"): 0,
    }
    assert found["runs_longest_wait_seconds",] == found["runs_longest_silence_seconds",] == 0


async def test_the_last_result_of_every_scenario_is_told(storage: Storage) -> None:
    looking = survey_of(storage)
    await completed(storage, "shop", document(p99=0.5, verdict="miss"))
    await completed(storage, "shop", document(p99=0.25))
    await completed(storage, "bank", document(p99=1.0, verdict="none", trials=7), seconds=3)
    await looking.look()
    found = told(looking)
    assert found["result_latency_seconds", "shop", "0.5"] == 0.1
    assert found["result_latency_seconds", "shop", "0.99"] == 0.25
    assert found["result_half_width_ratio", "shop", "p99"] == pytest.approx(0.1)
    assert found["result_half_width_ratio", "shop", "throughput"] == pytest.approx(0.05)
    assert found["result_requests_per_second", "shop"] == 20
    assert found["result_error_ratio", "shop"] == 0.01
    assert found["result_run_seconds", "shop"] == 8
    assert found["result_run_seconds", "bank"] == 3
    assert found["result_trials", "bank"] == 7
    assert found["result_timestamp_seconds", "bank"] == storage.clock.now().timestamp()
    verdicts = {labels[1:]: value for labels, value in found.items() if labels[0] == "result_verdict"}
    assert {labels for labels, value in verdicts.items() if value} == {("shop", "pass"), ("bank", "none")}
    assert len(verdicts) == 2 * len(survey.VERDICTS)


async def test_what_is_partial_cached_or_under_way_has_no_result_to_tell(storage: Storage) -> None:
    looking = survey_of(storage)
    await storage.running(scenario=stored("under-way"))
    cancelled = await storage.running(scenario=stored("cancelled"))
    await storage.tell(cancelled.id, CancelAsked())
    await completed(storage, "cached", document())
    async with storage.database.transaction() as connection:
        await connection.exec_driver_sql("UPDATE runs SET cached = true WHERE scenario_name = 'cached'")
    await looking.look()
    assert not [labels for labels in told(looking) if labels[0].startswith("result")]


async def test_figures_that_a_result_does_not_have_are_left_out(storage: Storage) -> None:
    empty = {name: figure(None) for name in ("p50", "p95", "p99")}
    nothing = document(latency=empty, throughput=figure(0.0, 0.0), error_ratio=figure(1.0))
    looking = survey_of(storage)
    await completed(storage, "dead", nothing)
    await looking.look()
    found = told(looking)
    names = {labels[0] for labels in found if labels[0].startswith("result")}
    assert not names & {"result_latency_seconds", "result_half_width_ratio"}
    assert (found["result_requests_per_second", "dead"], found["result_error_ratio", "dead"]) == (0, 1)


async def test_a_result_of_another_form_is_told_of_once_and_left_out(
    sqlite: Storage, log_lines: list[EventDict]
) -> None:
    looking = survey_of(sqlite)
    await completed(sqlite, "odd", result())
    await completed(sqlite, "shop", document())
    for _ in range(2):
        await looking.look()
    assert {labels[1] for labels in told(looking) if labels[0] == "result_trials"} == {"shop"}
    assert [line["reason"] for line in log_lines if line["event"] == "a result has no figures"] == [
        "KeyError('latency')"
    ]


async def test_only_the_scenarios_that_ran_last_are_told_of(
    sqlite: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(survey, "SCENARIOS", 3)
    looking = survey_of(sqlite)
    for number in (*range(5), 0):
        await completed(sqlite, f"shop-{number}", document(p99=0.25 + number))
    await looking.look()
    found = {labels[1] for labels in told(looking) if labels[0] == "result_trials"}
    assert found == {"shop-0", "shop-4", "shop-3"}
    assert len(looking._figures) == 3


async def test_results_are_read_once_and_forgotten_with_their_runs(
    sqlite: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[bytes] = []

    def of(text: bytes) -> Figures:
        read.append(text)
        return figures_of(text)

    figures_of = Figures.of
    monkeypatch.setattr(Figures, "of", of)
    looking = survey_of(sqlite)
    run = await completed(sqlite, "shop", document())
    for _ in range(3):
        await looking.look()
    assert len(read) == 1
    await sqlite.runs.delete(run.id, sqlite.clock.now())
    await looking.look()
    assert not looking._figures
    assert not [labels for labels in told(looking) if labels[0].startswith("result")]


class Removed:
    """Results that are gone when they are asked for."""

    async def document(self, name: str) -> bytes:
        raise NoResultError(name)


async def test_a_result_that_is_removed_meanwhile_is_left_out(sqlite: Storage) -> None:
    await completed(sqlite, "shop", document())
    looking = Survey(sqlite.database, cast("Results", Removed()), sqlite.clock)
    await looking.look()
    assert not [labels for labels in told(looking) if labels[0].startswith("result")]


async def test_nothing_is_told_while_the_database_is_away(
    sqlite: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(survey, "PERIOD", 0.01)
    looking = survey_of(sqlite)
    assert told(looking) == {}
    work = asyncio.create_task(looking.run(cast("Any", None)))
    try:
        await until(lambda: bool(told(looking)))
        async with sqlite.without("runs"):
            await until(lambda: not told(looking))
        await until(lambda: bool(told(looking)))
    finally:
        work.cancel()
        with suppress(asyncio.CancelledError):
            await work


async def test_a_failure_of_the_database_is_raised(sqlite: Storage) -> None:
    async with sqlite.without("runs"):
        with pytest.raises(TransientError):
            await survey_of(sqlite).look()
