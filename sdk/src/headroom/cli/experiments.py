"""`headroom experiments`: the experiments of a gateway, listed, shown, watched, cancelled and deleted."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from uuid import UUID

from rich.table import Table
from rich.text import Text

from headroom.cli.consoles import consoles, print_json
from headroom.cli.display import RunDisplay
from headroom.cli.experiment import Outputs
from headroom.cli.gateways import visiting
from headroom.cli.guard import INTERRUPTED, PASS, BadInputError
from headroom.experiment_result import ExperimentResult
from headroom.gateway_experiments import progress_of, require_document
from headroom_gateway.domain.lives import RunState
from headroom_gateway.experiment_representations import Experiment

_STYLES: Final = {
    RunState.COMPLETED: "green",
    RunState.FAILED: "red",
    RunState.CANCELLED: "yellow",
    RunState.CANCELLING: "yellow",
}


def list_(*, gateway: str | None, insecure: bool, state: str | None, limit: int, as_json: bool) -> int:
    """Print the experiments, newest first.

    Raises:
        BadInputError: the URL or the key cannot be used.
        GatewayError: the gateway refuses, or cannot be reached.
    """

    async def ask() -> Sequence[Experiment]:
        chosen = None if state is None else RunState(state)
        async with visiting(gateway, insecure=insecure) as client:
            return [found async for found in client.experiments.list(state=chosen, limit=limit)]

    found = asyncio.run(ask())
    if as_json:
        print_json([one.model_dump(mode="json") for one in found])
        return PASS
    page, _ = consoles()
    page.print(_table(found) if found else Text("No experiments."))
    return PASS


def get(
    *,
    gateway: str | None,
    insecure: bool,
    experiment_id: UUID,
    outputs: Sequence[str],
    plot: Path | None,
    as_json: bool,
) -> int:
    """Print an experiment and, when it has found something out, that.

    Raises:
        BadInputError: an output cannot be written, or there is nothing to write.
        GatewayError: the gateway refuses, or cannot be reached.
        OSError: an output could not be written.
    """
    if as_json and "-" in outputs:
        message = "output: expected --json or --output -, found both, which print on stdout"
        raise BadInputError(message, next_step="Leave one of them out.")
    written = Outputs(outputs, plot)

    async def ask() -> tuple[Experiment, ExperimentResult | None]:
        async with visiting(gateway, insecure=insecure) as client:
            found = await client.experiments.get(experiment_id)
            if found.state is not RunState.COMPLETED:
                return found, None
            return found, ExperimentResult(await client.experiments.result(experiment_id))

    experiment, result = asyncio.run(ask())
    page, remarks = consoles(json_on_stdout="-" in outputs)
    if as_json:
        print_json(experiment.model_dump(mode="json"))
    else:
        page.print(_table([experiment]))
        page.print()
    if result is not None:
        written.take(result, page, remarks, quiet=as_json)
    elif outputs or plot is not None:
        message = f"output: expected a completed experiment, found it {experiment.state.value}"
        raise BadInputError(message, next_step="Wait for it: headroom experiments watch ID")
    elif experiment.failure is not None:
        remarks.print(Text(f"failed: {experiment.failure.reason}", "red"), soft_wrap=True)
    return PASS


def watch(
    *,
    gateway: str | None,
    insecure: bool,
    experiment_id: UUID,
    outputs: Sequence[str],
    plot: Path | None,
    quiet: bool,
) -> int:
    """Show how an experiment comes on until it has ended, then what it found out.

    Raises:
        BadInputError: an output cannot be written.
        HeadroomError: it failed or was cancelled, or the gateway refuses or cannot be reached.
        OSError: an output could not be written.
    """
    written = Outputs(outputs, plot)
    page, remarks = consoles(json_on_stdout="-" in outputs)
    display = RunDisplay(remarks, shown=not quiet)

    async def follow() -> ExperimentResult:
        async with visiting(gateway, insecure=insecure) as client:
            ended = await client.experiments.wait(
                experiment_id, lambda news: display.experimented(progress_of(news))
            )
            require_document(ended)
            return ExperimentResult(await client.experiments.result(experiment_id))

    try:
        with display:
            result = asyncio.run(follow())
    except KeyboardInterrupt:
        remarks.print(Text("Interrupted; the experiment goes on."))
        return INTERRUPTED
    written.take(result, page, remarks, quiet=quiet)
    return PASS


def cancel(*, gateway: str | None, insecure: bool, experiment_id: UUID) -> int:
    """Stop an experiment and its runs.

    Raises:
        BadInputError: the URL or the key cannot be used.
        GatewayError: the gateway refuses, or cannot be reached.
    """

    async def ask() -> Experiment:
        async with visiting(gateway, insecure=insecure) as client:
            return await client.experiments.cancel(experiment_id)

    _, remarks = consoles()
    remarks.print(Text(f"experiment {experiment_id} is {asyncio.run(ask()).state.value}"), soft_wrap=True)
    return PASS


def delete(*, gateway: str | None, insecure: bool, experiment_id: UUID) -> int:
    """Delete an experiment that has ended, with its runs.

    Raises:
        BadInputError: the URL or the key cannot be used.
        GatewayError: the gateway refuses, or cannot be reached.
    """

    async def ask() -> None:
        async with visiting(gateway, insecure=insecure) as client:
            await client.experiments.delete(experiment_id)

    asyncio.run(ask())
    _, remarks = consoles()
    remarks.print(Text(f"experiment {experiment_id} is deleted"), soft_wrap=True)
    return PASS


def _table(experiments: Sequence[Experiment]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    # Whole on one line however narrow the terminal is: ids are there to be copied.
    table.add_column("experiment", no_wrap=True, min_width=36)
    for column in ("kind", "state", "asked for"):
        table.add_column(column, no_wrap=True)
    table.add_column("scenario", no_wrap=True, overflow="ellipsis")
    for one in experiments:
        words = one.state.value
        if one.state.active:
            words += f" {one.progress.trials_done}/{one.progress.trials}"
        asked_for = one.created_at.astimezone().strftime("%m-%d %H:%M")
        state = Text(words, _STYLES.get(one.state, ""))
        table.add_row(str(one.id), one.kind, state, asked_for, one.scenario_name)
    return table
