"""`headroom services`: which instances of which services a platform has, and how they are."""

import asyncio
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from headroom.cli.consoles import consoles, print_json
from headroom.cli.guard import FAILED, PASS
from headroom.cli.imports import many_imports
from headroom.cli.looks import section
from headroom_common.contracts.events import ServiceState, ServiceStateChanged
from headroom_common.event_manager.clock import SystemClock
from headroom_common.event_manager.roll_call import CLIENT, SIMULATING, RollCall

_STYLES = {ServiceState.READY: "green", ServiceState.DEGRADED: "yellow"}


def execute(*, broker: str, wait: float, as_json: bool) -> int:
    """Ask and print who answered; the exit status tells whether every service of a run works."""
    instances, working = asyncio.run(_ask(broker, wait))
    missing = sorted(set(SIMULATING) - working)
    if as_json:
        document = {"services": [_as_json(one) for one in instances], "missing": missing}
        print_json(document)
    else:
        page, remarks = consoles()
        _print(page, instances)
        if missing:
            remarks.print(Text(f"missing: {', '.join(missing)}", "red"), soft_wrap=True)
    return FAILED if missing else PASS


async def _ask(broker: str, wait: float) -> tuple[Sequence[ServiceStateChanged], set[str]]:
    with many_imports():
        from headroom.remote import visiting  # noqa: PLC0415 - a broker's client takes long to import

    present = RollCall(CLIENT, SystemClock())
    async with visiting(broker, present.subscribe) as manager:
        await present.call(manager, within=wait)
    return present.instances, present.working


def _print(page: Console, instances: Sequence[ServiceStateChanged]) -> None:
    table = section("Service")
    for column in ("instance", "state", "version", "reason"):
        table.add_column(column)
    for one in instances:
        state = Text(one.state.value, _STYLES.get(one.state, "red"))
        table.add_row(one.service, one.instance, state, one.version, one.reason)
    page.print(table if instances else Text("No service answered."))


def _as_json(one: ServiceStateChanged) -> dict[str, Any]:
    return one.model_dump(mode="json", include={"service", "instance", "version", "state", "reason"})
