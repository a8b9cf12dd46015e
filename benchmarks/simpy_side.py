"""The models with SimPy, the way its documentation teaches: a process per request, resources, plain lists."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import simpy

from benchmarks import models
from benchmarks.sample import Sample, Stopwatch

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    _Process = Generator[simpy.Event, Any, None]

DRAWS = random.Random()  # noqa: S311 - nothing here is secret


@dataclass
class Server:
    """Cores and memory of one server."""

    cores: simpy.Resource
    memory: simpy.Container


@dataclass
class TwoServers:
    """A load balancer before two servers; `latencies` are in seconds."""

    env: simpy.Environment
    servers: list[Server]
    latencies: list[float] = field(default_factory=list)
    started: int = 0
    dropped: int = 0


def _users(model: TwoServers, horizon: float) -> _Process:
    """A new number of users every window, each of whom sends requests at random instants."""
    env = model.env
    crowd = np.random.default_rng(DRAWS.getrandbits(64))
    turns = itertools.cycle(model.servers)
    while env.now < horizon:
        window_end = env.now + models.WINDOW
        rate = int(crowd.poisson(models.USERS)) * models.REQUESTS_PER_USER
        while True:
            gap = DRAWS.expovariate(rate)
            if env.now + gap >= min(window_end, horizon):
                yield env.timeout(min(window_end, horizon) - env.now)
                break
            yield env.timeout(gap)
            model.started += 1
            env.process(_request(model, turns))


def _request(model: TwoServers, turns: Iterator[Server]) -> _Process:
    """One request from the client to a server and back."""
    env = model.env
    start = env.now
    for delay in (models.CLIENT_LINK, models.BALANCER_LINK):
        if DRAWS.random() < models.LOSS:
            model.dropped += 1
            return
        yield env.timeout(DRAWS.expovariate(1 / delay))
    server = next(turns)
    if DRAWS.random() < models.LOSS:
        model.dropped += 1
        return
    yield env.timeout(DRAWS.expovariate(1 / models.SERVER_LINK))

    yield server.memory.get(models.REQUEST_MIB)
    with server.cores.request() as core:
        yield core
        yield env.timeout(models.CPU)
    yield env.timeout(models.IO)
    yield server.memory.put(models.REQUEST_MIB)

    if DRAWS.random() < models.LOSS:
        model.dropped += 1
        return
    yield env.timeout(DRAWS.expovariate(1 / models.RETURN_LINK))
    model.latencies.append(env.now - start)


def two_servers_lb_10x(seed: int) -> Sample:
    """Simulate the two servers for a part of the scenario's horizon."""
    DRAWS.seed(seed)
    env = simpy.Environment()
    servers = [
        Server(
            simpy.Resource(env, models.CORES), simpy.Container(env, models.MEMORY_MIB, init=models.MEMORY_MIB)
        )
        for _ in range(2)
    ]
    model = TwoServers(env, servers)
    env.process(_users(model, models.PEER_HORIZON))
    watch = Stopwatch()

    def simulate() -> tuple[float, float]:
        env.run()
        return float(np.mean(model.latencies)), float(np.percentile(model.latencies, 99))

    mean, p99 = watch.time(simulate)
    lost = model.dropped / model.started
    return Sample(model.started, watch.wall, watch.cpu, mean, p99, {"lost": lost})


def _customers(env: simpy.Environment, counter: simpy.Resource, n: int, times: list[float]) -> _Process:
    for _ in range(n):
        yield env.timeout(DRAWS.expovariate(models.MM4_ARRIVAL_RATE))
        env.process(_customer(env, counter, times))


def _customer(env: simpy.Environment, counter: simpy.Resource, times: list[float]) -> _Process:
    arrived = env.now
    with counter.request() as turn:
        yield turn
        yield env.timeout(DRAWS.expovariate(1 / models.MM4_SERVICE))
    times.append(env.now - arrived)


def mm4(seed: int) -> Sample:
    """Simulate customers of a queue with four servers."""
    DRAWS.seed(seed)
    env = simpy.Environment()
    counter = simpy.Resource(env, models.MM4_SERVERS)
    times: list[float] = []
    env.process(_customers(env, counter, models.MM4_PEER_CUSTOMERS, times))
    watch = Stopwatch()

    def simulate() -> tuple[float, float]:
        env.run()
        return float(np.mean(times)), float(np.percentile(times, 99))

    mean, p99 = watch.time(simulate)
    return Sample(len(times), watch.wall, watch.cpu, mean, p99, {})
