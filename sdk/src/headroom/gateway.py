"""A run at a gateway: submitted over HTTP and followed from here."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final
from uuid import UUID

from headroom.client import Client, GatewayUnavailableError
from headroom.following import RunFailedError
from headroom.progress import OnProgress, Progress
from headroom.result import Result
from headroom_common.errors import HeadroomError, PermanentError
from headroom_common.scenario import Scenario
from headroom_gateway.domain.lives import RunState
from headroom_gateway.representations import Run, RunEvent

_FAREWELL: Final = 10.0

OnNews = Callable[[Run | RunEvent], None]
"""Takes a run as it was accepted, then its news; and when it had to be cancelled, the run again."""


class RunCancelledError(PermanentError):
    """A run was cancelled by somebody else."""


async def run_at_gateway(  # noqa: PLR0913 - the options of a run
    scenario: Scenario,
    gateway: str,
    *,
    trials: int,
    seed: int,
    segment_arrivals: int | None = None,
    late_bound: bool = False,
    confidence: float = 0.95,
    fresh: bool = False,
    insecure: bool = False,
    on_progress: OnProgress | None = None,
    on_news: OnNews | None = None,
) -> Result:
    """Have a gateway's platform simulate a scenario; cancelling the task cancels the run.

    Args:
        scenario: what to simulate.
        gateway: its URL.
        trials: how many independent replications.
        seed: seed of all randomness.
        segment_arrivals: aim for the number of arrivals in one event; None takes what suits.
        late_bound: let the server model decide all routing.
        confidence: level of the confidence intervals.
        fresh: simulate even if the result of an equal run is stored.
        insecure: send a key over plain HTTP to another machine.
        on_progress: is told from time to time how far the run has come.
        on_news: is told everything.

    Raises:
        GatewayError: the gateway refuses the run, or cannot be reached.
        PermanentError: an argument is out of its range.
        RunCancelledError: the run was cancelled by somebody else.
        RunFailedError: the run could not be completed.
    """
    async with Client(gateway, insecure=insecure) as client:
        asked = client.runs.submit(
            scenario,
            trials=trials,
            seed=seed,
            segment_arrivals=segment_arrivals,
            late_bound=late_bound,
            confidence=confidence,
            fresh=fresh,
        )
        submitting = asyncio.create_task(asked)
        tell = _teller(on_progress, on_news)
        try:
            # A request that is under way may be granted: to cancel the run, its answer has to be known.
            run = await asyncio.shield(submitting)
            tell(run)
            if run.state.active:
                run = await _ended(client, run.id, tell)
            return await outcome(client, run)
        except asyncio.CancelledError:
            # A gateway that is away does not hear of it, and must not hide that this task was cancelled.
            with suppress(TimeoutError, HeadroomError):
                async with asyncio.timeout(_FAREWELL):
                    tell(await client.runs.cancel((await submitting).id))
            raise


async def outcome(client: Client, run: Run) -> Result:
    """Return the result of a run that has ended.

    Raises:
        RunCancelledError: it was cancelled.
        RunFailedError: it could not be completed.
    """
    if run.failure is not None:
        raise RunFailedError(run.failure.reason, run.failure.field)
    if run.state is RunState.CANCELLED:
        message = f"run {run.id}: expected it to be completed, found it cancelled"
        raise RunCancelledError(message, next_step=f"What is kept of it: headroom runs get {run.id}")
    return await client.result(run.id)


def _teller(on_progress: OnProgress | None, on_news: OnNews | None) -> OnNews:
    def tell(news: Run | RunEvent) -> None:
        if on_news is not None:
            on_news(news)
        if on_progress is not None and news.progress is not None:
            on_progress(Progress(**news.progress.model_dump()))

    return tell


async def _ended(client: Client, run_id: UUID, on_news: OnNews) -> Run:
    try:
        return await client.runs.wait(run_id, on_news)
    except GatewayUnavailableError as error:
        error.next_step = f"The run goes on without this command: headroom runs watch {run_id}"
        raise
