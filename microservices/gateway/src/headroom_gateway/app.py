"""The composition root of the gateway: its database, its routes, and what goes on beside them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from headroom_common.database.command import migrate_in_time
from headroom_common.database.watch import DatabaseWatch
from headroom_common.event_manager.clock import SystemClock
from headroom_common.event_manager.states import Trouble
from headroom_common.service import Service
from headroom_gateway.analysis_client import AnalysisClient
from headroom_gateway.api import refusals
from headroom_gateway.api.document import describe
from headroom_gateway.api.experiment_results import experiment_results_router
from headroom_gateway.api.experiments import experiments_router
from headroom_gateway.api.keys import keys_router
from headroom_gateway.api.results import results_router
from headroom_gateway.api.runs import runs_router
from headroom_gateway.api.scenarios import scenarios_router
from headroom_gateway.api.schema import schema_router
from headroom_gateway.api.services import services_router
from headroom_gateway.experiment_submission import ExperimentSubmission
from headroom_gateway.experimenter import Experimenter
from headroom_gateway.feeds import Feeds
from headroom_gateway.handlers import Noting
from headroom_gateway.metrics import CallerMetrics
from headroom_gateway.parts import Parts
from headroom_gateway.relay import Relay
from headroom_gateway.roster import Roster
from headroom_gateway.security.opening import Security
from headroom_gateway.storage.database import Database
from headroom_gateway.storage.experiment_runs import ExperimentRuns
from headroom_gateway.storage.experiments import Experiments
from headroom_gateway.storage.results import HotSet, LocalHotSet, Results
from headroom_gateway.storage.runs import Runs
from headroom_gateway.storage.scenarios import Scenarios
from headroom_gateway.submission import Quotas, Submission
from headroom_gateway.survey import Survey
from headroom_gateway.sweeper import Sweeper

if TYPE_CHECKING:
    from fastapi import APIRouter, FastAPI

    from headroom_common.database.migrations import Migrated
    from headroom_common.event_manager import EventManager
    from headroom_gateway.settings import GatewaySettings

_BEARABLE = frozenset({Trouble.CONNECTION, Trouble.CONFIRMS, Trouble.INBOX, Trouble.DATABASE})
"""What may be wrong with an instance that is ready.

What it has accepted waits in the database for the broker. And every instance has the same database: while
that is away, a refusal that says when to come back is better than no answer. Only an instance whose tables
were never there must not take the place of one that works.
"""


def build(settings: GatewaySettings) -> Service:
    """Return the service.

    Raises:
        PermanentError: the database's URL cannot be used.
    """
    parts, hot = _parts(settings)
    sweeper = Sweeper(parts, stall_timeout=settings.stall_timeout, retention_days=settings.retention_days)
    noting = Noting(parts)
    database = parts.database
    security = Security(settings, database, parts.clock)
    survey = Survey(database, parts.results, parts.clock)
    prepare = database.migrate if settings.migrations == "apply" else database.check_tables
    watch = DatabaseWatch(prepare, database.check, noting.handlers, at_first=Trouble.PREPARATION)

    async def beside(manager: EventManager) -> None:
        await watch.prepared.wait()
        if settings.broker_forgets:
            await parts.relay.repeat()
        async with asyncio.TaskGroup() as group:
            for work in (parts.relay, parts.experimenter, parts.feeds, parts.roster, sweeper, survey):
                group.create_task(work.run(manager))

    async def close() -> None:
        await security.close()
        await parts.analysis.close()
        await hot.close()
        await database.close()

    def subscribe(manager: EventManager) -> None:
        parts.roster.subscribe(manager)
        watch.subscribe(manager)

    def extend(app: FastAPI) -> None:
        describe(app)
        refusals.install(app)
        security.extend(app)

    return Service(
        "gateway",
        noting.handlers,
        subscribe=subscribe,
        routers=_routers(parts, security),
        extend=extend,
        collectors=[
            *parts.runs.metrics.collectors,
            *parts.experiments.metrics.collectors,
            CallerMetrics(parts.feeds, security.limits),
            survey,
        ],
        background=[watch.run, beside],
        bearable=_BEARABLE,
        close=close,
    )


def _routers(parts: Parts, security: Security) -> list[APIRouter]:
    return [
        runs_router(parts),  # first, for routes are tried in their order, and these are asked for most
        scenarios_router(parts),
        results_router(parts),
        experiments_router(parts),
        experiment_results_router(parts),
        services_router(parts),
        keys_router(security.keys, security.verifier, parts.clock),
        schema_router(),
    ]


def migrate(settings: GatewaySettings) -> None:
    """Bring the tables of the database up to date.

    Raises:
        PermanentError: the database's URL cannot be used.
        TransientError: the database did not answer in time.
    """

    async def once() -> Migrated:
        database = Database(settings.database_url.get_secret_value())
        try:
            return await database.migrate()
        finally:
            await database.close()

    migrate_in_time(lambda: asyncio.run(once()), timeout=settings.migration_timeout)


def _parts(settings: GatewaySettings) -> tuple[Parts, HotSet]:
    clock = SystemClock()
    database = Database(settings.database_url.get_secret_value())
    hot = _hot_set(settings)
    scenarios, runs, results = Scenarios(database), Runs(database), Results(database, hot)
    experiments = Experiments(database, scenarios)
    feeds = Feeds(runs, experiments, most_followers=settings.most_followers)
    relay = Relay(database, runs, feeds, clock, most_running=settings.most_running, window=settings.window)
    quotas = Quotas(settings.most_active_runs, settings.most_requests)
    submission = Submission(database, scenarios, runs, relay, clock, quotas)
    analysis = AnalysisClient(settings.analysis_url, timeout=settings.analysis_timeout, hot=hot)
    experimenter = Experimenter(
        ExperimentRuns(database, experiments, runs, scenarios),
        analysis,
        feeds,
        relay,
        clock,
        most_requests=settings.most_requests,
    )
    return Parts(
        settings=settings,
        clock=clock,
        database=database,
        scenarios=scenarios,
        runs=runs,
        results=results,
        experiments=experiments,
        submission=submission,
        experiment_submission=ExperimentSubmission(
            database,
            scenarios,
            experiments,
            submission,
            experimenter,
            clock,
            most_active=settings.most_active_experiments,
        ),
        experimenter=experimenter,
        relay=relay,
        feeds=feeds,
        analysis=analysis,
        roster=Roster(clock),
    ), hot


def _hot_set(settings: GatewaySettings) -> HotSet:
    if settings.redis_url is None:
        return LocalHotSet()
    from headroom_gateway.storage.redis_hot_set import RedisHotSet  # noqa: PLC0415 - a laptop needs no Redis

    url = settings.redis_url.get_secret_value()
    return RedisHotSet.open(url, timeout=settings.redis_timeout, clock=SystemClock())
