"""The parts of an instance on a storage, with a clock that is turned by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from gateway_testing.posts import relay_of
from headroom_gateway.analysis_client import AnalysisClient
from headroom_gateway.experiment_submission import ExperimentSubmission
from headroom_gateway.experimenter import Experimenter
from headroom_gateway.feeds import Feeds
from headroom_gateway.parts import Parts
from headroom_gateway.roster import Roster
from headroom_gateway.settings import GatewaySettings
from headroom_gateway.storage.experiment_runs import ExperimentRuns
from headroom_gateway.storage.results import LocalHotSet
from headroom_gateway.submission import Quotas, Submission

if TYPE_CHECKING:
    from gateway_testing.analysts import Analyst
    from gateway_testing.storage import Storage


def parts_of(
    storage: Storage,
    *,
    quotas: Quotas | None = None,
    most_running: int = 10,
    most_experiments: int = 10,
    analyst: Analyst | None = None,
) -> Parts:
    """Return all parts but for a broker; analysis is away unless somebody stands for it."""
    settings: dict[str, Any] = {"host": "127.0.0.1", "database_url": storage.url}
    allowed = quotas or Quotas(200, 2e9)
    feeds = Feeds(storage.runs, storage.experiments, most_followers=10)
    relay = relay_of(storage, feeds, most_running=most_running)
    submission = Submission(storage.database, storage.scenarios, storage.runs, relay, storage.clock, allowed)
    away = AnalysisClient("http://127.0.0.1:9", timeout=1.0, hot=LocalHotSet())
    analysis = away if analyst is None else cast("AnalysisClient", analyst)
    experimenter = Experimenter(
        ExperimentRuns(storage.database, storage.experiments, storage.runs, storage.scenarios),
        analysis,
        feeds,
        relay,
        storage.clock,
        most_requests=allowed.requests,
    )
    return Parts(
        settings=GatewaySettings(**settings),
        clock=storage.clock,
        database=storage.database,
        scenarios=storage.scenarios,
        runs=storage.runs,
        results=storage.results,
        experiments=storage.experiments,
        submission=submission,
        experiment_submission=ExperimentSubmission(
            storage.database,
            storage.scenarios,
            storage.experiments,
            submission,
            experimenter,
            storage.clock,
            most_active=most_experiments,
        ),
        experimenter=experimenter,
        relay=relay,
        feeds=feeds,
        analysis=analysis,
        roster=Roster(storage.clock),
    )
