"""Pending events in order of (time, id): a 4-ary heap, and a FIFO delay line for each constant duration.

Steps of one constant duration end in the order in which they start, so their ends need no heap: a ring
per constant is
enough. What would not be in order at a ring's tail (after a slow-down, say) goes to the heap instead.
"""

from __future__ import annotations

from typing import Any, Final

from headroom_common.simcore.jit import called, inlined
from headroom_common.simcore.tables import NEVER, Ints
from headroom_common.simcore.world import row_of, table
from headroom_server_model.domain.state import (
    COUNTERS,
    EVENT_NS,
    HEAP,
    HEAP_SIZE,
    ID,
    NO_EVENT,
    RE_HEAD,
    RE_SIZE,
    RING_ENDS,
    RINGS,
    SLOTS,
)

_World = Any

FROM_HEAP: Final = -1
_ARITY_SHIFT: Final = 2
_ARITY: Final = 1 << _ARITY_SHIFT


@called
def _push_heap(heap: Ints, size: int, t: int, identity: int, slot: int) -> None:
    hole = size
    while hole > 0:
        parent = (hole - 1) >> _ARITY_SHIFT
        if not (t < heap[parent, 0] or (t == heap[parent, 0] and identity < heap[parent, 1])):
            break
        heap[hole, 0] = heap[parent, 0]
        heap[hole, 1] = heap[parent, 1]
        heap[hole, 2] = heap[parent, 2]
        hole = parent
    heap[hole, 0] = t
    heap[hole, 1] = identity
    heap[hole, 2] = slot


@called
def _pop_heap(heap: Ints, size: int) -> None:
    """Remove the first of `size` entries."""
    last = size - 1
    t = heap[last, 0]
    identity = heap[last, 1]
    hole = 0
    while True:
        child = (hole << _ARITY_SHIFT) + 1
        if child >= last:
            break
        stop = min(child + _ARITY, last)
        best = child
        for other in range(child + 1, stop):
            if heap[other, 0] < heap[best, 0] or (
                heap[other, 0] == heap[best, 0] and heap[other, 1] < heap[best, 1]
            ):
                best = other
        if not (heap[best, 0] < t or (heap[best, 0] == t and heap[best, 1] < identity)):
            break
        heap[hole, 0] = heap[best, 0]
        heap[hole, 1] = heap[best, 1]
        heap[hole, 2] = heap[best, 2]
        hole = best
    heap[hole, 0] = t
    heap[hole, 1] = identity
    heap[hole, 2] = heap[last, 2]


@inlined
def schedule(world: _World, slot: int, t: int, line: int) -> None:
    """Make the slot's event due at `t`, through delay line `line` (-1: none) if that keeps it in order."""
    slots = table(world, SLOTS)
    identity = slots[slot, ID]
    slots[slot, EVENT_NS] = t
    if line >= 0:
        rings = table(world, RINGS)
        ends = table(world, RING_ENDS)
        capacity = slots.shape[0]
        size = ends[line, RE_SIZE]
        head = ends[line, RE_HEAD]
        base = line * capacity
        tail = base + ((head + size - 1) & (capacity - 1))
        if size == 0 or rings[tail, 0] < t or (rings[tail, 0] == t and rings[tail, 1] < identity):
            place = base + ((head + size) & (capacity - 1))
            rings[place, 0] = t
            rings[place, 1] = identity
            rings[place, 2] = slot
            ends[line, RE_SIZE] = size + 1
            return
    counters = row_of(world, COUNTERS, 0)
    _push_heap(table(world, HEAP), counters[HEAP_SIZE], t, identity, slot)
    counters[HEAP_SIZE] += 1


@inlined
def earliest(world: _World) -> tuple[int, int, int]:
    """Return (source, time, id) of the earliest pending event.

    The source is a delay line, or `FROM_HEAP`; time and id are `NEVER` when nothing is pending.
    """
    best = FROM_HEAP
    t = NEVER
    identity = NEVER
    if row_of(world, COUNTERS, 0)[HEAP_SIZE] > 0:
        heap = table(world, HEAP)
        t = heap[0, 0]
        identity = heap[0, 1]
    rings = table(world, RINGS)
    ends = table(world, RING_ENDS)
    capacity = table(world, SLOTS).shape[0]
    for line in range(ends.shape[0]):
        if ends[line, RE_SIZE] > 0:
            place = line * capacity + ends[line, RE_HEAD]
            due = rings[place, 0]
            if due < t or (due == t and rings[place, 1] < identity):
                best = line
                t = due
                identity = rings[place, 1]
    return best, t, identity


@inlined
def take(world: _World, source: int) -> int:
    """Remove the earliest event of a source and return its slot."""
    slots = table(world, SLOTS)
    if source >= 0:
        ends = table(world, RING_ENDS)
        head = ends[source, RE_HEAD]
        slot = table(world, RINGS)[source * slots.shape[0] + head, 2]
        ends[source, RE_HEAD] = (head + 1) & (slots.shape[0] - 1)
        ends[source, RE_SIZE] -= 1
    else:
        heap = table(world, HEAP)
        counters = table(world, COUNTERS)
        slot = heap[0, 2]
        _pop_heap(heap, counters[0, HEAP_SIZE])
        counters[0, HEAP_SIZE] -= 1
    slots[slot, EVENT_NS] = NO_EVENT
    return slot
