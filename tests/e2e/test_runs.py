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

    from headroom_stacks.stack import Stack

EXAMPLE = "single-server"
TRIALS = 40
MOST_TRIALS = 10_000


def newest(stack: Stack) -> dict[str, Any]:
    found: dict[str, Any] = stack.get("/api/v1/runs").json()["items"][0]
    return found


def disturbed(stack: Stack, folder: Path, disturb: Callable[[], None], trials: int = TRIALS) -> None:
    """Disturb a run in its middle, and see that it gives the result of an undisturbed one.

    A run that is over too soon was not disturbed; another one, longer, is.
    """
    output = folder / f"{trials}.json"
    before = newest(stack)["id"] if stack.get("/api/v1/runs").json()["items"] else None
    run = at_gateway(stack, EXAMPLE, trials, output)

    def begun() -> bool:
        found = stack.get("/api/v1/runs").json()["items"]
        return run.poll() is not None or (
            bool(found)
            and found[0]["id"] != before
            and (found[0]["progress"] or {}).get("trials_done", 0) > 0
        )

    wait_until(begun, within=PATIENCE, what="a first trial")
    under_way = run.poll() is None and newest(stack)["state"] == "running"
    if under_way:
        disturb()
    result = ended(run, output)
    assert newest(stack)["state"] == "completed"
    if not under_way:
        assert trials < MOST_TRIALS
        disturbed(stack, folder, disturb, 4 * trials)
        return
    assert result == embedded(EXAMPLE, trials)


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
    stack.recovered()


def test_more_and_fewer_server_models_under_load(stack: Stack, tmp_path: Path) -> None:
    def scaled() -> None:
        for instances in (2, 1):
            stack.up("--no-recreate", f"--scale=server-model={instances}")
            assert len(stack.containers("server-model")) == instances

    disturbed(stack, tmp_path, scaled, 4 * TRIALS)
