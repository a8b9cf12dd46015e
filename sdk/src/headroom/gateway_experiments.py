"""An experiment at a gateway: submitted over HTTP and followed from here."""

import asyncio
from contextlib import suppress
from typing import Any, Final

from headroom.client import Client, GatewayUnavailableError
from headroom.experiment_progress import ExperimentProgress, OnExperimentProgress
from headroom.following import RunFailedError
from headroom.gateway import RunCancelledError
from headroom_common.errors import HeadroomError
from headroom_common.experiments.model import Experiment as AskedExperiment
from headroom_gateway.domain.lives import RunState
from headroom_gateway.experiment_representations import Experiment, ExperimentEvent

_FAREWELL: Final = 10.0


async def run_experiment_at_gateway(
    experiment: AskedExperiment,
    gateway: str,
    *,
    insecure: bool = False,
    on_progress: OnExperimentProgress | None = None,
) -> dict[str, Any]:
    """Have a gateway's platform run an experiment and return its document; cancelling the task cancels it.

    Args:
        experiment: what is asked for.
        gateway: its URL.
        insecure: send a key over plain HTTP to another machine.
        on_progress: is told from time to time how far the experiment has come.

    Raises:
        GatewayError: the gateway refuses the experiment, or cannot be reached.
        RunCancelledError: the experiment was cancelled by somebody else.
        RunFailedError: it could not be completed.
    """

    def tell(news: ExperimentEvent) -> None:
        if on_progress is not None:
            on_progress(progress_of(news))

    async with Client(gateway, insecure=insecure) as client:
        submitting = asyncio.create_task(client.experiments.submit(experiment))
        try:
            # A request that is under way may be granted: to cancel it, its answer has to be known.
            accepted = await asyncio.shield(submitting)
            try:
                ended = await client.experiments.wait(accepted.id, tell)
            except GatewayUnavailableError as error:
                error.next_step = f"It goes on without this command: headroom experiments watch {accepted.id}"
                raise
            require_document(ended)
            return await client.experiments.result(ended.id)
        except asyncio.CancelledError:
            # A gateway that is away does not hear of it, and must not hide that this task was cancelled.
            with suppress(TimeoutError, HeadroomError):
                async with asyncio.timeout(_FAREWELL):
                    await client.experiments.cancel((await submitting).id)
            raise


def require_document(ended: Experiment) -> None:
    """Return if an experiment has found something out.

    Raises:
        RunCancelledError: it was cancelled.
        RunFailedError: it could not be completed.
    """
    if ended.failure is not None:
        raise RunFailedError(ended.failure.reason, ended.failure.field)
    if ended.state is RunState.CANCELLED:
        message = f"experiment {ended.id}: expected it to be completed, found it cancelled"
        raise RunCancelledError(message)


def progress_of(news: ExperimentEvent) -> ExperimentProgress:
    """Return how far an experiment had come."""
    told = news.progress
    return ExperimentProgress(
        round=told.rounds,
        points=told.points,
        trials_done=told.trials_done,
        trials=told.trials,
        requests=told.requests,
    )
