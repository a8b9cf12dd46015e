"""`headroom runs`: the runs of a gateway, listed, shown, watched, cancelled and deleted."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from rich.console import Console
from rich.table import Table
from rich.text import Text

from headroom.cli import units
from headroom.cli.consoles import consoles, print_json
from headroom.cli.display import RunDisplay
from headroom.cli.gateways import visiting
from headroom.cli.guard import INTERRUPTED, PASS, BadInputError
from headroom.cli.looks import heading
from headroom.cli.outputs import Destinations
from headroom.cli.run_at_gateway import Followed
from headroom.gateway import outcome
from headroom.progress import Progress
from headroom.result import Result
from headroom_gateway.domain.lives import RunState
from headroom_gateway.representations import Run

_STYLES: Final = {
    RunState.COMPLETED: "green",
    RunState.FAILED: "red",
    RunState.CANCELLED: "yellow",
    RunState.CANCELLING: "yellow",
}
_VERDICTS: Final = {"pass": Text(" ✔", "green"), "miss": Text(" ✘", "red"), "none": Text()}
_WIDE: Final = 100
_NO_OUTPUT: Final = "Leave --output out, or wait for the run: headroom runs watch ID"


def list_(*, gateway: str | None, insecure: bool, state: str | None, limit: int, as_json: bool) -> int:
    """Print the runs, newest first.

    Raises:
        BadInputError: the URL or the key cannot be used.
        GatewayError: the gateway refuses, or cannot be reached.
    """

    async def ask() -> Sequence[Run]:
        chosen = None if state is None else RunState(state)
        async with visiting(gateway, insecure=insecure) as client:
            return [run async for run in client.runs.list(state=chosen, limit=limit)]

    found = asyncio.run(ask())
    if as_json:
        print_json([run.model_dump(mode="json") for run in found])
        return PASS
    page, _ = consoles()
    if not found:
        page.print(Text("No runs."))
        return PASS
    page.print(_table(found, wide=page.width >= _WIDE))
    return PASS


def get(*, gateway: str | None, insecure: bool, run_id: UUID, outputs: Sequence[str], as_json: bool) -> int:
    """Print a run and, when it has one, its result.

    Raises:
        BadInputError: an output cannot be written, or there is nothing to write.
        GatewayError: the gateway refuses, or cannot be reached.
        OSError: an output could not be written.
    """
    if as_json and "-" in outputs:
        message = "output: expected --json or --output -, found both, which print on stdout"
        raise BadInputError(message, next_step="Leave one of them out.")
    destinations = Destinations(outputs, quiet=as_json)
    needed = bool(outputs) or not as_json
    run, result = asyncio.run(_run_and_result(gateway, run_id, insecure=insecure, needed=needed))
    if as_json:
        print_json(run.model_dump(mode="json"))
    else:
        _print(destinations.page, run)
    if result is not None:
        destinations.take(result)
    elif outputs:
        message = f"output: expected a run with a result, found one that is {run.state.value}"
        raise BadInputError(message, next_step=_NO_OUTPUT)
    return PASS


def watch(*, gateway: str | None, insecure: bool, run_id: UUID, outputs: Sequence[str], quiet: bool) -> int:
    """Show how a run comes on until it has ended, then its result; returns the exit status of `headroom run`.

    Raises:
        BadInputError: an output cannot be written.
        HeadroomError: the run failed or was cancelled, or the gateway refuses or cannot be reached.
        OSError: an output could not be written.
    """
    destinations = Destinations(outputs, quiet=quiet)
    display = RunDisplay(destinations.remarks, shown=not quiet)

    async def follow() -> Result:
        async with visiting(gateway, insecure=insecure) as client:
            return await outcome(client, await client.runs.wait(run_id, Followed(display).take))

    try:
        with display:
            result = asyncio.run(follow())
    except KeyboardInterrupt:
        destinations.remarks.print(Text("Interrupted; the run goes on."))
        return INTERRUPTED
    return destinations.take(result)


def cancel(*, gateway: str | None, insecure: bool, run_id: UUID) -> int:
    """Stop a run.

    Raises:
        BadInputError: the URL or the key cannot be used.
        GatewayError: the gateway refuses, or cannot be reached.
    """

    async def ask() -> Run:
        async with visiting(gateway, insecure=insecure) as client:
            return await client.runs.cancel(run_id)

    _, remarks = consoles()
    remarks.print(Text(f"run {run_id} is {asyncio.run(ask()).state.value}"), soft_wrap=True)
    return PASS


def delete(*, gateway: str | None, insecure: bool, run_id: UUID) -> int:
    """Delete a run that has ended.

    Raises:
        BadInputError: the URL or the key cannot be used.
        GatewayError: the gateway refuses, or cannot be reached.
    """

    async def ask() -> None:
        async with visiting(gateway, insecure=insecure) as client:
            await client.runs.delete(run_id)

    asyncio.run(ask())
    _, remarks = consoles()
    remarks.print(Text(f"run {run_id} is deleted"), soft_wrap=True)
    return PASS


async def _run_and_result(
    gateway: str | None, run_id: UUID, *, insecure: bool, needed: bool
) -> tuple[Run, Result | None]:
    async with visiting(gateway, insecure=insecure) as client:
        run = await client.runs.get(run_id)
        return run, await client.result(run_id) if needed and run.result is not None else None


def _table(runs: Sequence[Run], *, wide: bool) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    # Whole on one line however narrow the terminal is: ids are there to be copied.
    table.add_column("run", no_wrap=True, min_width=36)
    for column in ("state", "asked for"):
        table.add_column(column, no_wrap=True)
    table.add_column("scenario", no_wrap=True, overflow="ellipsis")
    for column in ("trials", "by") if wide else ():
        table.add_column(column, no_wrap=True, overflow="ellipsis")
    for run in runs:
        more = (f"{run.trials:,}", run.created_by) if wide else ()
        asked_for = run.created_at.astimezone().strftime("%m-%d %H:%M")
        table.add_row(str(run.id), _state(run), asked_for, run.scenario_name, *more)
    return table


def _state(run: Run) -> Text:
    words = run.state.value
    if run.state.active and run.progress is not None:
        share = Progress(**run.progress.model_dump()).share
        words += f" {share * 100:.0f} %"
    state = Text(words, _STYLES.get(run.state, ""))
    if run.result is None or run.result.partial:
        return state
    return state + _VERDICTS[run.result.verdict]


def _print(page: Console, run: Run) -> None:
    page.print(heading(f"{run.scenario_name}, run {run.id}"), soft_wrap=True)
    facts: list[tuple[str, str | Text]] = [
        ("state", _state(run)),
        ("scenario", run.scenario_id),
        ("trials", f"{run.trials:,}, seed {run.seed}, intervals of {units.percent(run.confidence)}"),
        ("asked for", f"{_time(run.created_at)} by {run.created_by}"),
    ]
    if run.clone_of is not None:
        facts.append(("clone of", str(run.clone_of)))
    if run.ended_at is not None:
        facts.append(("ended", _time(run.ended_at)))
    if run.failure is not None:
        where = f"{run.failure.field}: " if run.failure.field else ""
        facts.append(("failed", f"{where}{run.failure.reason}"))
    if run.result is not None and run.result.partial:
        facts.append(("result", f"partial: {run.result.trials:,} of {run.trials:,} trials"))
    if run.result is not None and run.result.cached:
        facts.append(("result", "stored before, of an equal run"))
    for name, value in facts:
        page.print(Text.assemble((f"  {name:<10} ", "dim"), value), soft_wrap=True)
    page.print()


def _time(moment: datetime) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")
