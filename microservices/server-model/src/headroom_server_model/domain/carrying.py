"""Carrying the server-model's state from segment to segment: what is in flight, as tables of columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from headroom_common.simcore.tables import BACKEND_STATE, ROUTER_STATE, TARGET_STATE, Ints
from headroom_server_model.domain.state import (
    COUNTERS,
    EVENT_NS,
    FREE,
    FREE_LIST,
    FREE_SLOTS,
    HEAP,
    HEAP_SIZE,
    ID,
    LEVELS,
    NEXT,
    NEXT_KILL,
    NEXT_TICK,
    NO_EVENT,
    PHASE,
    QUEUES,
    RING_ENDS,
    SLOTS,
    empty_state,
    slot_tables,
)

if TYPE_CHECKING:
    from headroom_common.simcore.world import World

Table = dict[str, NDArray[np.int64]]
Tables = dict[str, Table]

_PREFIX = "server."
_SMALLEST = 1024


def _columns(array: Ints) -> Table:
    """Return a matrix as one column, row by row: events have a price per column."""
    return {"cells": array.reshape(-1).copy()}


def _matrix(columns: Table, width: int) -> Ints:
    return columns["cells"].reshape(-1, width).copy()


_WHOLE = {"levels": LEVELS, "routers": ROUTER_STATE, "targets": TARGET_STATE, "backends": BACKEND_STATE}


def save(world: World) -> Tables:
    """Return the state as tables: slots in use, renumbered from 0, and what is kept per replica and router.

    A slot's pending event is its `EVENT_NS`, so neither heap nor delay lines need to travel.
    """
    used = np.flatnonzero(world[SLOTS][:, PHASE] != FREE)
    slots = world[SLOTS][used]
    renumbered = np.full(len(world[SLOTS]) + 1, -1, np.int64)
    renumbered[used] = np.arange(len(used))
    slots[:, NEXT] = renumbered[slots[:, NEXT]]
    counters = world[COUNTERS]
    return {
        _PREFIX + "slots": _columns(slots),
        _PREFIX + "queues": _columns(renumbered[world[QUEUES]]),
        _PREFIX + "progress": _columns(counters[:, [NEXT_TICK, NEXT_KILL]]),
        **{_PREFIX + name: _columns(world[number]) for name, number in _WHOLE.items()},
    }


def load_flight(world: World, tables: Tables) -> None:
    """Give a world the state that `save` wrote, as it is: `SLOTS` has just the requests in flight."""
    empty_state(world)
    if _PREFIX + "slots" not in tables:
        return
    for name, number in {**_WHOLE, "slots": SLOTS, "queues": QUEUES}.items():
        world.put(number, _matrix(tables[_PREFIX + name], world[number].shape[1]))
    world[COUNTERS][0, [NEXT_TICK, NEXT_KILL]] = tables[_PREFIX + "progress"]["cells"]


def load(world: World, lines: int, tables: Tables) -> None:
    """Give a world the state that `save` wrote, with room to grow; an empty one when there is none."""
    load_flight(world, tables)
    slots = world[SLOTS]
    used = len(slots)
    room = _SMALLEST
    while room < 2 * used:
        room *= 2
    world.put(RING_ENDS, np.zeros((lines, 2), np.int64))
    for number, array in slot_tables(world, room).items():
        world.put(number, array)
    world[SLOTS][:used] = slots
    world[FREE_LIST][: room - used, 0] = np.arange(room - 1, used - 1, -1)
    pending = np.flatnonzero(slots[:, EVENT_NS] != NO_EVENT)
    order = pending[np.lexsort((slots[pending, ID], slots[pending, EVENT_NS]))]
    # In order of (time, id) an array is a heap.
    world[HEAP][: len(order)] = np.stack((slots[order, EVENT_NS], slots[order, ID], order), axis=1)
    counters = world[COUNTERS][0]
    counters[FREE_SLOTS] = room - used
    counters[HEAP_SIZE] = len(order)
