"""One seed from its first step to its verdict: safety while faults happen, liveness once they stop."""

from __future__ import annotations

import asyncio
import json
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from headroom_common.contracts.events import RunCancelled, RunRequested
from headroom_common.event_manager.virtual_time import VirtualTimeLoop
from headroom_faults.auditor import Auditor
from headroom_faults.damage import DAMAGES
from headroom_faults.plan import Plan
from headroom_faults.platform import Platform
from headroom_faults.trace import Trace
from headroom_faults.variants import parameters, undisturbed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


PATIENCE: Final = 600.0
"""Seconds of virtual time within which everything is done once the faults have stopped."""

_TICK: Final = 0.25


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
            run.run_id: undisturbed(index) for run, index in zip(self._runs, plan.variants, strict=True)
        }
        self._poisoned = None if plan.poison is None else self._runs[-1].run_id
        self._cancelled = None if plan.cancelled_at is None else self._runs[0].run_id
        damage = {}
        if plan.poison is not None:
            beginning = str(self._poisoned)
            if plan.poison.event_type != "headroom.run.requested.v1":
                beginning += "/0/0"
            damage = {(plan.poison.event_type, beginning): DAMAGES[plan.poison.damage]}
        self._platform = Platform(plan, chance, trace, damage=damage, auditor=Auditor(strict=strict))

    async def play(self) -> Report:
        loop = asyncio.get_running_loop()
        platform, plan = self._platform, self._plan
        platform.start()
        self._asked = [
            platform.spawn(self._ask(RunRequested(run=run), number * platform.chance.expovariate(1.0)))
            for number, run in enumerate(self._runs)
        ]
        if self._cancelled is not None:
            wish = RunCancelled(run_id=self._cancelled)
            self._asked.append(platform.spawn(self._ask(wish, plan.cancelled_at or 0.0)))
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

    async def _ask(self, wish: RunRequested | RunCancelled, wait: float) -> None:
        await asyncio.sleep(wait)
        await self._platform.client.manager.publish(wish)

    async def _wait(self, seconds: float) -> None:
        """Let time pass until everything is done, ``seconds`` at most; any violation ends it."""
        end = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < end:
            await asyncio.sleep(_TICK)
            self._platform.check()
            self._require(self._platform.auditor.violations)
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
            elif run.run_id != self._cancelled and run.run_id not in records.results:
                yield f"run {run.run_id} did not complete: something of it is lost"
        for name, depth in broker.left().items():
            yield f"{depth} messages are left in {name}"
        yield from self._platform.unready

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
        completions: dict[str, int] = {}
        for run in broker.seen.get("headroom.run.completed.v1", {}).values():
            completions[run] = completions.get(run, 0) + 1
        yield from (
            f"run {run}: completed {count} times over" for run, count in completions.items() if count > 1
        )
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
