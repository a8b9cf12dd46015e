"""The parts that the routes work with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headroom_common.event_manager.clock import Clock
    from headroom_gateway.analysis_client import AnalysisClient
    from headroom_gateway.experiment_submission import ExperimentSubmission
    from headroom_gateway.experimenter import Experimenter
    from headroom_gateway.feeds import Feeds
    from headroom_gateway.relay import Relay
    from headroom_gateway.roster import Roster
    from headroom_gateway.settings import GatewaySettings
    from headroom_gateway.storage.database import Database
    from headroom_gateway.storage.experiments import Experiments
    from headroom_gateway.storage.results import Results
    from headroom_gateway.storage.runs import Runs
    from headroom_gateway.storage.scenarios import Scenarios
    from headroom_gateway.submission import Submission


@dataclass(frozen=True)
class Parts:
    """One instance's parts.

    Attributes:
        settings: its settings.
        clock: time.
        database: where everything is kept.
        scenarios: the stored scenarios.
        runs: the stored runs.
        results: the stored results.
        experiments: the stored experiments.
        submission: accepts runs.
        experiment_submission: accepts experiments.
        experimenter: takes experiments from step to step.
        relay: hands them to the services.
        feeds: tells their news.
        analysis: renders and compares.
        roster: knows the services.
    """

    settings: GatewaySettings
    clock: Clock
    database: Database
    scenarios: Scenarios
    runs: Runs
    results: Results
    experiments: Experiments
    submission: Submission
    experiment_submission: ExperimentSubmission
    experimenter: Experimenter
    relay: Relay
    feeds: Feeds
    analysis: AnalysisClient
    roster: Roster
