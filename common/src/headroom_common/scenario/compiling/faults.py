"""Faults to step functions of time, one per link and per replica."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

from headroom_common.scenario.faults import LinkDelay, LinkLoss, ServerDown, ServerSlowdown
from headroom_common.simcore.tables import PARTS_PER_BILLION, Ints, bits_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Fault = ServerDown | LinkDelay | LinkLoss | ServerSlowdown
_F = TypeVar("_F", ServerDown, ServerSlowdown, LinkDelay | LinkLoss)


class StepTable:
    """Collects step functions of time: the rows of `STEPS`."""

    def __init__(self) -> None:
        self._rows: list[tuple[int, int, int]] = []

    def add(self, faults: Sequence[_F], level: Callable[[Sequence[_F]], tuple[int, int]]) -> tuple[int, int]:
        """Add the levels that faults give over time and return the rows' start and stop."""
        start = len(self._rows)
        for instant in sorted({t for fault in faults for t in (fault.start, fault.end)}):
            extra, loss = level([fault for fault in faults if fault.start <= instant < fault.end])
            self._rows.append((instant, extra, loss))
        return start, len(self._rows)

    def table(self) -> Ints:
        """Return all rows."""
        return np.array(self._rows, np.int64).reshape(-1, 3)


def loss_ppb(ratio: float) -> int:
    """Return a probability in parts per billion."""
    return int(ratio * PARTS_PER_BILLION + 0.5)


def add_link(steps: StepTable, link: str, faults: Sequence[Fault]) -> tuple[int, int]:
    """Add a link's (extra delay in ns, extra loss in parts per billion) over time."""

    def level(active: Sequence[LinkDelay | LinkLoss]) -> tuple[int, int]:
        extra = sum(fault.extra for fault in active if isinstance(fault, LinkDelay))
        return extra, sum(loss_ppb(fault.loss) for fault in active if isinstance(fault, LinkLoss))

    return steps.add([f for f in faults if isinstance(f, LinkDelay | LinkLoss) and f.link == link], level)


def _touches(fault: ServerDown | ServerSlowdown, server: str, replica: int) -> bool:
    return fault.server == server and fault.replica in {None, replica}


def add_down(steps: StepTable, server: str, replica: int, faults: Sequence[Fault]) -> tuple[int, int]:
    """Add over time how many down faults of a replica are active."""
    downs = [fault for fault in faults if isinstance(fault, ServerDown) and _touches(fault, server, replica)]

    def level(active: Sequence[ServerDown]) -> tuple[int, int]:
        return len(active), 0

    return steps.add(downs, level)


def add_slow(steps: StepTable, server: str, replica: int, faults: Sequence[Fault]) -> tuple[int, int]:
    """Add over time the factor on a replica's CPU steps, 1 + Σ(factor - 1), as bits."""

    def level(active: Sequence[ServerSlowdown]) -> tuple[int, int]:
        factor = 1.0
        for fault in active:
            factor += fault.factor - 1.0
        return int(bits_of(np.array([factor]))[0]), 0

    slow = [
        fault for fault in faults if isinstance(fault, ServerSlowdown) and _touches(fault, server, replica)
    ]
    return steps.add(slow, level)


def kills(replicas: Sequence[tuple[str, int]], faults: Sequence[Fault]) -> Ints:
    """Return when which replicas, given as (server, index), lose what is in flight: `KILLS`."""
    losing = [fault for fault in faults if isinstance(fault, ServerDown) and fault.in_flight == "lost"]
    found = sorted(
        {(f.start, row) for f in losing for row, replica in enumerate(replicas) if _touches(f, *replica)}
    )
    return np.array(found, np.int64).reshape(-1, 2)
