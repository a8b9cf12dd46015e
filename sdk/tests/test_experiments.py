"""Experiments in one process, from Python: their documents, their progress, and what stops them."""

from pathlib import Path

import pytest

import headroom
from headroom.builder import cpu, endpoint, exponential, poisson, scenario, server, workload
from headroom.experiment_progress import ExperimentProgress
from headroom.experiments import replicate, sweep
from headroom_common.errors import PermanentError
from headroom_common.result_format import published
from headroom_common.scenario import Scenario
from headroom_common.scenario.problems import ScenarioError


def shop(rate: str = "60/s") -> Scenario:
    return scenario(
        "shop",
        horizon="20s",
        workloads=[workload("visitors", entry="app", arrivals=poisson(rate))],
        servers=[server("app", cores=1, endpoints=[endpoint("/", steps=[cpu(exponential("10ms"))])])],
        objectives=["latency.p99 below 10s"],
    )


def test_all_points_of_a_sweep_meet_the_same_requests_as_single_runs() -> None:
    told: list[ExperimentProgress] = []
    found = sweep(
        shop(),
        ["spec.servers[0].cores=1,2", "spec.workloads[0].rate=30/s,60/s"],
        trials=3,
        on_progress=told.append,
    )
    assert [[value["text"] for value in point["values"]] for point in found.points] == [
        ["1", "30/s"],
        ["1", "60/s"],
        ["2", "30/s"],
        ["2", "60/s"],
    ]
    alone = headroom.run(shop(), trials=3)
    p99 = next(one for one in found.points[1]["figures"] if one["metric"] == "latency.p99")
    assert {key: p99[key] for key in ("value", "low", "high")} == alone.document["latency"]["p99"]
    assert found.points[1]["objectives"] == alone.document["objectives"]
    assert found.document["requests"] == sum(point["requests"]["total"] for point in found.points)
    done = [(progress.trials_done, progress.trials) for progress in told]
    assert done == sorted(done)
    assert done[0] == (0, 12)
    assert done[-1] == (12, 12)


def test_neither_threads_nor_repetition_change_a_byte() -> None:
    one, two = (
        sweep(shop(), ["spec.workloads[0].rate=30/s..60/s:3"], samples=4, trials=2, threads=threads)
        for threads in (1, 3)
    )
    assert one.to_json() == two.to_json()
    assert len(one.points) == 4


def test_replications_to_a_precision_equal_a_run_of_as_many_trials() -> None:
    found = replicate(shop(), precision=0.04, trials=4)
    (point,) = found.points
    assert point["precise"]
    assert point["trials"] > 4
    (judged,) = found.answer["judged"]
    assert judged["half_width"] <= 0.04
    alone = headroom.run(shop(), trials=point["trials"])
    assert published(found.document["result"]) == published(alone.document)


def test_a_limit_ends_what_never_gets_precise() -> None:
    found = replicate(shop(), precision=0.0001, trials=3, most_trials=5)
    assert found.points[0]["trials"] == 5
    assert found.points[0]["precise"] is False


def test_a_warm_up_is_found_and_left_out() -> None:
    found = replicate(shop("95/s"), precision=None, warm_up="auto", trials=2)
    (point,) = found.points
    assert point["warm_up"]["rule"] == "MSER-5"
    assert point["warmup"] == point["warm_up"]["cut"]
    alone = headroom.run(
        shop("95/s").model_copy(
            update={"spec": shop("95/s").spec.model_copy(update={"warmup": round(point["warmup"] * 10**9)})}
        ),
        trials=2,
    )
    assert published(found.document["result"]) == published(alone.document)


def test_what_is_wrong_is_said_before_anything_is_simulated() -> None:
    told: list[ExperimentProgress] = []
    with pytest.raises(ScenarioError, match="kores"):
        sweep(shop(), ["spec.servers[0].kores=1,2"], on_progress=told.append)
    with pytest.raises(PermanentError, match="threads: expected at least 1"):
        sweep(shop(), ["spec.servers[0].cores=1,2"], threads=0)
    assert told == []


def test_a_caller_that_fails_stops_the_experiment() -> None:
    def fail(progress: ExperimentProgress) -> None:
        if progress.trials_done:
            message = "no more"
            raise LookupError(message)

    with pytest.raises(LookupError, match="no more"):
        sweep(shop(), ["spec.servers[0].cores=1,2"], trials=2, on_progress=fail)


def test_a_document_is_written_and_read_again(tmp_path: Path) -> None:
    found = sweep(shop(), ["spec.servers[0].cores=1,2"], trials=2)
    found.write(tmp_path / "sweep.json")
    assert headroom.ExperimentResult.read(tmp_path / "sweep.json").document == found.document
    with pytest.raises(PermanentError, match=r"output sweep.pdf: expected a name that ends in .json"):
        found.write("sweep.pdf")
    with pytest.raises(PermanentError, match=r"plot sweep.json: expected a name that ends in .png"):
        found.plot("sweep.json")
    (tmp_path / "other.json").write_text('{"format": "headroom.result/v1"}')
    with pytest.raises(PermanentError, match=r"format: expected 'headroom.experiment/v1'"):
        headroom.ExperimentResult.read(tmp_path / "other.json")
