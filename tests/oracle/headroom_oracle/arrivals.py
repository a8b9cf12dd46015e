"""When the requests of an open workload arrive, by the specification's words on arrivals."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from headroom_common.simcore.distributions import nanoseconds, poisson, truncated_normal
from headroom_common.simcore.elementary import log
from headroom_common.simcore.random import uniform
from headroom_common.simcore.sites import GAP, USERS
from headroom_oracle.laws import SECOND, normal_below_zero

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Piece(NamedTuple):
    """A stretch of time whose rate is a straight line; `stop` None means for ever."""

    start: int
    stop: int | None
    rate: float
    slope: float

    def rate_at(self, t: int) -> float:
        return self.rate + self.slope * ((t - self.start) / SECOND) if self.slope else self.rate


def rate_pieces(rate: Any) -> Iterator[Piece]:
    """Yield the pieces of a constant or varying rate."""
    if isinstance(rate, float):
        yield Piece(0, None, rate, 0.0)
        return
    points = rate.points
    for here, after in pairwise(points):
        slope = 0.0 if rate.shape == "step" else (after.rate - here.rate) * 1e9 / (after.at - here.at)
        yield Piece(here.at, after.at, here.rate, slope)
    yield Piece(points[-1].at, None, points[-1].rate, 0.0)


def user_pieces(arrivals: Any, stream: int, workload: int) -> Iterator[Piece]:
    """Yield one piece per window, its rate that of the users drawn for it."""
    window = 0
    while True:
        identity = window << 16 | workload
        law = arrivals.users
        if law.law == "poisson":
            users = int(poisson(law.mean, stream, identity, USERS))
        else:
            sd = max(law.sd, 1e-9)
            below_zero = normal_below_zero(law.mean, sd)
            users = int(truncated_normal(law.mean, sd, below_zero, uniform(stream, identity, USERS)) + 0.5)
        start = window * arrivals.window
        yield Piece(start, start + arrivals.window, users * arrivals.rate_per_user, 0.0)
        window += 1


def walk(pieces: Iterator[Piece], work_of: Callable[[int], float], horizon: int) -> Iterator[int]:
    """Yield arrival times: each arrival consumes its work of the integral of the rate."""
    piece = next(pieces)
    now = 0
    number = 0
    while True:
        work = work_of(number)
        while piece.stop is not None:
            area = (piece.stop - now) / SECOND * ((piece.rate_at(now) + piece.rate_at(piece.stop)) / 2.0)
            if work <= area:
                break
            work -= area
            now = piece.stop
            if now >= horizon:
                return
            piece = next(pieces)
        rate = piece.rate_at(now)
        root = math.sqrt(max(rate * rate + 2.0 * piece.slope * work, 0.0))
        if rate + root == 0.0:
            if work > 0.0:
                return
            gap = 0
        else:
            gap = int(nanoseconds(2.0 * work / (rate + root)))
        now += gap
        if now >= horizon:
            return
        yield now
        number += 1


def open_arrivals(arrivals: Any, stream: int, workload: int, horizon: int) -> list[int]:
    """Return the arrival times of an open workload, in order."""
    if arrivals.kind == "trace":
        return [t for t in sorted(arrivals.times) if t < horizon]
    if arrivals.kind == "deterministic":
        return list(walk(rate_pieces(arrivals.rate), lambda _: 1.0, horizon))

    def work_of(number: int) -> float:
        return -float(log(uniform(stream, number << 16 | workload, GAP)))

    pieces = (
        user_pieces(arrivals, stream, workload) if arrivals.kind == "users" else rate_pieces(arrivals.rate)
    )
    return list(walk(pieces, work_of, horizon))
