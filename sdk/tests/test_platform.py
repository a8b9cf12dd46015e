"""The commands around a platform, as far as they need none: arguments, refusals, who is there."""

import asyncio
from collections.abc import Mapping

import pytest
from headroom_servers.processes import free_port
from typer.testing import CliRunner

from headroom.cli.main import app
from headroom.platform import BEHIND, MODULES, members
from headroom_common.contracts.events import ServicePolled, ServiceState, ServiceStateChanged
from headroom_common.event_manager import EventManager, EventManagerSettings, WorkerPool
from headroom_common.event_manager.clock import SystemClock
from headroom_common.event_manager.inbox import MemoryInbox
from headroom_common.event_manager.roll_call import SIMULATING, RollCall
from headroom_common.event_manager.subscriptions import answer_polls
from headroom_common.transports.memory import MemoryBroker

NOWHERE = "amqp://guest:secret-word@127.0.0.1:1/"


@pytest.fixture
def headroom() -> CliRunner:
    return CliRunner()


def test_every_service_gets_a_port_of_its_own() -> None:
    plan = members({"server-model": 3, "router": 2}, 9000)
    assert [member.instance for member in plan] == [
        *("generator-1", "router-1", "router-2"),
        *("server-model-1", "server-model-2", "server-model-3", "analysis-1"),
    ]
    assert [member.port for member in plan] == list(range(9000, 9007))
    assert plan[0].url == "http://127.0.0.1:9000"
    before = members({}, 9000, gateway_port=8100)[0]
    assert (before.instance, before.port) == ("gateway-1", 8100)


def test_a_platform_has_all_that_a_run_needs() -> None:
    assert set(BEHIND) == set(SIMULATING)
    assert list(MODULES) == ["gateway", *BEHIND]


@pytest.mark.parametrize("port", ["8101", "8104"])
def test_a_port_of_the_gateway_that_another_service_has_is_refused(headroom: CliRunner, port: str) -> None:
    result = headroom.invoke(app, ["up", "--gateway-port", port])
    assert result.exit_code == 2
    assert "gateway-port: expected none of 8101 to 8104" in " ".join(result.stderr.split())


@pytest.mark.parametrize("text", ["router", "router=0", "router=many", "gateway=1", "router=65", "router=-1"])
def test_replicas_that_cannot_be_read_are_refused(headroom: CliRunner, text: str) -> None:
    result = headroom.invoke(app, ["up", "--broker", NOWHERE, "--replicas", text])
    assert result.exit_code == 2
    assert f"found {text!r}" in " ".join(result.stderr.split())


@pytest.mark.parametrize("url", ["http://broker/", "broker", ""])
@pytest.mark.parametrize(
    "command", [["services"], ["dead-letters", "list"], ["run", "examples/single-server.yaml"]]
)
def test_a_broker_of_another_kind_is_refused(headroom: CliRunner, command: list[str], url: str) -> None:
    result = headroom.invoke(app, [*command, "--broker", url])
    assert result.exit_code == 2
    assert "expected amqp:// or amqps://" in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    "command",
    [["services"], ["dead-letters", "list"], ["run", "examples/single-server.yaml", "--no-progress"]],
)
def test_a_broker_that_is_not_there_is_told_without_its_password(
    headroom: CliRunner, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.setattr("headroom.remote.PATIENCE", 0.5)
    url = f"amqp://guest:secret-word@127.0.0.1:{free_port()}/"
    result = headroom.invoke(app, [*command, "--broker", url])
    assert result.exit_code == 3
    assert f"expected one at {url.replace(':secret-word', '')}, found none" in " ".join(result.stderr.split())
    assert "secret-word" not in result.output


@pytest.mark.parametrize("command", ["replay", "purge"])
@pytest.mark.parametrize(("more", "found"), [([], "neither"), (["some-id", "--all"], "both")])
def test_dead_letters_are_moved_by_id_or_all(
    headroom: CliRunner, command: str, more: list[str], found: str
) -> None:
    result = headroom.invoke(app, ["dead-letters", command, "--broker", NOWHERE, *more])
    assert result.exit_code == 2
    assert f"expected ids or --all, found {found}" in result.stderr


def test_dead_letters_of_an_unknown_service_are_refused(headroom: CliRunner) -> None:
    result = headroom.invoke(app, ["dead-letters", "list", "--broker", NOWHERE, "--service", "databse"])
    assert result.exit_code == 2
    assert "found 'databse'" in result.stderr


def test_help_does_not_import_what_only_platforms_need(headroom: CliRunner) -> None:
    for command in (["up"], ["services"], ["dead-letters"], ["dead-letters", "show"]):
        assert headroom.invoke(app, [*command, "--help"]).exit_code == 0


class Platform:
    """Event managers on one broker in memory."""

    def __init__(self) -> None:
        self._broker = MemoryBroker()
        self.workers = WorkerPool(1)

    def manager(self, service: str, instance: str = "1") -> EventManager:
        return EventManager(
            service=service,
            instance=instance,
            version="0.1.0",
            transport=self._broker.transport(),
            inbox=MemoryInbox(),
            settings=EventManagerSettings(),
            clock=SystemClock(),
            workers=self.workers,
        )


async def called(services: Mapping[str, int], **options: object) -> RollCall:
    """A roll call among so many instances of services."""
    platform = Platform()
    present = RollCall("client", SystemClock())
    client = platform.manager("client")
    present.subscribe(client)
    others = [
        platform.manager(name, f"{number}") for name, count in services.items() for number in range(count)
    ]
    for other in others:
        answer_polls(other)
    async with asyncio.TaskGroup() as group:
        for other in others:
            group.create_task(other.start())
    async with client:
        await present.call(client, within=5.0, **options)  # type: ignore[arg-type] - options of the test
    for other in others:
        await other.stop()
    platform.workers.close()
    return present


async def test_everyone_who_is_there_answers() -> None:
    services = {"generator": 1, "router": 2, "server-model": 3, "analysis": 1}
    present = await called(services, until=SIMULATING)
    assert present.working == set(SIMULATING)


async def test_a_call_without_an_end_takes_its_time_and_hears_all() -> None:
    platform = Platform()
    present = RollCall("client", SystemClock())
    client, router = platform.manager("client"), platform.manager("router")
    present.subscribe(client)
    answer_polls(router)
    async with client, router:
        await present.call(client, within=0.3)
        assert [(one.service, one.state) for one in present.instances] == [("router", ServiceState.READY)]
        await router.drain()
        await router.stop()
        await asyncio.sleep(0.2)
        assert present.instances == []
        assert present.working == set()
    platform.workers.close()


async def test_who_is_not_there_is_missed() -> None:
    present = await called({"generator": 1, "router": 1}, until=("generator",))
    assert "analysis" not in present.working


def test_a_poll_has_an_answer_with_state_version_and_reason() -> None:
    fields = set(ServiceStateChanged.model_fields)
    assert {"service", "instance", "version", "state", "reason"} <= fields
    assert set(ServicePolled.model_fields) == {"poll_id"}
