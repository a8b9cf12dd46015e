"""The experiments of a gateway."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from datetime import datetime
from typing import Any
from urllib.parse import quote
from uuid import UUID

from headroom.client.calls import Calls
from headroom.client.following import follow
from headroom.client.paging import pages
from headroom_common.experiments.model import Experiment as AskedExperiment
from headroom_gateway.domain.lives import RunState
from headroom_gateway.experiment_representations import (
    Experiment,
    ExperimentEvent,
    ExperimentPage,
    Kind,
    NewExperiment,
)

OnExperimentNews = Callable[[ExperimentEvent], None]


class Experiments:
    """The experiments of a gateway; every method may raise a `GatewayError`.

    Args:
        calls: how the gateway is asked.
    """

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def submit(self, experiment: AskedExperiment | NewExperiment) -> Experiment:
        """Ask for an experiment.

        Args:
            experiment: what is asked; `headroom_common.experiments.asking.experiment_of` makes one of a
                scenario here, and `NewExperiment` is one of a scenario that the gateway has.
        """
        told = experiment.model_dump(mode="json")
        body = {name: value for name, value in told.items() if value is not None}
        return self._calls.read(Experiment, await self._calls.post("/experiments", body))

    async def get(self, experiment_id: UUID | str) -> Experiment:
        """Return an experiment."""
        return self._calls.read(Experiment, await self._calls.get(_path(experiment_id)))

    def list(
        self,
        *,
        state: RunState | None = None,
        kind: Kind | None = None,
        scenario_id: str | None = None,
        created_by: str | None = None,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[Experiment]:
        """Yield the experiments, newest first, page by page as they are taken.

        Args:
            state: those in this state.
            kind: those of this kind.
            scenario_id: those of this scenario.
            created_by: those of this user or key.
            created_after: those asked for after this time.
            created_before: those asked for before this time.
            limit: at most so many.
        """
        filters = {
            "state": None if state is None else state.value,
            "kind": kind,
            "scenario_id": scenario_id,
            "created_by": created_by,
            "created_after": None if created_after is None else created_after.isoformat(),
            "created_before": None if created_before is None else created_before.isoformat(),
        }
        return pages(self._calls, "/experiments", ExperimentPage, filters, limit)

    async def cancel(self, experiment_id: UUID | str) -> Experiment:
        """Have an experiment and its runs stop."""
        return self._calls.read(Experiment, await self._calls.post(f"{_path(experiment_id)}/cancel"))

    async def delete(self, experiment_id: UUID | str) -> None:
        """Delete an experiment that has ended, with its runs and all results."""
        await self._calls.delete(_path(experiment_id))

    async def follow(
        self, experiment_id: UUID | str, *, after: int = 0
    ) -> AsyncGenerator[ExperimentEvent, None]:
        """Yield the news of an experiment until it has ended; a lost connection is taken up again.

        Whoever leaves early closes the iterator, as by ``contextlib.aclosing``.

        Args:
            experiment_id: the experiment.
            after: sequence number of the last news that is known already.

        Raises:
            GatewayUnavailableError: the gateway stayed away for longer than this client has patience.
        """

        async def is_active() -> bool:
            return (await self.get(experiment_id)).state.active

        news = follow(self._calls, _path(experiment_id), ExperimentEvent, is_active, after)
        async with aclosing(news) as stream:
            async for event in stream:
                yield event

    async def wait(self, experiment_id: UUID | str, on_news: OnExperimentNews | None = None) -> Experiment:
        """Return an experiment once it has ended.

        Args:
            experiment_id: the experiment.
            on_news: is told each change of its state, and how far it has come.
        """
        async with aclosing(self.follow(experiment_id)) as news:
            async for event in news:
                if on_news is not None:
                    on_news(event)
        return await self.get(experiment_id)

    async def result(self, experiment_id: UUID | str) -> dict[str, Any]:
        """Return what an experiment found out, a document of the format `headroom.experiment/v1`.

        Raises:
            GatewayRefusedError: it has found nothing, or not yet.
        """
        return self._calls.read_json(await self._calls.get(f"{_path(experiment_id)}/results"))

    async def report(self, experiment_id: UUID | str) -> str:
        """Return the report of what an experiment found out, as HTML."""
        answer = await self._calls.get(f"{_path(experiment_id)}/report", accept="text/html")
        return answer.text


def _path(experiment_id: UUID | str) -> str:
    return f"/experiments/{quote(str(experiment_id), safe='')}"
