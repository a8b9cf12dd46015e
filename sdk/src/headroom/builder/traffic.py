"""Workloads: who sends requests, when, and what they ask for."""

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any, Literal, overload

from headroom.builder.parts import Law, Part, given

Rate = str | Mapping[str, Any]
"""A rate such as `"250/s"`, or one that changes over time, made by `profile`."""


def profile(shape: Literal["step", "linear"], points: Sequence[tuple[str, str]]) -> Part:
    """A rate that changes over time.

    Args:
        shape: `step` holds each rate until the next point; `linear` ramps from point to point.
        points: pairs of a time and a rate, such as `("60s", "400/s")`, the first at `"0s"`.
    """
    return {"shape": shape, "points": [{"at": at, "rate": rate} for at, rate in points]}


@overload
def poisson(rate: Rate) -> Part: ...
@overload
def poisson(*, mean: str) -> Part: ...
def poisson(rate: Rate | None = None, *, mean: str | None = None) -> Part:
    """Arrivals at random with this `rate`; or, with `mean`, the Poisson law of durations in whole ms.

    Raises:
        TypeError: both or neither are given.
    """
    if (rate is None) == (mean is None):
        message = "poisson: expected rate (arrivals) or mean (a law of durations), found both or neither"
        raise TypeError(message)
    if rate is not None:
        return {"kind": "poisson", "rate": rate}
    return {"distribution": "poisson", "mean": mean}


def deterministic(rate: Rate) -> Part:
    """Arrivals evenly spaced, the first after one gap."""
    return {"kind": "deterministic", "rate": rate}


def users(
    mean: float,
    *,
    rate_per_user: str,
    law: Literal["poisson", "normal"] | None = None,
    sd: float | None = None,
    window: str | None = None,
) -> Part:
    """A crowd whose size is drawn anew in every `window`; each of its users sends `rate_per_user`."""
    return given(
        kind="users", users=given(mean=mean, law=law, sd=sd), rate_per_user=rate_per_user, window=window
    )


def trace(times: Sequence[str] | None = None, *, file: str | PathLike[str] | None = None) -> Part:
    """Arrivals at the given `times`, or at those in a column of `file`."""
    return given(
        kind="trace",
        times=None if times is None else list(times),
        file=None if file is None else str(file),
    )


def closed(users: int, *, think_time: Law) -> Part:
    """A closed loop: each user waits for the answer, thinks, and asks again."""
    return {"kind": "closed", "users": users, "think_time": think_time}


def workload(
    name: str,
    *,
    entry: str,
    arrivals: Mapping[str, Any],
    via: Sequence[str] | None = None,
    mix: Mapping[str, float] | Sequence[Mapping[str, Any]] | None = None,
    sessions: int | None = None,
    timeout: str | None = None,
) -> Part:
    """A stream of requests.

    Args:
        name: its name.
        entry: the router, or the server with one replica, where its requests arrive.
        arrivals: when they come: `poisson`, `deterministic`, `users`, `trace` or `closed`.
        via: links crossed on the way to the entry, in order.
        mix: the weight of each endpoint, as `{"/api": 3, "/search": 1}`; default: the only endpoint.
        sessions: the number of distinct session keys, for consistent hashing.
        timeout: how long the client waits.
    """
    if isinstance(mix, Mapping):
        mix = [{"endpoint": endpoint, "weight": weight} for endpoint, weight in mix.items()]
    return given(
        name=name,
        entry=entry,
        via=None if via is None else list(via),
        arrivals=arrivals,
        mix=None if mix is None else list(mix),
        sessions=sessions,
        timeout=timeout,
    )
