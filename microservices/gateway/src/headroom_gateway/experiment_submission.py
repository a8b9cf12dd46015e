"""Asking for experiments: what is asked is checked in whole, quotas, and requests that come twice."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from headroom_common.experiments.asking import experiment_of
from headroom_common.scenario import Scenario
from headroom_common.scenario.loading import load_scenario
from headroom_common.scenario.problems import ScenarioError
from headroom_gateway.errors import TooManyRunsError
from headroom_gateway.experiment_representations import NewCompare
from headroom_gateway.storage.experiment_rows import asked_columns
from headroom_gateway.storage.idempotency import Request, TwinError
from headroom_gateway.storage.scenarios import document_of
from headroom_gateway.storage.times import to_us

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headroom_common.event_manager.clock import Clock
    from headroom_common.experiments.model import Experiment as AskedExperiment
    from headroom_gateway.experiment_representations import Experiment, NewExperiment
    from headroom_gateway.experimenter import Experimenter
    from headroom_gateway.storage.database import Database
    from headroom_gateway.storage.experiments import Experiments
    from headroom_gateway.storage.scenarios import NewScenario, Scenarios
    from headroom_gateway.submission import Order, Submission


@dataclass(frozen=True, slots=True)
class AcceptedExperiment:
    """An accepted experiment.

    Attributes:
        experiment: the experiment.
        repeated: whether this very request had been accepted before.
    """

    experiment: Experiment
    repeated: bool = False


class ExperimentSubmission:
    """Accepts experiments.

    Args:
        database: where they are kept.
        scenarios: the stored scenarios.
        experiments: the stored experiments.
        submission: reads scenarios, and knows what a caller may ask for.
        experimenter: takes experiments from step to step.
        clock: time.
        most_active: experiments under way of one caller.
    """

    def __init__(
        self,
        database: Database,
        scenarios: Scenarios,
        experiments: Experiments,
        submission: Submission,
        experimenter: Experimenter,
        clock: Clock,
        *,
        most_active: int,
    ) -> None:
        self._database = database
        self._scenarios = scenarios
        self._experiments = experiments
        self._submission = submission
        self._experimenter = experimenter
        self._clock = clock
        self._most_active = most_active

    async def submit(self, asked: NewExperiment, order: Order) -> AcceptedExperiment:
        """Accept an experiment.

        Raises:
            ScenarioError: a scenario, or one with a value of a variation put in, has problems.
            NotFoundError: there is no such scenario.
            TooLargeError, TooManyRunsError: a quota does not allow it.
            ReusedKeyError: the idempotency key came with another request before.
            TransientError: the database failed.
        """
        text: str
        if asked.scenario_id is not None:
            text = json.dumps(document_of(await self._scenarios.row(asked.scenario_id)))
        else:
            text = asked.scenario if isinstance(asked.scenario, str) else json.dumps(asked.scenario)
        new = await self._submission.checked(text, asked.overrides)
        async with self._submission.readers:
            experiment = await asyncio.to_thread(_checked, asked, new)
        self._submission.check_size(new.row["requests_per_trial"] * asked.trials)
        row = {
            "id": uuid4(),
            "scenario_id": new.id,
            "scenario_name": new.row["name"],
            "created_at_us": to_us(self._clock.now()),
            "created_by": order.principal,
            **asked_columns(experiment),
        }
        digest = sha256(experiment.model_dump_json().encode()).hexdigest()
        request = Request(order.principal, order.idempotency_key, digest, "experiment_id")
        try:
            return await self._accept(row, request, new)
        except TwinError:
            # The same request was accepted meanwhile, and is known by now.
            return await self._accept(row, request, new)

    async def _accept(self, row: Mapping[str, Any], request: Request, new: NewScenario) -> AcceptedExperiment:
        now = self._clock.now()
        async with self._database.transaction() as connection:
            known = await request.repeated(connection)
            if known is None:
                await self._scenarios.put(connection, new, request.principal, now)
                experiment = await self._experiments.put(connection, row)
                active = await self._experiments.count_active(connection, request.principal)
                if active > self._most_active:
                    message = (
                        f"experiments under way: expected at most {self._most_active} of one caller,"
                        " found as many already"
                    )
                    raise TooManyRunsError(
                        message, delay=10.0, next_step="Wait until one ends, or cancel one."
                    )
                await self._submission.check_quota(connection, request.principal)
                await request.remember(connection, experiment.id, now)
        if known is not None:
            return AcceptedExperiment(await self._experiments.get(known), repeated=True)
        self._experiments.metrics.accepted(experiment)
        self._experimenter.wake()
        return AcceptedExperiment(experiment)


def _checked(asked: NewExperiment, new: NewScenario) -> AskedExperiment:
    """Return what is asked, checked in whole; takes milliseconds for each value of a variation.

    Raises:
        ScenarioError: something is wrong.
    """
    plan = asked.plan.model_dump(mode="json")
    if isinstance(asked.plan, NewCompare):
        plan["other"] = _other(asked.plan.other)
    options = asked.model_dump(
        include={"trials", "seed", "confidence", "precision", "most_trials", "warm_up"}
    )
    return experiment_of(Scenario.from_dict(new.document), plan, **options)


def _other(given: str | dict[str, Any]) -> dict[str, Any]:
    try:
        loaded = load_scenario(given if isinstance(given, str) else json.dumps(given))
    except ScenarioError as error:
        problems = [
            replace(problem, path=f"plan.other.{problem.path}".rstrip(".")) for problem in error.problems
        ]
        raise ScenarioError(problems, error.source) from None
    return loaded.scenario.canonical()
