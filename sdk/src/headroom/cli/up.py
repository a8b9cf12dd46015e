"""`headroom up`: a platform on this machine until Ctrl-C, in processes or, without a broker, in this one."""

import asyncio
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from headroom.cli.consoles import consoles
from headroom.cli.guard import PASS, BadInputError
from headroom.cli.imports import many_imports
from headroom.cli.looks import section
from headroom.platform import MODULES, LocalPlatform, Member, Platform, members, until_ready

if TYPE_CHECKING:
    from headroom_common.telemetry import LogLevel

MOST_REPLICAS = 64
_BROKER = "headroom run --broker URL FILE submits runs."
_NO_BROKER = "All of it runs in this process, on a broker in memory that only this process can reach."


def execute(
    *,
    broker: str | None,
    redis: str | None,
    database: str | None,
    replicas: Sequence[str],
    port: int,
    log_level: "LogLevel",
) -> int:
    """Start the services, keep them running, and return when all have ended.

    Raises:
        BadInputError: the replicas cannot be read.
        PlatformEndedError: a service refuses its settings.
    """
    plan = members(_replicas(replicas), port)
    _, remarks = consoles()
    if broker is None:
        asyncio.run(_run(lambda: _in_this_process(plan, database, log_level), plan, _NO_BROKER, remarks))
        return PASS
    environment = {
        "HEADROOM_BROKER__URL": broker,
        "HEADROOM_DATABASE_URL": database or _default_database(),
        "HEADROOM_LOG_FORMAT": "console",
        "HEADROOM_LOG_LEVEL": log_level,
        **({"HEADROOM_REDIS_URL": redis} if redis else {}),
    }
    asyncio.run(_run(lambda: _in_processes(plan, environment, remarks), plan, _BROKER, remarks))
    return PASS


def _in_this_process(plan: Sequence[Member], database: str | None, log_level: "LogLevel") -> Platform:
    with many_imports():
        from headroom.platform_in_memory import MemoryPlatform  # noqa: PLC0415 - brings all services along
        from headroom_common import telemetry  # noqa: PLC0415 - as above

    telemetry.configure(log_format="console", level=log_level)
    telemetry.adopt_standard_logging(log_level)
    if database is not None:
        os.environ["HEADROOM_DATABASE_URL"] = database
    return MemoryPlatform(plan)


def _in_processes(plan: Sequence[Member], environment: Mapping[str, str], remarks: Console) -> Platform:
    def say(line: str) -> None:
        remarks.print(Text(line), soft_wrap=True)

    def log(instance: str, line: str) -> None:
        remarks.print(Text.assemble((f"{instance:<15} ", "dim"), line), soft_wrap=True)

    return LocalPlatform(plan, environment, say, log)


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
    remarks.print(Text(f"{advice} Ctrl-C ends the platform."), soft_wrap=True)


def _replicas(texts: Sequence[str]) -> Mapping[str, int]:
    found: dict[str, int] = {}
    for text in texts:
        service, _, number = text.partition("=")
        if service not in MODULES or not number.isdecimal() or not 1 <= int(number) <= MOST_REPLICAS:
            message = (
                f"replicas: expected SERVICE=1…{MOST_REPLICAS} with {', '.join(MODULES)}, found {text!r}"
            )
            raise BadInputError(message, next_step="Write for example --replicas server-model=2.")
        found[service] = int(number)
    return found


def _default_database() -> str:
    """A file among this user's states."""
    states = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    folder = states / "headroom"
    folder.mkdir(parents=True, exist_ok=True)
    return f"sqlite:///{folder / 'analysis.sqlite'}"
