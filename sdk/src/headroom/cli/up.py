"""`headroom up`: a platform on this machine until Ctrl-C, in processes or, without a broker, in this one."""

import asyncio
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console
from rich.text import Text

from headroom.cli.consoles import consoles
from headroom.cli.guard import PASS, BadInputError
from headroom.cli.imports import many_imports
from headroom.cli.looks import section
from headroom.platform import (
    ANALYSIS,
    BEHIND,
    GATEWAY,
    LocalPlatform,
    Member,
    Platform,
    Settings,
    members,
    until_ready,
)

if TYPE_CHECKING:
    from headroom_common.telemetry import LogLevel

MOST_REPLICAS: Final = 64
_NO_BROKER: Final = "All of it runs in this process, on a broker in memory that only this process can reach."


@dataclass(frozen=True, slots=True)
class Places:
    """Where the platform's parts are that were chosen by options.

    Attributes:
        gateway_port: port of the gateway.
        port: port of the first service behind it.
        database: analysis' database; None takes a file among this user's states.
        gateway_database: the gateway's; None as above.
    """

    gateway_port: int
    port: int
    database: str | None
    gateway_database: str | None


def execute(
    *,
    broker: str | None,
    redis: str | None,
    replicas: Sequence[str],
    log_level: "LogLevel",
    **places: Any,  # noqa: ANN401 - the fields of `Places`
) -> int:
    """Start the services, keep them running, and return when all have ended.

    Raises:
        BadInputError: the replicas or the ports cannot be used.
        PlatformEndedError: a service refuses its settings.
    """
    chosen = Places(**places)
    plan = members(_replicas(replicas), chosen.port, gateway_port=chosen.gateway_port)
    _check_ports(plan, chosen)
    settings = _settings(plan, chosen, broker_forgets=broker is None)
    _, remarks = consoles()
    if broker is None:
        asyncio.run(_run(lambda: _in_this_process(plan, settings, log_level), plan, _NO_BROKER, remarks))
        return PASS
    environment = {
        "HEADROOM_BROKER__URL": broker,
        "HEADROOM_LOG_FORMAT": "console",
        "HEADROOM_LOG_LEVEL": log_level,
        **({"HEADROOM_REDIS_URL": redis} if redis else {}),
    }
    asyncio.run(_run(lambda: _in_processes(plan, environment, settings, remarks), plan, "", remarks))
    return PASS


def _settings(plan: Sequence[Member], places: Places, *, broker_forgets: bool) -> Settings:
    """What single services have to be told: their databases, and to the gateway where analysis is."""
    analysis = next(member for member in plan if member.service == ANALYSIS)
    return {
        GATEWAY: {
            "database_url": places.gateway_database or _default_database(GATEWAY),
            "analysis_url": analysis.url,
            "broker_forgets": str(broker_forgets),
        },
        ANALYSIS: {"database_url": places.database or _default_database(ANALYSIS)},
    }


def _check_ports(plan: Sequence[Member], places: Places) -> None:
    """Refuse ports of which one would be used twice.

    Raises:
        BadInputError: the gateway's port is one of those of the services behind it.
    """
    if len({member.port for member in plan}) < len(plan):
        taken = f"{places.port} to {plan[-1].port}, which others have"
        message = f"gateway-port: expected none of {taken}, found {places.gateway_port}"
        raise BadInputError(message, next_step="Choose another --gateway-port or --port.")


def _in_this_process(plan: Sequence[Member], settings: Settings, log_level: "LogLevel") -> Platform:
    with many_imports():
        from headroom.platform_in_memory import MemoryPlatform  # noqa: PLC0415 - brings all services along
        from headroom_common import telemetry  # noqa: PLC0415 - as above

    telemetry.configure(log_format="console", level=log_level)
    telemetry.adopt_standard_logging(log_level)
    return MemoryPlatform(plan, settings)


def _in_processes(
    plan: Sequence[Member], environment: Mapping[str, str], settings: Settings, remarks: Console
) -> Platform:
    def say(line: str) -> None:
        remarks.print(Text(line), soft_wrap=True)

    def log(instance: str, line: str) -> None:
        remarks.print(Text.assemble((f"{instance:<15} ", "dim"), line), soft_wrap=True)

    return LocalPlatform(plan, environment, say, log, settings=settings)


async def _run(start: Callable[[], Platform], plan: Sequence[Member], advice: str, remarks: Console) -> None:
    platform = start()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, platform.end)
    running = asyncio.create_task(platform.run())
    ready = asyncio.create_task(until_ready(plan))
    await asyncio.wait({running, ready}, return_when=asyncio.FIRST_COMPLETED)
    if ready.done():
        _tell(remarks, plan, advice)
    ready.cancel()
    await running


def _tell(remarks: Console, plan: Sequence[Member], advice: str) -> None:
    table = section("Ready")
    table.add_column("HTTP")
    for member in plan:
        table.add_row(member.instance, member.url)
    remarks.print(table)
    url = plan[0].url
    for line in (
        *((advice,) if advice else ()),
        f"headroom run --gateway {url} FILE simulates here; curl -s {url}/api/v1/services shows who works.",
        "Ctrl-C ends the platform.",
    ):
        remarks.print(Text(line), soft_wrap=True)


def _replicas(texts: Sequence[str]) -> Mapping[str, int]:
    found: dict[str, int] = {}
    for text in texts:
        service, _, number = text.partition("=")
        if service not in BEHIND or not number.isdecimal() or not 1 <= int(number) <= MOST_REPLICAS:
            message = f"replicas: expected SERVICE=1…{MOST_REPLICAS} with {', '.join(BEHIND)}, found {text!r}"
            raise BadInputError(message, next_step="Write for example --replicas server-model=2.")
        found[service] = int(number)
    return found


def _default_database(service: str) -> str:
    """A file among this user's states."""
    states = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    folder = states / "headroom"
    folder.mkdir(parents=True, exist_ok=True)
    return f"sqlite:///{folder / service}.sqlite"
