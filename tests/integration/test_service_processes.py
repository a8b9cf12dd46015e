"""Services as real processes: how they start, what they answer, and how they end."""

import asyncio
import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from uuid import uuid4

import pytest
from headroom_servers.processes import wait_until
from headroom_servers.rabbitmq import RabbitMQ
from headroom_servers.services import SERVICES, ServiceProcess, module
from pydantic import SecretStr

from headroom_common.event_manager import EventManager, EventManagerSettings, WorkerPool
from headroom_common.event_manager.clock import SystemClock
from headroom_common.event_manager.inbox import MemoryInbox
from headroom_common.event_manager.roll_call import RollCall
from headroom_common.transports.opening import open_transport
from headroom_common.transports.settings import BrokerSettings

NOBODY = {"BROKER__URL": "amqp://guest:hunter2@127.0.0.1:1/"}
"""A broker's address at which nobody listens."""

Start = Callable[..., ServiceProcess]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a service; it is ended after the test."""
    with ExitStack() as running:

        def started(service: str, settings: dict[str, str], **options: str) -> ServiceProcess:
            return running.enter_context(ServiceProcess(service, {**settings, **options}))

        yield started


def states(process: ServiceProcess) -> list[str]:
    return [line["state"] for line in process.lines if line["event"] == "service state changed"]


def run_to_end(service: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Start a service that cannot come up, and return how it ended."""
    return subprocess.run(  # noqa: S603 - our own programs
        [sys.executable, "-m", module(service)],
        env={"PATH": "", **{f"HEADROOM_{name}": value for name, value in environment.items()}},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("service", SERVICES)
def test_without_a_broker_it_lives_is_not_ready_and_ends_cleanly(start: Start, service: str) -> None:
    process = start(service, NOBODY)
    assert process.get("/health/live")[0] == 200
    assert process.get("/health/ready")[0] == 503
    wait_until(lambda: "the broker is not reached" in process.get("/api/v1/service")[1])
    assert process.terminate() == 0
    assert states(process) == ["draining", "stopped"]
    assert "hunter2" not in process.log.read_text(encoding="utf-8")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_is_ready_with_its_broker_and_goes_in_order(
    start: Start, rabbitmq: RabbitMQ, number: signal.Signals
) -> None:
    process = start("router", {"BROKER__URL": rabbitmq.url}, READINESS_GRACE="1")
    process.wait_ready()
    process.send(number)
    wait_until(lambda: process.get("/health/ready")[0] == 503)
    assert process.get("/health/live")[0] == 200, "HTTP answers as long as it can"
    assert process.wait() == 0
    assert states(process) == ["ready", "draining", "stopped"]
    done = [line["step"] for line in process.lines if line["event"] == "shutdown step done"]
    assert done.index("grace") < done.index("drain") < done.index("stop") < done.index("close http")


def test_it_comes_up_when_its_broker_does(start: Start) -> None:
    with RabbitMQ() as broker:
        broker.shut_down()
        process = start("router", {"BROKER__URL": broker.url})
        assert process.get("/health/ready")[0] == 503
        broker.start()
        process.wait_ready()
        broker.shut_down()
        wait_until(lambda: process.get("/health/ready")[0] == 503, what="it notices")
        assert process.get("/health/live")[0] == 200
        broker.start()
        process.wait_ready()
        assert process.terminate() == 0


async def who_answers(url: str, *, expected: set[str]) -> set[str]:
    """The instances that answer a poll, once those that are expected have."""
    roll_call, workers = RollCall("tests", SystemClock()), WorkerPool(1)
    manager = EventManager(
        service="tests",
        instance=str(uuid4()),
        version="0",
        transport=open_transport(BrokerSettings(url=SecretStr(url)), name="tests"),
        inbox=MemoryInbox(),
        settings=EventManagerSettings(),
        clock=SystemClock(),
        workers=workers,
    )
    roll_call.subscribe(manager)
    async with manager, asyncio.timeout(60):
        answered: set[str] = set()
        while not expected <= answered:
            await roll_call.call(manager, within=0.5)
            answered = {one.instance for one in roll_call.instances}
    workers.close()
    return answered


def test_a_killed_instance_does_not_answer_and_the_others_do(start: Start, rabbitmq: RabbitMQ) -> None:
    names = {f"router-{uuid4()}" for _ in range(2)}
    one, other = (start("router", {"BROKER__URL": rabbitmq.url, "INSTANCE": name}) for name in names)
    one.wait_ready()
    other.wait_ready()
    assert names <= asyncio.run(who_answers(rabbitmq.url, expected=names))
    gone = json.loads(one.get("/api/v1/service")[1])["instance"]
    one.kill()
    answered = asyncio.run(who_answers(rabbitmq.url, expected=names - {gone}))
    assert gone not in answered


def test_a_second_signal_ends_it_at_once(start: Start, rabbitmq: RabbitMQ) -> None:
    process = start("router", {"BROKER__URL": rabbitmq.url}, READINESS_GRACE="3600", SHUTDOWN_TIMEOUT="3600")
    process.wait_ready()
    process.send(signal.SIGTERM)
    wait_until(lambda: process.get("/health/ready")[0] == 503)
    process.send(signal.SIGTERM)
    assert process.wait() == 128 + signal.SIGTERM


def test_a_taken_port_is_a_clear_failure() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run_to_end("router", PORT=str(port), LOG_FORMAT="console")
    assert ended.returncode == 1
    assert f"found 127.0.0.1:{port} (is in use)" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("service", SERVICES)
def test_bad_settings_are_told_one_by_one(service: str) -> None:
    ended = run_to_end(service, PORT="http", EVENT_MANAGER__MAX_ATTEMPTS="0", BROKER__HEARTBEAT="x")
    assert ended.returncode == 2
    named = [re.sub(r"^headroom: (\w+): .*", r"\1", line) for line in ended.stderr.splitlines()]
    assert sorted(named) == [
        "HEADROOM_BROKER__HEARTBEAT",
        "HEADROOM_EVENT_MANAGER__MAX_ATTEMPTS",
        "HEADROOM_PORT",
    ]


def test_a_broker_of_no_kind_is_a_bad_setting() -> None:
    ended = run_to_end("router", PORT="0", BROKER__URL="kafka://ann:hunter2@broker")
    assert ended.returncode == 2
    assert "found kafka scheme" in ended.stderr
    assert "hunter2" not in ended.stderr


def test_logs_are_lines_of_json_that_libraries_write_as_well(start: Start) -> None:
    process = start("router", NOBODY, LOG_LEVEL="debug")
    wait_until(lambda: any(line["event"] == "broker not reached" for line in process.lines))
    assert process.terminate() == 0
    lines = process.log.read_text(encoding="utf-8").splitlines()
    assert len(lines) == len(process.lines), "a line is no JSON"
    assert all(line.keys() >= {"event", "level", "timestamp"} for line in process.lines)
    assert {"asyncio", "uvicorn.error"} <= {line.get("logger") for line in process.lines}
