"""Asking for runs: quotas, stored results of equal runs, and requests that come twice."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID, uuid4

from sqlalchemy import bindparam, select

from headroom_common.defaults import REMOTE_SEGMENT_ARRIVALS
from headroom_common.scenario.loading import load_scenario
from headroom_common.scenario.problems import Problem, ScenarioError
from headroom_gateway.errors import TooLargeError, TooManyRunsError
from headroom_gateway.representations import ClonedRun, NewRun
from headroom_gateway.storage.idempotency import Request, TwinError
from headroom_gateway.storage.results import Identity
from headroom_gateway.storage.scenarios import NewScenario, document_of
from headroom_gateway.storage.schema import results
from headroom_gateway.storage.times import to_us

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.ext.asyncio import AsyncConnection

    from headroom_common.event_manager.clock import Clock
    from headroom_gateway.relay import Relay
    from headroom_gateway.representations import Run
    from headroom_gateway.storage.database import Database
    from headroom_gateway.storage.runs import Runs
    from headroom_gateway.storage.scenarios import Scenarios

ENGINE_VERSION: Final = version("headroom-common")
"""Of all distributions, which are released together."""

READERS: Final = 2
"""Scenarios that are read at once. Reading takes processor time, a large one seconds."""

_NANOSECONDS: Final = 1e9
_STORED: Final = (
    select(results.c.hash, results.c.size, results.c.verdict, results.c.trials, results.c.partial)
    .where(results.c.cache_key == bindparam("cache_key"))
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class Quotas:
    """What one caller may ask for.

    Attributes:
        active_runs: runs that have not ended, at once.
        requests: simulated requests in one run.
    """

    active_runs: int
    requests: float


@dataclass(frozen=True, slots=True)
class Order:
    """Who asks, and how.

    Attributes:
        principal: who asks.
        idempotency_key: equal for requests of which only the first counts; None for none.
        fresh: whether stored results do not count.
    """

    principal: str
    idempotency_key: str | None = None
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class Accepted:
    """An accepted run.

    Attributes:
        run: the run.
        repeated: whether this very request had been accepted before.
    """

    run: Run
    repeated: bool = False


class Submission:
    """Accepts runs.

    Args:
        database: where they are kept.
        scenarios: the stored scenarios.
        runs: the stored runs.
        relay: hands them to the services.
        clock: time.
        quotas: what a caller may ask for.

    Attributes:
        readers: places for those who read scenarios.
    """

    def __init__(
        self,
        database: Database,
        scenarios: Scenarios,
        runs: Runs,
        relay: Relay,
        clock: Clock,
        quotas: Quotas,
    ) -> None:
        self._database = database
        self._scenarios = scenarios
        self._runs = runs
        self._relay = relay
        self._clock = clock
        self._quotas = quotas
        self.readers = asyncio.Semaphore(READERS)

    async def submit(self, asked: NewRun, order: Order) -> Accepted:
        """Accept a run.

        Raises:
            ScenarioError: the scenario has problems.
            NotFoundError: there is no such scenario.
            TooLargeError, TooManyRunsError: a quota does not allow it.
            ReusedKeyError: the idempotency key came with another request before.
            TransientError: the database failed.
        """
        new: NewScenario | None = None
        if asked.scenario_id is None:
            text = asked.scenario if isinstance(asked.scenario, str) else json.dumps(asked.scenario)
            new = await self.checked(text, asked.overrides)
        elif asked.overrides:
            new = await self._overridden(asked.scenario_id, asked.overrides)
        scenario: Mapping[str, Any]
        scenario = await self._scenarios.facts(str(asked.scenario_id)) if new is None else new.row
        return await self._accept(asked, order, scenario, new)

    async def clone(self, run_id: UUID, asked: ClonedRun, order: Order) -> Accepted:
        """Accept a run like another one; raises what `submit` does."""
        like = await self._runs.get(run_id)
        new = NewRun(
            scenario_id=like.scenario_id,
            overrides=asked.overrides,
            trials=like.trials if asked.trials is None else asked.trials,
            seed=like.seed if asked.seed is None else asked.seed,
            confidence=like.confidence if asked.confidence is None else asked.confidence,
            segment_arrivals=asked.segment_arrivals or like.segment_arrivals,
            late_bound=asked.late_bound or like.late_bound,
        )
        changed = await self._overridden(like.scenario_id, asked.overrides) if asked.overrides else None
        facts = await self._scenarios.facts(like.scenario_id) if changed is None else changed.row
        return await self._accept(new, order, facts, changed, clone_of=run_id)

    async def _overridden(self, scenario_id: str, overrides: list[str]) -> NewScenario:
        document = document_of(await self._scenarios.row(scenario_id))
        return await self.checked(json.dumps(document), overrides)

    async def checked(self, text: str | bytes, overrides: list[str]) -> NewScenario:
        """Return a scenario ready to be stored; it is read in a thread, and few are read at once.

        Raises:
            ScenarioError: it has problems.
        """
        async with self.readers:
            return await asyncio.to_thread(_checked, text, overrides)

    async def _accept(
        self,
        asked: NewRun,
        order: Order,
        scenario: Mapping[str, Any],
        new: NewScenario | None,
        clone_of: UUID | None = None,
    ) -> Accepted:
        self.check_size(scenario["requests_per_trial"] * asked.trials)
        now = self._clock.now()
        row = {
            "id": uuid4(),
            "scenario_id": scenario["id"],
            "scenario_name": scenario["name"],
            "trials": asked.trials,
            "seed": asked.seed,
            "confidence": asked.confidence,
            "segment_arrivals": asked.segment_arrivals or REMOTE_SEGMENT_ARRIVALS,
            "late_bound": asked.late_bound,
            "created_at_us": to_us(now),
            "created_by": order.principal,
            "clone_of": clone_of,
            "total_s": asked.trials * scenario["horizon_ns"] / _NANOSECONDS,
        }
        try:
            return await self._accept_once(row, order, new)
        except TwinError:
            # The same request was accepted meanwhile, and is known by now.
            return await self._accept_once(row, order, new)

    async def _accept_once(self, row: Mapping[str, Any], order: Order, new: NewScenario | None) -> Accepted:
        now = self._clock.now()
        fingerprint = "" if order.idempotency_key is None else _fingerprint(row)
        request = Request(order.principal, order.idempotency_key, fingerprint, "run_id")
        async with self._database.transaction() as connection:
            known = await request.repeated(connection)
            if known is None:
                if new is not None:
                    await self._scenarios.put(connection, new, order.principal, now)
                run = await self._runs.put(connection, row, await self._stored_result(connection, row, order))
                if run.state.active:
                    await self.check_quota(connection, order.principal)
                await request.remember(connection, run.id, run.created_at)
        if known is not None:
            return Accepted(await self._runs.get(known), repeated=True)
        self._runs.metrics.accepted(run)
        self._relay.accepted()
        return Accepted(run)

    def check_size(self, requests: float) -> None:
        """Refuse what would simulate more requests than a caller may ask for.

        Raises:
            TooLargeError: it would.
        """
        if not requests <= self._quotas.requests:
            limit = self._quotas.requests
            message = f"run: expected at most {limit:.3g} simulated requests, found about {requests:.3g}"
            raise TooLargeError(message, next_step="Ask for fewer trials, a shorter horizon or lower rates.")

    async def check_quota(self, connection: AsyncConnection, principal: str) -> None:
        """Refuse what was stored in this transaction when a caller has more under way than allowed.

        Raises:
            TooManyRunsError: it has.
        """
        active = await self._runs.count_active(connection, principal)
        if active > self._quotas.active_runs:
            limit = self._quotas.active_runs
            message = f"runs under way: expected at most {limit} of one caller, found as many already"
            raise TooManyRunsError(message, delay=5.0, next_step="Wait until one ends, or cancel one.")

    async def _stored_result(
        self, connection: AsyncConnection, row: Mapping[str, Any], order: Order
    ) -> Mapping[str, Any] | None:
        """Return the result of an equal run, None when there is none or it does not count."""
        if order.fresh:
            return None
        identity = Identity(row["scenario_id"], row["seed"], row["trials"], row["confidence"])
        key = {"cache_key": identity.cache_key(ENGINE_VERSION)}
        found = (await connection.execute(_STORED, key)).mappings().first()
        return None if found is None else dict(found)


def _checked(text: str | bytes, overrides: list[str]) -> NewScenario:
    try:
        decoded = text if isinstance(text, str) else text.decode()
    except UnicodeDecodeError as error:
        problem = Problem("", None, None, "valid YAML in UTF-8", f"byte {error.start} to be none of it")
        raise ScenarioError([problem], "") from None
    return NewScenario.of(load_scenario(decoded, overrides=overrides))


def _fingerprint(row: Mapping[str, Any]) -> str:
    """Return a digest of what was asked for, apart from when and by whom."""
    left_out = {"id", "created_at_us", "created_by"}
    asked = {name: str(value) for name, value in row.items() if name not in left_out}
    return sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
