"""Headroom's handlers driven one by one, to see where the time of a run goes."""

from __future__ import annotations

import time
import uuid
from collections import defaultdict, deque
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from headroom_analysis.handlers import Analysis
from headroom_analysis.store import MemoryStore
from headroom_common.contracts.event import Event, caused_event, root_event
from headroom_common.contracts.events import RequestsCompleted, RunParameters, RunRequested
from headroom_generator import handlers as generator
from headroom_router import handlers as router
from headroom_server_model import handlers as server_model
from headroom_server_model.domain.records import SegmentResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from headroom_common.scenario import Scenario

KERNEL: Final = "server-model: event loop"
"""The stage of the event loop itself."""


class Stages:
    """Drives the handlers of a run in one thread, without broker, and adds up where the time goes.

    Args:
        by_loop: leave all servers to the event loop, also those that the recursion could take.

    Attributes:
        seconds: processor time by name of a stage; "(all)" is a whole handler, the others are parts of one.
        walls: the same by the clock on the wall.
        requests: ended requests so far.
        events: events that the server kernel handled.
        sojourns: time that each answered request spent in its server, in ns, by part of a segment.
    """

    _PARTS: Final = (
        ("headroom_generator.domain.arrivals", "generate", "generator: kernel"),
        ("headroom_router.domain.segment", "cross_ingress", "router: links in"),
        ("headroom_router.domain.segment", "order_by_time", "router: sort"),
        ("headroom_router.domain.segment", "route", "router: policy, links to servers"),
        ("headroom_server_model.handlers", "simulate_segment", "server-model: segment"),
        ("headroom_server_model.domain.by_recursion", "_take_in", "server-model: take in"),
        ("headroom_server_model.domain.by_recursion", "order_by_time", "server-model: sort"),
        ("headroom_server_model.domain.by_recursion", "recur", "server-model: recursion"),
        ("headroom_server_model.domain.by_recursion", "follow_levels", "server-model: levels"),
        ("headroom_server_model.domain.by_loop", "simulate", KERNEL),
        ("headroom_analysis.handlers", "fold", "analysis: fold"),
    )

    def __init__(self, *, by_loop: bool = False) -> None:
        self._by_loop = by_loop
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.walls: defaultdict[str, float] = defaultdict(float)
        self.requests = 0
        self.events = 0
        self.sojourns: list[Any] = []

    def drive(self, scenario: Scenario, trials: int, seed: int) -> None:
        """Simulate `trials` trials."""
        analysis = Analysis(MemoryStore())
        handlers: dict[type[Any], Any] = {
            **generator.HANDLERS,
            **router.HANDLERS,
            **server_model.HANDLERS,
            RequestsCompleted: analysis.requests_completed,
        }
        parameters = RunParameters(
            run_id=uuid.uuid4(),
            scenario=scenario.canonical(),
            scenario_hash="0",
            seed=seed,
            trials=trials,
            window=1,
        )
        source, now = "/benchmarks", datetime.now(UTC)
        events: deque[Event[Any]] = deque([root_event(RunRequested(run=parameters), source=source, time=now)])
        with self._timed_parts():
            while events:
                event = events.popleft()
                if isinstance(event.body, RequestsCompleted):
                    self._note(event.body.tables["requests"])
                handler = handlers.get(type(event.body))
                if handler is not None:
                    outputs = self._timed(f"{handler.__module__.split('.')[0]} (all)", handler, event)
                    events.extend(caused_event(event.envelope, o, source=source, time=now) for o in outputs)

    def _note(self, requests: dict[str, Any]) -> None:
        self.requests += len(requests["id"])
        answered = requests["outcome"] == 0
        waits = ("memory_wait", "cpu_wait", "cpu_run", "io_wait")
        self.sojourns.append(np.sum([requests[name][answered] for name in waits], axis=0))

    def _timed(self, name: str, work: Callable[..., Any], *arguments: Any) -> Any:  # noqa: ANN401 - any work
        wall, cpu = time.perf_counter(), time.thread_time()
        result = work(*arguments)
        self.walls[name] += time.perf_counter() - wall
        self.seconds[name] += time.thread_time() - cpu
        self.events += result.events if isinstance(result, SegmentResult) else 0
        return result

    @contextmanager
    def _timed_parts(self) -> Iterator[None]:
        """Time the functions in `_PARTS` while this lasts."""
        with ExitStack() as stack:
            for module_name, name, label in self._PARTS:
                module = import_module(module_name)
                original = getattr(module, name)
                stack.callback(setattr, module, name, original)
                setattr(module, name, partial(self._timed, label, original))
            if self._by_loop:
                stack.callback(setattr, server_model, "is_feed_forward", server_model.is_feed_forward)
                server_model.is_feed_forward = lambda _world: False
            yield
