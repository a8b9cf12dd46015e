"""The models as plain Python loops over a heap of events, without any framework."""

from __future__ import annotations

import heapq
import random
from collections import deque

import numpy as np

from benchmarks import models
from benchmarks.sample import Sample, Stopwatch


def _mm4(n: int) -> list[float]:
    """Return the time that each of `n` customers spent in a queue with four servers."""
    expovariate, push, pop = random.expovariate, heapq.heappush, heapq.heappop
    departures: list[tuple[float, float]] = []  # when, and when that customer had arrived
    waiting: deque[float] = deque()
    times: list[float] = []
    free = models.MM4_SERVERS
    started = 1
    arrival = expovariate(models.MM4_ARRIVAL_RATE)
    while len(times) < n:
        if departures and departures[0][0] <= arrival:
            now, arrived = pop(departures)
            times.append(now - arrived)
            if waiting:
                push(departures, (now + expovariate(1 / models.MM4_SERVICE), waiting.popleft()))
            else:
                free += 1
            continue
        if free:
            free -= 1
            push(departures, (arrival + expovariate(1 / models.MM4_SERVICE), arrival))
        else:
            waiting.append(arrival)
        if started < n:
            started += 1
            arrival += expovariate(models.MM4_ARRIVAL_RATE)
        else:
            arrival = float("inf")
    return times


def mm4(seed: int) -> Sample:
    """Simulate customers of a queue with four servers."""
    random.seed(seed)
    watch = Stopwatch()

    def simulate() -> tuple[int, float, float]:
        times = _mm4(models.MM4_PEER_CUSTOMERS)
        return len(times), float(np.mean(times)), float(np.percentile(times, 99))

    customers, mean, p99 = watch.time(simulate)
    return Sample(customers, watch.wall, watch.cpu, mean, p99, {})


_ARRIVE, _COMPUTED, _ANSWERED = 0, 1, 2


def _serve(arrivals: list[tuple[float, int, int]]) -> tuple[list[float], int]:  # noqa: PLR0912 - one plain loop, as by hand
    """Run requests through two servers: memory, a core, an I/O wait.

    Args:
        arrivals: (time, request, server) in order of time.

    Returns:
        The time that each spent in its server, and the number of events.
    """
    push, pop = heapq.heappush, heapq.heappop
    events: list[tuple[float, int, int, int]] = []  # time, request, kind, server
    memory = [models.MEMORY_MIB, models.MEMORY_MIB]
    cores = [models.CORES, models.CORES]
    for_memory: list[deque[int]] = [deque(), deque()]
    for_core: list[deque[int]] = [deque(), deque()]
    entered = [0.0] * len(arrivals)
    times = []
    handled = 0
    position = 0
    while position < len(arrivals) or events:
        if position < len(arrivals) and (not events or arrivals[position] < events[0][:2]):
            now, request, server = arrivals[position]
            position += 1
            kind = _ARRIVE
            entered[request] = now
        else:
            now, request, kind, server = pop(events)
        handled += 1
        starting = None
        if kind == _ARRIVE:
            if memory[server] < models.REQUEST_MIB:
                for_memory[server].append(request)
            else:
                memory[server] -= models.REQUEST_MIB
                starting = request
        elif kind == _COMPUTED:
            cores[server] += 1
            push(events, (now + models.IO, request, _ANSWERED, server))
            if for_core[server]:
                cores[server] -= 1
                push(events, (now + models.CPU, for_core[server].popleft(), _COMPUTED, server))
        else:
            times.append(now - entered[request])
            memory[server] += models.REQUEST_MIB
            if for_memory[server]:
                memory[server] -= models.REQUEST_MIB
                starting = for_memory[server].popleft()
        if starting is not None:
            if cores[server]:
                cores[server] -= 1
                push(events, (now + models.CPU, starting, _COMPUTED, server))
            else:
                for_core[server].append(starting)
    return times, handled


def kernel_events(seed: int) -> Sample:
    """Run the events of the two servers, and only those: arrivals are ready in a list."""
    random.seed(seed)
    now = 0.0
    rate = models.USERS * models.REQUESTS_PER_USER * (1 - models.LOSS) ** 3
    arrivals = []
    for request in range(models.PEER_EVENTS // 3):
        now += random.expovariate(rate)
        arrivals.append((now, request, request % 2))
    watch = Stopwatch()
    times, events = watch.time(lambda: _serve(arrivals))
    mean, p99 = float(np.mean(times)), float(np.percentile(times, 99))
    return Sample(events, watch.wall, watch.cpu, mean, p99, {"per_request": events / len(times)})
