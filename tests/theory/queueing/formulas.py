"""Queueing theory: the closed forms that the simulation must meet.

Rates are per second, times in seconds; below, l is `arrival`, m is `service`, a = l/m and r = a/servers.
Source: Kleinrock, "Queueing Systems" I (1975), unless told otherwise.
"""

from __future__ import annotations

import math


def mm1_sojourn(arrival: float, service: float) -> float:
    """Return the mean time in an M/M/1 station, 1/(m - l)."""
    return 1.0 / (service - arrival)


def mm1_sojourn_quantile(arrival: float, service: float, p: float) -> float:
    """Return the p-quantile of the time in an M/M/1 station: it is exponential with rate m - l."""
    return -math.log1p(-p) / (service - arrival)


def erlang_b(load: float, servers: int) -> float:
    """Return the blocking probability of M/G/c/c at the offered load a, by its recursion in c."""
    blocking = 1.0
    for n in range(1, servers + 1):
        blocking = load * blocking / (n + load * blocking)
    return blocking


def erlang_c(load: float, servers: int) -> float:
    """Return the probability of having to wait in M/M/c."""
    blocking = erlang_b(load, servers)
    return blocking / (1.0 - load / servers * (1.0 - blocking))


def mmc_wait(arrival: float, service: float, servers: int) -> float:
    """Return the mean wait in queue in M/M/c."""
    return erlang_c(arrival / service, servers) / (servers * service - arrival)


def mmc_sojourn(arrival: float, service: float, servers: int) -> float:
    """Return the mean time in an M/M/c station; infinite when it cannot keep up."""
    if arrival >= servers * service:
        return math.inf
    return mmc_wait(arrival, service, servers) + 1.0 / service


def mmc_sojourn_quantile(arrival: float, service: float, servers: int, p: float) -> float:
    """Return the p-quantile of the time in an M/M/c station under FIFO; infinite when it cannot keep up.

    Who waits, with probability C, waits an exponential time of rate d = c m - l; service is exponential and
    independent. So P(T > t) = (1 - C) e^(-m t) + C (d e^(-m t) - m e^(-d t)) / (d - m).
    """
    spare = servers * service - arrival
    if spare <= 0:
        return math.inf
    waits = erlang_c(arrival / service, servers)

    def tail(t: float) -> float:
        alone, queued = math.exp(-service * t), math.exp(-spare * t)
        if math.isclose(spare, service):
            both = (1.0 + service * t) * alone
        else:
            both = (spare * alone - service * queued) / (spare - service)
        return (1.0 - waits) * alone + waits * both

    low, high = 0.0, 1.0 / service
    while tail(high) > 1.0 - p:
        high *= 2.0
    for _ in range(100):
        middle = (low + high) / 2.0
        low, high = (middle, high) if tail(middle) > 1.0 - p else (low, middle)
    return high


def mg1_wait(arrival: float, mean: float, sd: float) -> float:
    """Return the mean wait in queue in M/G/1 (Pollaczek and Khinchine): l E[S²] / (2 (1 - r))."""
    return arrival * (mean * mean + sd * sd) / (2.0 * (1.0 - arrival * mean))


def mm1k(arrival: float, service: float, places: int) -> tuple[float, float]:
    """Return the blocking probability of M/M/1/K and the mean time in it of those let in."""
    rho = arrival / service
    weights = [rho**n for n in range(places + 1)]
    total = sum(weights)
    blocked = weights[-1] / total
    number = sum(n * weight for n, weight in enumerate(weights)) / total
    return blocked, number / (arrival * (1.0 - blocked))


def em1_wait(arrival: float, service: float, stages: int) -> float:
    """Return the mean wait in E_k/M/1, k = `stages`: s / (m (1 - s)) with s = A*(m - m s)."""
    stage = arrival * stages
    sigma = 0.0
    for _ in range(10_000):
        sigma = (stage / (stage + service * (1.0 - sigma))) ** stages
    return sigma / (service * (1.0 - sigma))


def two_choices_sojourn(rho: float) -> float:
    """Return the mean time in a station, in service times, under the power of two choices among very many.

    It is the sum over i ≥ 1 of r^(2^i - 2).
    Vvedenskaya, Dobrushin and Karpelevich (1996); Mitzenmacher (2001).
    """
    return math.fsum(math.pow(rho, 2.0**i - 2.0) for i in range(1, 20))


def machine_repair(users: int, think: float, service: float) -> tuple[float, float]:
    """Return throughput and response time of `users` who think and share one station, by mean value analysis.

    Reiser and Lavenberg (1980). Exact for exponential service and any law of think times.
    """
    queue = 0.0
    throughput = response = 0.0
    for n in range(1, users + 1):
        response = (1.0 + queue) / service
        throughput = n / (response + think)
        queue = throughput * response
    return throughput, response


def throughput_bound(users: int, think: float, demand: float) -> float:
    """Return the bound of a closed loop's throughput, min(N / (D + Z), 1 / D) (Denning and Buzen 1978)."""
    return min(users / (demand + think), 1.0 / demand)


def poisson_probability(mean: float, n: int) -> float:
    """Return P(N = n) of a Poisson number."""
    return math.exp(n * math.log(mean) - mean - math.lgamma(n + 1.0))
