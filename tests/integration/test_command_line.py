"""The commands around a platform, as a user types them."""

import asyncio
import json
import signal
import time
from asyncio.subprocess import DEVNULL
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from headroom_platforms.backends import Backend
from headroom_platforms.commands import HEADROOM, PATIENCE, CommandLine, ready
from headroom_platforms.platforms import free_ports
from headroom_platforms.poisons import poisons

from headroom import load_scenario
from headroom.remote import connected, visiting
from headroom_common.contracts.event import Event, Handler
from headroom_common.contracts.events import RunCancelled, RunProgressed
from headroom_common.event_manager import EventManager

ROOT = Path(__file__).parents[2]
SCENARIO = ROOT / "examples" / "single-server.yaml"


@pytest.fixture
def command_line(backend: Backend, tmp_path: Path) -> CommandLine:
    return CommandLine(backend.environment, tmp_path)


@pytest.fixture
def platform(command_line: CommandLine, tmp_path: Path) -> Iterator[None]:
    log = tmp_path / "up.log"
    with ready(command_line.up(log, free_ports(7), "--replicas", "server-model=2"), log):
        yield


@pytest.mark.usefixtures("platform")
async def test_a_platform_from_its_start_to_its_end(
    backend: Backend, command_line: CommandLine, tmp_path: Path
) -> None:
    # Who is there?
    found = json.loads(command_line("services", "--json"))
    assert found["missing"] == []
    assert [(one["service"], one["state"]) for one in found["services"]] == [
        *(("analysis", "ready"), ("gateway", "ready"), ("generator", "ready"), ("router", "ready")),
        *(("server-model", "ready"), ("server-model", "ready")),
    ]
    assert "server-model-2" in command_line("services")

    # A run, here and there.
    files = [tmp_path / name for name in ("remote.json", "embedded.json")]
    broker = ("--broker", backend.broker_url)
    for file, where in zip(files, (broker, ()), strict=True):
        command_line("run", str(SCENARIO), "-n", "3", "--quiet", "-o", str(file), *where)
    assert files[0].read_bytes() == files[1].read_bytes()

    # Ctrl-C in the middle of a long run.
    assert await _interrupted(backend, command_line) == 130

    # What could not be handled.
    bad = poisons(load_scenario(SCENARIO).scenario)["truncated Arrow"]
    async with connected(backend.broker_url) as transport:
        await transport.publish(bad)
    assert bad.event_id in _until(command_line, bad.event_id)
    shown = command_line("dead-letters", "show", bad.event_id)
    assert "expected Arrow IPC streams" in shown
    assert "replayed 1" in command_line("dead-letters", "replay", bad.event_id)
    assert bad.event_id in _until(command_line, bad.event_id)
    assert "purged 1" in command_line("dead-letters", "purge", "--all", "--service", "router")
    assert "No dead letters." in command_line("dead-letters", "list", "--service", "router")
    assert "found none of nonsense" in command_line("dead-letters", "show", "nonsense", status=2)
    assert "found none of nonsense" in command_line("dead-letters", "purge", "nonsense", status=2)


async def _interrupted(backend: Backend, command_line: CommandLine) -> int:
    """Interrupt a run and return its exit status, once the platform was told that it is cancelled."""
    started, cancelled = asyncio.Event(), asyncio.Event()

    def noting(noted: asyncio.Event) -> Handler[Any]:
        def note(_: Event[Any]) -> tuple[()]:
            noted.set()
            return ()

        return note

    def subscribe(manager: EventManager) -> None:
        manager.subscribe(RunProgressed, noting(started), inline=True, private=True)
        manager.subscribe(RunCancelled, noting(cancelled), inline=True, private=True)

    async with visiting(backend.broker_url, subscribe), asyncio.timeout(PATIENCE):
        command = [HEADROOM, "run", str(SCENARIO), "-n", "100000", "--quiet"]
        process = await asyncio.create_subprocess_exec(
            *command, "--broker", backend.broker_url, env=command_line.environment, stderr=DEVNULL
        )
        await started.wait()
        process.send_signal(signal.SIGINT)
        await cancelled.wait()
        return await process.wait()


def test_without_a_broker_all_services_share_a_process(tmp_path: Path) -> None:
    log, port = tmp_path / "up.log", free_ports(7)
    with ready(CommandLine({}, tmp_path).up(log, port), log):
        answers = [httpx.get(f"http://127.0.0.1:{port + place}/api/v1/service").json() for place in range(5)]
    names = [answer["name"] for answer in answers]
    assert names == ["gateway", "generator", "router", "server-model", "analysis"]
    assert {answer["state"] for answer in answers} == {"ready"}


def test_a_run_without_a_platform_says_what_is_missing(backend: Backend, command_line: CommandLine) -> None:
    said = command_line("run", str(SCENARIO), "--broker", backend.broker_url, status=3)
    assert "found no analysis, generator, router, server-model" in said
    assert "missing: analysis, generator, router, server-model" in command_line("services", status=3)


def test_a_platform_that_cannot_start_ends_and_says_why(command_line: CommandLine, tmp_path: Path) -> None:
    command_line.environment["HEADROOM_THREADS"] = "many"
    log = tmp_path / "up.log"
    process = command_line.up(log, free_ports(7))
    assert process.wait(PATIENCE) == 3
    assert "HEADROOM_THREADS" in log.read_text()
    assert "found 'many'" in log.read_text()


def _until(command_line: CommandLine, event_id: str) -> str:
    """The list of dead letters, once it has this one."""
    deadline = time.monotonic() + PATIENCE
    while event_id not in (listed := command_line("dead-letters", "list")):
        assert time.monotonic() < deadline, listed
    return listed
