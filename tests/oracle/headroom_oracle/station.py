"""One server replica, as the specification tells it: deques, counters and a log of every change."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from headroom_common.simcore.sites import STEP
from headroom_oracle.laws import Law

if TYPE_CHECKING:
    from collections.abc import Callable


class Instruction(NamedTuple):
    """cpu or io with its law, or acquire or release with its pool."""

    word: str
    law: Law | None
    pool: int


@dataclass(eq=False)
class Request:
    """A request and the account of where its time went."""

    id: int
    workload: int
    t0: int
    endpoint: str
    path: list[str]
    hop_ns: dict[int, int] = field(default_factory=dict)
    back_ns: dict[int, int] = field(default_factory=dict)
    target: int = -1
    replica: int = -1
    entry: Any = None
    memory_wait: int = 0
    cpu_wait: int = 0
    cpu_run: int = 0
    io_wait: int = 0
    pool_wait: dict[int, int] = field(default_factory=dict)
    # inside a server
    entered: int = 0
    step: int = 0
    has_core: bool = False
    doing: str = ""
    since: int = 0
    dead: bool = False


class Change(NamedTuple):
    """A counter of a replica that moved at an instant."""

    t: int
    counter: str
    delta: int


def flatten(steps: Any, pools: list[str]) -> list[Instruction]:
    """Return the steps in order, each pool block as an acquire, its inner steps and a release."""
    flat: list[Instruction] = []
    for step in steps:
        if hasattr(step, "cpu"):
            flat.append(Instruction("cpu", Law(step.cpu), -1))
        elif hasattr(step, "io"):
            flat.append(Instruction("io", Law(step.io), -1))
        else:
            pool = pools.index(step.pool)
            flat += [
                Instruction("acquire", None, pool),
                *flatten(step.steps, pools),
                Instruction("release", None, pool),
            ]
    return flat


class Station:
    """One replica.

    Args:
        server: the server of the scenario.
        stream: the trial's key.
        slowdown: the slow-down factor at an instant.
        wake: called with (time, request) when the request's step will end.
        leave: called with (time, request) when the request has been served.
    """

    def __init__(
        self,
        server: Any,
        stream: int,
        slowdown: Callable[[int], float],
        wake: Callable[[int, Request], None],
        leave: Callable[[int, Request], None],
    ) -> None:
        self.server = server
        self.stream = stream
        self.slowdown = slowdown
        self.wake = wake
        self.leave = leave
        pools = [pool.name for pool in server.pools]
        self.programs = {endpoint.name: flatten(endpoint.steps, pools) for endpoint in server.endpoints}
        self.working_set = {endpoint.name: endpoint.memory for endpoint in server.endpoints}
        self.changes: list[Change] = []
        self.events: list[tuple[int, str]] = []
        self.sojourn = 0
        self._reset()

    def _reset(self) -> None:
        self.free_cores = self.server.cores
        self.free_memory = self.server.memory
        self.free_tokens = [pool.size for pool in self.server.pools]
        self.ready: deque[Request] = deque()
        self.memory_queue: deque[Request] = deque()
        self.pool_queues: list[deque[Request]] = [deque() for _ in self.server.pools]
        self.inside: list[Request] = []
        self.granted: deque[Request] = deque()

    def _move(self, t: int, counter: str, delta: int) -> None:
        self.changes.append(Change(t, counter, delta))

    # entering

    def arrive(self, t: int, request: Request) -> str:
        """Admit a request ("" as answer) or say "shed"."""
        self.events.append((t, "arrivals"))
        if self._is_full(request):
            self.events.append((t, "shed"))
            return "shed"
        self.inside.append(request)
        request.entered = t
        self._move(t, "in_system", 1)
        need = self.working_set[request.endpoint]
        if need == 0 or self.free_memory is None or (not self.memory_queue and need <= self.free_memory):
            self._reserve(t, request)
            self._go_on(t, request)
        else:
            self.memory_queue.append(request)
            self._start_waiting(t, request, "memory_wait")
        self._serve_granted(t)
        return ""

    def _is_full(self, request: Request) -> bool:
        limit = self.server.concurrency_limit
        if limit is not None and len(self.inside) >= limit:
            return True
        limit = self.server.queue_limit
        if limit is None or len(self.memory_queue) + len(self.ready) < limit:
            return False
        need = self.working_set[request.endpoint]
        if need and self.free_memory is not None and (self.memory_queue or need > self.free_memory):
            return True
        first = self.programs[request.endpoint][0]
        return first.word == "cpu" and (self.free_cores == 0 or bool(self.ready))

    # running

    def step_ended(self, t: int, request: Request) -> None:
        """Account the cpu or io step that ends now and go on with the next."""
        self._stop(t, request)
        request.step += 1
        self._go_on(t, request)
        self._serve_granted(t)

    def _serve_granted(self, t: int) -> None:
        while self.granted:
            self._go_on(t, self.granted.popleft())

    def _go_on(self, t: int, request: Request) -> None:
        program = self.programs[request.endpoint]
        while request.step < len(program):
            instruction = program[request.step]
            if instruction.word == "cpu":
                self._compute(t, request)
                return
            if instruction.word == "io":
                self._give_core_back(t, request)
                self._start(t, request, "io_wait", self._sample(request))
                return
            if instruction.word == "acquire" and not self._acquire(t, request, instruction.pool):
                return
            if instruction.word == "release":
                self._release(t, instruction.pool)
            request.step += 1
        self._finish(t, request)

    def _sample(self, request: Request) -> int:
        law = self.programs[request.endpoint][request.step].law
        assert law is not None
        return law.draw(self.stream, request.id, STEP + request.step)

    def _compute(self, t: int, request: Request) -> None:
        if not request.has_core:
            if self.free_cores == 0 or self.ready:
                self.ready.append(request)
                self._start_waiting(t, request, "cpu_wait")
                return
            self.free_cores -= 1
            self._take_core(t, request)
        self._run(t, request)

    def _take_core(self, t: int, request: Request) -> None:
        request.has_core = True
        self._move(t, "busy", 1)

    def _run(self, t: int, request: Request) -> None:
        duration = self._sample(request)
        factor = self.slowdown(t)
        if factor != 1.0:
            duration = int(duration * factor + 0.5)
        self._start(t, request, "cpu_run", duration)

    def _give_core_back(self, t: int, request: Request) -> None:
        if not request.has_core:
            return
        request.has_core = False
        self._move(t, "busy", -1)
        self.free_cores += 1
        if self.ready:
            head = self.ready.popleft()
            self._stop(t, head)
            self.free_cores -= 1
            self._take_core(t, head)
            self._run(t, head)

    def _acquire(self, t: int, request: Request, pool: int) -> bool:
        if self.free_tokens[pool] and not self.pool_queues[pool]:
            self.free_tokens[pool] -= 1
            self._token(t, pool)
            return True
        self._give_core_back(t, request)
        self.pool_queues[pool].append(request)
        self._start_waiting(t, request, f"pool_wait{pool}")
        return False

    def _token(self, t: int, pool: int) -> None:
        self._move(t, f"held{pool}", 1)
        self.events.append((t, f"acquired{pool}"))

    def _release(self, t: int, pool: int) -> None:
        self._move(t, f"held{pool}", -1)
        if self.pool_queues[pool]:
            head = self.pool_queues[pool].popleft()
            self._stop(t, head)
            self._token(t, pool)
            head.step += 1
            self.granted.append(head)
        else:
            self.free_tokens[pool] += 1

    def _reserve(self, t: int, request: Request) -> None:
        need = self.working_set[request.endpoint]
        if self.free_memory is not None:
            self.free_memory -= need
        self._move(t, "memory_kib", need)

    def _finish(self, t: int, request: Request) -> None:
        self._give_core_back(t, request)
        need = self.working_set[request.endpoint]
        self._move(t, "memory_kib", -need)
        if self.free_memory is not None:
            self.free_memory += need
            while self.memory_queue and self.working_set[self.memory_queue[0].endpoint] <= self.free_memory:
                head = self.memory_queue.popleft()
                self._stop(t, head)
                self._reserve(t, head)
                self.granted.append(head)
        self._exit(t, request)
        self.events.append((t, "completed"))
        self.leave(t, request)

    def _exit(self, t: int, request: Request) -> None:
        self.inside.remove(request)
        self._move(t, "in_system", -1)
        self.sojourn += t - request.entered

    # the account

    def _start_waiting(self, t: int, request: Request, what: str) -> None:
        request.doing = what
        request.since = t
        self._move(t, what, 1)

    def _start(self, t: int, request: Request, what: str, duration: int) -> None:
        self._start_waiting(t, request, what)
        self.wake(t + duration, request)

    def _stop(self, t: int, request: Request) -> None:
        elapsed = t - request.since
        what = request.doing
        if what.startswith("pool_wait"):
            pool = int(what.removeprefix("pool_wait"))
            request.pool_wait[pool] = request.pool_wait.get(pool, 0) + elapsed
        else:
            setattr(request, what, getattr(request, what) + elapsed)
        self._move(t, what, -1)
        request.doing = ""

    def refuse(self, t: int) -> None:
        """Note a request that arrives while the replica is down."""
        self.events += [(t, "arrivals"), (t, "refused")]

    def lose_all(self, t: int) -> list[Request]:
        """Empty the replica: a fault that loses what is in flight begins."""
        lost = list(self.inside)
        for request in lost:
            self._stop(t, request)
            self._exit(t, request)
            request.dead = True
            self.events.append((t, "refused"))
        for counter in {change.counter for change in self.changes}:
            left = sum(change.delta for change in self.changes if change.counter == counter)
            if left:
                self._move(t, counter, -left)
        self._reset()
        return lost
