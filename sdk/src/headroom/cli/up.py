"""`headroom up`: a platform on this machine, until Ctrl-C."""

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from headroom.cli.consoles import consoles
from headroom.cli.guard import PASS, BadInputError
from headroom.cli.looks import section
from headroom.platform import MODULES, LocalPlatform, Member, members

MOST_REPLICAS = 64


def execute(
    *,
    broker: str,
    redis: str | None,
    database: str | None,
    replicas: Sequence[str],
    port: int,
    log_level: str,
) -> int:
    """Start the services, keep them running, and return when all have ended.

    Raises:
        BadInputError: the replicas cannot be read.
        PlatformEndedError: a service refuses its settings.
    """
    plan = members(_replicas(replicas), port)
    environment = {
        "HEADROOM_BROKER__URL": broker,
        "HEADROOM_DATABASE_URL": database or _default_database(),
        "HEADROOM_LOG_FORMAT": "console",
        "HEADROOM_LOG_LEVEL": log_level,
        **({"HEADROOM_REDIS_URL": redis} if redis else {}),
    }
    _, remarks = consoles()
    asyncio.run(_run(plan, environment, remarks))
    return PASS


async def _run(plan: Sequence[Member], environment: Mapping[str, str], remarks: Console) -> None:
    def say(line: str) -> None:
        remarks.print(Text(line), soft_wrap=True)

    def log(instance: str, line: str) -> None:
        remarks.print(Text.assemble((f"{instance:<15} ", "dim"), line), soft_wrap=True)

    platform = LocalPlatform(plan, environment, say, log)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, platform.end)
    running = asyncio.create_task(platform.run())
    ready = asyncio.create_task(platform.ready())
    await asyncio.wait({running, ready}, return_when=asyncio.FIRST_COMPLETED)
    if ready.done():
        _tell(remarks, plan)
    ready.cancel()
    await running


def _tell(remarks: Console, plan: Sequence[Member]) -> None:
    table = section("Ready")
    table.add_column("HTTP")
    for member in plan:
        table.add_row(member.instance, member.url)
    remarks.print(table)
    remarks.print(
        Text("headroom run --broker URL FILE submits runs; Ctrl-C ends the platform."), soft_wrap=True
    )


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
