"""The runs of experiments: how far they have come, what follows from that, and which are no longer wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import and_, case, exists, func, or_, select, update

from headroom_gateway.domain.experiments import Advanced, Wanted
from headroom_gateway.domain.lives import ACTIVE, CancelAsked, RunState
from headroom_gateway.storage.experiment_rows import asked_of
from headroom_gateway.storage.scenarios import document_of
from headroom_gateway.storage.schema import experiments, runs
from headroom_gateway.storage.times import to_us

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from headroom_gateway.experiment_representations import Experiment
    from headroom_gateway.representations import Run
    from headroom_gateway.storage.database import Database
    from headroom_gateway.storage.experiments import Experiments
    from headroom_gateway.storage.runs import Runs
    from headroom_gateway.storage.scenarios import NewScenario, Scenarios

_OWN: Final = runs.c.experiment_id == experiments.c.id
_GOES_ON: Final = exists().where(_OWN, runs.c.state.in_(sorted(ACTIVE)))
_BROKEN: Final = exists().where(_OWN, runs.c.state.in_((RunState.FAILED, RunState.CANCELLED)))
_WANTS: Final = experiments.c.state.in_((RunState.QUEUED, RunState.RUNNING))
_IS_COMPLETE: Final = runs.c.state == RunState.COMPLETED
# The news of the last trials may come after those of the end, and then count for nothing.
_TRIALS_DONE: Final = case((_IS_COMPLETE, runs.c.trials), else_=func.coalesce(runs.c.trials_done, 0))
_PROGRESS: Final = (
    func.sum(case((_IS_COMPLETE, 1), else_=0)).label("runs_done"),
    func.sum(_TRIALS_DONE).label("trials_done"),
    func.coalesce(func.sum(runs.c.requests), 0).label("requests"),
)


class KnownRun(NamedTuple):
    """A run of an experiment.

    Attributes:
        id: the run.
        batch: its name within the experiment.
        state: where it is.
        failure_reason: why it failed.
        failure_field: path of the scenario's field at fault.
    """

    id: UUID
    batch: str
    state: str
    failure_reason: str | None
    failure_field: str | None


class Wish(NamedTuple):
    """A run that an experiment wants.

    Attributes:
        row: of the run, but for what its first news say.
        scenario: its scenario.
    """

    row: Mapping[str, Any]
    scenario: NewScenario

    @property
    def requests(self) -> float:
        """How many requests it will simulate, about."""
        return float(self.scenario.row["requests_per_trial"] * self.row["trials"])


class ExperimentRuns:
    """The runs that experiments want, and what their rows say of these.

    Args:
        database: where everything is.
        experiments: the stored experiments.
        runs: the stored runs.
        scenarios: the stored scenarios.

    Attributes:
        experiments, runs: as above.
    """

    def __init__(
        self, database: Database, experiments: Experiments, runs: Runs, scenarios: Scenarios
    ) -> None:
        self._database = database
        self.experiments = experiments
        self.runs = runs
        self._scenarios = scenarios

    async def due(self, now: datetime, limit: int) -> Sequence[UUID]:
        """Return experiments that something follows for now: all of their runs have ended, or one has failed.

        Raises:
            TransientError: the database failed.
        """
        query = (
            select(experiments.c.id)
            .where(
                experiments.c.ended_at_us.is_(None),
                experiments.c.leased_until_us <= to_us(now),
                or_(~_GOES_ON, and_(_WANTS, _BROKEN)),
            )
            .order_by(experiments.c.changed_at_us)
            .limit(limit)
        )
        async with self._database.reading() as connection:
            return (await connection.execute(query)).scalars().all()

    async def lease(self, experiment_id: UUID, now: datetime, until: datetime) -> Mapping[str, Any] | None:
        """Take an experiment for a while, in which other instances leave it alone.

        Returns:
            Its row; None when another instance has it.

        Raises:
            TransientError: the database failed.
        """
        free = and_(
            experiments.c.id == experiment_id,
            experiments.c.ended_at_us.is_(None),
            experiments.c.leased_until_us <= to_us(now),
        )
        change = update(experiments).where(free).values(leased_until_us=to_us(until)).returning(experiments)
        async with self._database.transaction() as connection:
            row = (await connection.execute(change)).mappings().first()
        return None if row is None else dict(row)

    async def hold(self, experiment_id: UUID, until: datetime) -> None:
        """Have other instances leave an experiment alone until then.

        Raises:
            TransientError: the database failed.
        """
        change = update(experiments).where(experiments.c.id == experiment_id)
        async with self._database.transaction() as connection:
            await connection.execute(change.values(leased_until_us=to_us(until)))

    async def asked(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return what is asked of an experiment, as JSON has it, from its row.

        Raises:
            TransientError: the database failed.
        """
        scenario = await self._scenarios.row(row["scenario_id"])
        return asked_of(row, document_of(scenario))

    async def known(self, experiment_id: UUID) -> Sequence[KnownRun]:
        """Return the runs of an experiment.

        Raises:
            TransientError: the database failed.
        """
        columns = (runs.c[name] for name in KnownRun._fields)
        query = select(*columns).where(runs.c.experiment_id == experiment_id)
        async with self._database.reading() as connection:
            return [KnownRun(*row) for row in await connection.execute(query)]

    async def progress(self) -> Mapping[UUID, Advanced]:
        """Return how far the runs have come of experiments under way that do not show it yet.

        Raises:
            TransientError: the database failed.
        """
        shown = (experiments.c.runs_done, experiments.c.trials_done, experiments.c.requests)
        query = (
            select(experiments.c.id, *_PROGRESS, *(column.label(f"shown_{column.name}") for column in shown))
            .join_from(experiments, runs, _OWN)
            .where(experiments.c.ended_at_us.is_(None), experiments.c.state == RunState.RUNNING)
            .group_by(experiments.c.id, *shown)
        )
        found = {}
        async with self._database.reading() as connection:
            for row in await connection.execute(query):
                advanced = Advanced(int(row.runs_done), int(row.trials_done), int(row.requests))
                if advanced != Advanced(row.shown_runs_done, row.shown_trials_done, row.shown_requests):
                    found[row.id] = advanced
        return found

    async def add(
        self, row: Mapping[str, Any], wishes: Sequence[Wish], points: int, now: datetime
    ) -> tuple[Experiment | None, Sequence[Run]]:
        """Store the runs that an experiment wants next, those that are not there.

        Args:
            row: of the experiment.
            wishes: the runs.
            points: points of the experiment so far.
            now: the time.

        Returns:
            The experiment, when something changed, and the runs that are new.

        Raises:
            TransientError: the database failed.
        """
        experiment_id = row["id"]
        new = {wish.scenario.id: wish.scenario for wish in wishes}
        requests = {wish.row["id"]: wish.requests for wish in wishes}
        lock = select(experiments.c.id).where(experiments.c.id == experiment_id, _WANTS).with_for_update()
        async with self._database.transaction() as connection:
            if (await connection.execute(lock)).first() is None:
                return None, ()
            await self._scenarios.put_unlisted(connection, new.values(), row["created_by"], now)
            added = await self.runs.put_wanted(connection, [wish.row for wish in wishes])
            if not added:
                return None, ()
            more = experiments.c.requests_wanted + sum(requests[run.id] for run in added)
            change = update(experiments).where(experiments.c.id == experiment_id)
            await connection.execute(change.values(requests_wanted=more))
            news = Wanted(points, len(added), sum(run.trials for run in added))
            return await self.experiments.change(connection, experiment_id, news, now), added

    async def cancel_unwanted(self, limit: int, now: datetime) -> Sequence[Run]:
        """Have runs end that go on though their experiments want them no more; return those that changed.

        Raises:
            TransientError: the database failed.
        """
        query = (
            select(runs.c.id)
            .join_from(runs, experiments, _OWN)
            .where(
                runs.c.ended_at_us.is_(None), runs.c.state.in_((RunState.QUEUED, RunState.RUNNING)), ~_WANTS
            )
            .order_by(runs.c.id)  # in one order, for instances that meet here
            .limit(limit)
        )
        async with self._database.reading() as connection:
            unwanted = (await connection.execute(query)).scalars().all()
        if not unwanted:
            return ()
        async with self._database.transaction() as connection:
            changed = [await self.runs.change(connection, run_id, CancelAsked(), now) for run_id in unwanted]
        return [run for run in changed if run is not None]
