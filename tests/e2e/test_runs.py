"""Runs through the gateway, as a user types them: the bytes of a run in one process, whatever is killed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from headroom_servers.processes import wait_until
from headroom_stacks.runs import PATIENCE, at_gateway, embedded, ended
from headroom_stacks.stack import SERVERS, SERVICES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from subprocess import Popen

    from headroom_stacks.stack import Stack

EXAMPLE = "single-server"
TRIALS = 40
MOST_TRIALS = 10_000


def runs(stack: Stack) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = stack.get("/api/v1/runs").json()["items"]
    return found


def disturbed(stack: Stack, folder: Path, disturb: Callable[[], None], trials: int = TRIALS) -> None:
    """Disturb a run in its middle, and see that it gives the result of an undisturbed one.

    A run that is over too soon was not disturbed; another one, longer, is.
    """
    output, under_way = folder / "result.json", False
    while not under_way:
        assert trials <= MOST_TRIALS
        known = {run["id"] for run in runs(stack)}
        process = at_gateway(stack, EXAMPLE, trials, output)

        def begun(known: set[str] = known, process: Popen[str] = process) -> bool:
            news = [run for run in runs(stack) if run["id"] not in known]
            return process.poll() is not None or any(
                (run["progress"] or {}).get("trials_done") for run in news
            )

        wait_until(begun, within=PATIENCE, what="a first trial")
        under_way = runs(stack)[0]["state"] == "running"
        if under_way:
            disturb()
        result = ended(process, output)
        assert runs(stack)[0]["state"] == "completed"
        assert result == embedded(EXAMPLE, trials)
        trials *= 4


@pytest.mark.parametrize(("example", "trials"), [("single-server", 5), ("outage-and-spike", 3)])
def test_a_run_gives_the_bytes_of_a_run_in_one_process(
    stack: Stack, tmp_path: Path, example: str, trials: int
) -> None:
    output = tmp_path / "result.json"
    assert ended(at_gateway(stack, example, trials, output), output) == embedded(example, trials)


@pytest.mark.parametrize("victim", [*SERVICES, *SERVERS])
def test_a_container_that_is_killed_comes_back_and_the_run_completes(
    stack: Stack, tmp_path: Path, victim: str
) -> None:
    disturbed(stack, tmp_path, lambda: stack.crash(victim))
    stack.up()  # waits until it is healthy


def test_more_and_fewer_server_models_under_load(stack: Stack, tmp_path: Path) -> None:
    def scaled() -> None:
        for instances in (2, 1):
            stack.up("--no-recreate", f"--scale=server-model={instances}")
            assert len(stack.containers("server-model")) == instances

    disturbed(stack, tmp_path, scaled, 4 * TRIALS)
