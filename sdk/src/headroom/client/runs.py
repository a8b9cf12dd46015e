"""The runs of a gateway."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID

from pydantic import ValidationError

from headroom.client.calls import Calls
from headroom.client.following import follow
from headroom.client.paging import pages
from headroom.scenarios import as_scenario
from headroom_common.errors import PermanentError
from headroom_common.scenario import Scenario
from headroom_gateway.domain.lives import RunState
from headroom_gateway.representations import ClonedRun, NewRun, Run, RunEvent, RunPage

OnNews = Callable[[RunEvent], None]


class Runs:
    """The runs of a gateway; every method may raise a `GatewayError`.

    Args:
        calls: how the gateway is asked.
    """

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def submit(  # noqa: PLR0913 - the options of a run
        self,
        scenario: Scenario | Mapping[str, Any] | str | Path | None = None,
        *,
        scenario_id: str | None = None,
        overrides: Sequence[str] = (),
        trials: int = 10,
        seed: int = 1,
        confidence: float = 0.95,
        segment_arrivals: int | None = None,
        late_bound: bool = False,
        fresh: bool = False,
    ) -> Run:
        """Ask for a run; it is `completed` at once when the result of an equal one is stored.

        Args:
            scenario: what to simulate, checked here before it is sent; as `headroom.run` takes it.
            scenario_id: a scenario that the gateway has, in its place.
            overrides: changes of the scenario, such as ``spec.servers[0].replicas=4``.
            trials: how many independent replications.
            seed: seed of all randomness.
            confidence: level of the confidence intervals.
            segment_arrivals: aim for the number of arrivals in one event; None takes what suits.
            late_bound: let the server model decide all routing.
            fresh: simulate even if the result is stored.

        Raises:
            ScenarioError: the scenario has problems.
            PermanentError: an argument is out of its range.
        """
        wanted = _new_run(
            scenario_id=scenario_id,
            scenario=None if scenario is None else as_scenario(scenario).canonical(),
            overrides=list(overrides),
            trials=trials,
            seed=seed,
            confidence=confidence,
            segment_arrivals=segment_arrivals,
            late_bound=late_bound,
        )
        return await self._asked("/runs", wanted, fresh=fresh)

    async def clone(
        self, run_id: UUID | str, changes: ClonedRun | None = None, *, fresh: bool = False
    ) -> Run:
        """Ask for a run like another one, but for the changes."""
        return await self._asked(f"{path_of(run_id)}/clone", changes or ClonedRun(), fresh=fresh)

    async def get(self, run_id: UUID | str) -> Run:
        """Return a run."""
        return self._calls.read(Run, await self._calls.get(path_of(run_id)))

    def list(
        self,
        *,
        state: RunState | None = None,
        scenario_id: str | None = None,
        created_by: str | None = None,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[Run]:
        """Yield the runs, newest first, page by page as they are taken.

        Args:
            state: those in this state.
            scenario_id: those of this scenario.
            created_by: those of this user or key.
            created_after: those asked for at this time or later.
            created_before: those asked for before this time.
            limit: at most so many.
        """
        filters = {
            "state": None if state is None else state.value,
            "scenario_id": scenario_id,
            "created_by": created_by,
            "created_after": None if created_after is None else created_after.isoformat(),
            "created_before": None if created_before is None else created_before.isoformat(),
        }
        return pages(self._calls, "/runs", RunPage, filters, limit)

    async def cancel(self, run_id: UUID | str) -> Run:
        """Have a run stop; trials that are done are kept as a partial result."""
        return self._calls.read(Run, await self._calls.post(f"{path_of(run_id)}/cancel"))

    async def delete(self, run_id: UUID | str) -> None:
        """Delete a run that has ended, and its result."""
        await self._calls.delete(path_of(run_id))

    async def follow(self, run_id: UUID | str, *, after: int = 0) -> AsyncGenerator[RunEvent, None]:
        """Yield the news of a run until it has ended; a lost connection is taken up where it was lost.

        Whoever leaves early closes the iterator, as by ``contextlib.aclosing``.

        Args:
            run_id: the run.
            after: sequence number of the last news that is known already.

        Raises:
            GatewayUnavailableError: the gateway stayed away for longer than this client has patience.
        """

        async def is_active() -> bool:
            return (await self.get(run_id)).state.active

        async with aclosing(follow(self._calls, path_of(run_id), RunEvent, is_active, after)) as stream:
            async for event in stream:
                yield event

    async def wait(self, run_id: UUID | str, on_news: OnNews | None = None) -> Run:
        """Return a run once it has ended.

        Args:
            run_id: the run.
            on_news: is told each change of its state, and how far it has come.
        """
        async with aclosing(self.follow(run_id)) as news:
            async for event in news:
                if on_news is not None:
                    on_news(event)
        return await self.get(run_id)

    async def _asked(self, path: str, wanted: NewRun | ClonedRun, *, fresh: bool) -> Run:
        told = wanted.model_dump(mode="json", exclude_unset=True)
        body = {name: value for name, value in told.items() if value is not None}
        return self._calls.read(Run, await self._calls.post(path, body, fresh=fresh))


def path_of(run_id: UUID | str) -> str:
    """Return a run's path."""
    return f"/runs/{quote(str(run_id), safe='')}"


def _new_run(**values: Any) -> NewRun:  # noqa: ANN401 - the model checks them
    """Return what is asked for.

    Raises:
        PermanentError: an argument is out of its range.
    """
    try:
        return NewRun(**values)
    except ValidationError as error:
        faults = error.errors(include_url=False)
        listed = "; ".join(f"{fault['loc'][0]}: {fault['msg']}, found {fault['input']!r}" for fault in faults)
        raise PermanentError(listed, next_step="Give another value.") from error
