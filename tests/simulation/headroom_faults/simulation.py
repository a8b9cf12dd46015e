"""One seed from its first step to its verdict: safety while faults happen, liveness once they stop."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from headroom_common.contracts.events import RunCancelled, RunRequested
from headroom_common.contracts.registry import contract_of
from headroom_common.event_manager.virtual_time import VirtualTimeLoop
from headroom_faults.auditor import Auditor
from headroom_faults.damage import DAMAGES
from headroom_faults.plan import Plan
from headroom_faults.platform import Platform
from headroom_faults.trace import Trace
from headroom_faults.variants import ENDLESS, parameters, requests_of, undisturbed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from uuid import UUID

    from headroom_common.contracts.events import RunParameters
    from headroom_faults.plan import Cancellation

PATIENCE: Final = 600.0
"""Seconds of virtual time within which everything is done once the faults have stopped."""

LAST_MESSAGES: Final = 300
"""Messages of a cancelled run, at most, that are still sent once it is cancelled: faults wake some of it up,
and who has not heard of the cancellation works on until something reaches analysis."""

_TICK: Final = 0.25
_INSTANT: Final = 0.02
_ENDS: Final = ("headroom.run.completed.v1", "headroom.run.stopped.v1")


class SimulationError(AssertionError):
    """A guarantee was broken; says how to see it again."""

    def __init__(self, seed: int, findings: list[str]) -> None:
        lines = "\n  ".join(findings)
        command = f"PYTHONPATH=tests/simulation .venv/bin/python -m headroom_faults --seed {seed} --trace"
        super().__init__(f"seed {seed}:\n  {lines}\nReplay it: {command}")


@dataclass(frozen=True, slots=True)
class Report:
    """What a seed that held came to.

    Attributes:
        plan: what was drawn.
        steps: how many steps were taken.
        digest: hash over all of them.
        seconds: virtual time that passed.
    """

    plan: Plan
    steps: int
    digest: str
    seconds: float


def simulate(seed: int, *, tell: Callable[[str], None] | None = None, strict: bool = True) -> Report:
    """Play a seed.

    Args:
        seed: decides everything.
        tell: is given every step.
        strict: False has only the outcome judged and not each step.

    Raises:
        SimulationError: a guarantee was broken.
    """
    simulation = _Simulation(seed, Trace(tell), strict=strict)
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(simulation.play())


class _Simulation:
    def __init__(self, seed: int, trace: Trace, *, strict: bool) -> None:
        self._seed = seed
        self._trace = trace
        chance = random.Random(seed)  # noqa: S311 - faults are drawn here, not secrets
        self._plan = plan = Plan.draw(chance)
        self._runs = [parameters(index, window=plan.window) for index in plan.variants]
        self._expected = {
            run.run_id: undisturbed(index)
            for run, index in zip(self._runs, plan.variants, strict=True)
            if index != ENDLESS
        }
        self._poisoned = None if plan.poison is None else self._runs[-1].run_id
        self._cancelled = None if plan.cancellation is None else self._runs[0].run_id
        self._whole = () if self._cancelled is None else requests_of(plan.variants[0])
        self._cancelling: asyncio.Task[UUID] | None = None
        self._taken_before: int | None = None
        auditor = Auditor(strict=strict, unwanted=str(self._cancelled or ""))
        damage = {}
        if plan.poison is not None:
            beginning = str(self._poisoned)
            if plan.poison.event_type != "headroom.run.requested.v1":
                beginning += "/0/0"
            damage = {(plan.poison.event_type, beginning): DAMAGES[plan.poison.damage]}
        self._platform = Platform(plan, chance, trace, damage=damage, auditor=auditor)

    async def play(self) -> Report:
        loop = asyncio.get_running_loop()
        platform, plan = self._platform, self._plan
        platform.start()
        self._asked = [
            platform.spawn(self._ask(run, number * platform.chance.expovariate(1.0)))
            for number, run in enumerate(self._runs)
        ]
        if self._cancelled is not None and plan.cancellation is not None:
            self._cancelling = platform.spawn(self._cancel(self._cancelled, plan.cancellation))
            self._asked.append(self._cancelling)
        try:
            await self._wait(plan.chaos)
            platform.heal()
            healed = loop.time()
            await self._wait(PATIENCE)
            self._require([] if loop.time() < healed + PATIENCE else list(self._unfinished()))
            self._require(list(self._wrong()))
        finally:
            for wish in self._asked:
                wish.cancel()
            await platform.end()
        return Report(plan, self._trace.steps, self._trace.digest, loop.time())

    async def _ask(self, run: RunParameters, wait: float) -> UUID:
        await asyncio.sleep(wait)
        return await self._platform.client.manager.publish(RunRequested(run=run))

    async def _cancel(self, run_id: UUID, cancellation: Cancellation) -> UUID:
        """Cancel a run when it is time, or when it is over; returns the event's id."""
        platform = self._platform
        while platform.broker.taken[str(run_id)] < cancellation.after:
            if run_id in platform.records.results:
                break
            await asyncio.sleep(_INSTANT)
        if cancellation.unheard:
            platform.darken(contract_of(RunCancelled).private)
        return await platform.client.manager.publish(RunCancelled(run_id=run_id))

    async def _wait(self, seconds: float) -> None:
        """Let time pass until everything is done, ``seconds`` at most; any violation ends it."""
        end = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < end:
            await asyncio.sleep(_TICK)
            self._platform.check()
            self._require(self._platform.auditor.violations)
            self._require(list(self._going_on()))
            if not any(True for _ in self._unfinished()):
                return

    def _require(self, findings: list[str]) -> None:
        if findings:
            raise SimulationError(self._seed, findings)

    def _unfinished(self) -> Iterator[str]:
        """What has still to happen."""
        records, broker = self._platform.records, self._platform.broker
        if not all(wish.done() for wish in self._asked):
            yield "the client's wishes are not confirmed"
        for run in self._runs:
            if run.run_id == self._poisoned:
                if run.run_id not in records.failures:
                    yield f"run {run.run_id} did not fail, though one of its messages is poison"
            elif run.run_id not in records.results and (
                run.run_id != self._cancelled or run.run_id not in records.stops
            ):
                yield f"run {run.run_id} did not come to its end: something of it is lost"
        for name, depth in broker.left().items():
            yield f"{depth} messages are left in {name}"
        yield from self._platform.unready

    def _going_on(self) -> Iterator[str]:
        """The cancelled run, when it goes on and on."""
        if self._cancelling is None or not self._cancelling.done():
            return
        broker = self._platform.broker
        taken = broker.taken[str(self._cancelled)]
        if self._taken_before is None:
            if not broker.holds(str(self._cancelling.result())):
                self._taken_before = taken
        elif taken > self._taken_before + LAST_MESSAGES:
            yield (
                f"run {self._cancelled} goes on: {taken - self._taken_before} messages since it was "
                "cancelled; that was lost on somebody"
            )

    def _wrong(self) -> Iterator[str]:
        """What must not have happened."""
        records, broker = self._platform.records, self._platform.broker
        for run_id, results in records.results.items():
            for result in results.values():
                if result != self._expected[run_id]:
                    found, expected = (
                        json.loads(text)["requests"] for text in (result, self._expected[run_id])
                    )
                    yield (
                        f"run {run_id}: the result differs from that of an undisturbed run; "
                        f"it counts {found}, expected {expected}"
                    )
        ends = Counter(run for kind in _ENDS for run in broker.seen.get(kind, {}).values())
        yield from (f"run {run}: ended {count} times over" for run, count in ends.items() if count > 1)
        yield from self._wrongly_stopped()
        for run_id, failures in records.failures.items():
            if run_id != self._poisoned or len(failures) > 1:
                yield f"run {run_id}: failed unasked: {sorted(failures.values())}"
        given_up = {
            (letter.queue.service, letter.message.event_type, letter.message.correlation)
            for letter in broker.dead_letters
        }
        for service, event_type, run in sorted(given_up):
            if self._plan.poison is None or (event_type, run) != (
                self._plan.poison.event_type,
                str(self._poisoned),
            ):
                yield f"{service} gave up {event_type} of run {run or 'none'}"

    def _wrongly_stopped(self) -> Iterator[str]:
        """Partial results that are not those of whole trials, each counted once."""
        for run_id, stops in self._platform.records.stops.items():
            if run_id != self._cancelled:
                yield f"run {run_id}: stopped unasked, it is lost"
                continue
            for stop in stops.values():
                if stop.result is None:
                    continue
                found, possible = stop.result["requests"]["total"], self._totals_of(stop.trials_done)
                if found not in possible or stop.result["trials"] != stop.trials_done:
                    yield (
                        f"run {run_id}: the partial result differs from every one of {stop.trials_done} "
                        f"trials of an undisturbed run; it counts {found}, expected one of {possible}"
                    )

    def _totals_of(self, trials: int) -> list[int]:
        """Return how many requests so many trials of the cancelled run may have."""
        return sorted({sum(chosen) for chosen in itertools.combinations(self._whole, trials)})
