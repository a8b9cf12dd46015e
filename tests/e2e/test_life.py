"""From nothing to nothing: what is kept, what is removed, and what a user is told when something is wrong."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
from headroom_servers.processes import free_port
from headroom_stacks.engine import EngineError
from headroom_stacks.runs import at_gateway, command, embedded, ended
from headroom_stacks.stack import SERVICES

if TYPE_CHECKING:
    from pathlib import Path

    from headroom_stacks.stack import Stack

URL = "/run/secrets/headroom_database_url"


def test_runs_and_secrets_are_kept_until_they_are_removed(stack: Stack, tmp_path: Path) -> None:
    output = tmp_path / "result.json"
    assert ended(at_gateway(stack, "single-server", 2, output), output) == embedded("single-server", 2)
    run = stack.get("/api/v1/runs").json()["items"][0]
    secret = stack.run_in("gateway", "cat", URL)

    stack.compose("stop")
    assert {one["Name"]: one["State"]["ExitCode"] for one in stack.containers(*SERVICES)} == {
        one["Name"]: 0 for one in stack.containers(*SERVICES)
    }, "every service ends in order"
    stack.down()
    assert stack.containers() == []
    stack.up()
    assert stack.get("/api/v1/runs").json()["items"][0] == run
    assert stack.get(f"/api/v1/runs/{run['id']}/results").content == output.read_bytes()
    assert stack.run_in("gateway", "cat", URL) == secret

    stack.down("--volumes")
    assert stack.leftovers() == []
    stack.up()
    assert stack.get("/api/v1/runs").json()["items"] == []
    assert stack.run_in("gateway", "cat", URL) != secret


def test_a_port_that_is_taken_is_told(stack: Stack) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(EngineError, match=rf"127\.0\.0\.1:{port}.*(in use|already)"):
            stack.compose("up", "--detach", "--no-deps", "gateway", port=port)


def test_a_gateway_that_is_not_there_is_told(stack: Stack, tmp_path: Path) -> None:
    url = f"http://localhost:{free_port()}"
    assert url != stack.url
    run = command("single-server", 1, tmp_path / "result.json", f"--gateway={url}")
    told, _ = run.communicate(timeout=300)
    assert run.returncode != 0
    assert url in told
    assert "Traceback" not in told
