from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from server_model_testing.fleets import fleet

from headroom_common.simcore.jit import COMPILED
from headroom_common.simcore.tables import NEVER
from headroom_server_model.domain.schedule import FROM_HEAP, earliest, schedule, take
from headroom_server_model.domain.state import (
    COUNTERS,
    EVENT_NS,
    FREE_SLOTS,
    HEAP_SIZE,
    ID,
    NO_EVENT,
    RE_SIZE,
    RING_ENDS,
    SLOTS,
    double_slots,
    empty_state,
    slot_tables,
)

if TYPE_CHECKING:
    from headroom_common.simcore.world import World

EXAMPLES = 150 if COMPILED else 30
LINES = 3
SLOT_COUNT = 16
TAKE, GROW = -2, -3
MOVES = st.lists(
    st.one_of(
        st.just((TAKE, 0)),
        st.just((TAKE, 0)),
        st.tuples(st.integers(-1, LINES - 1), st.sampled_from([0, 0, 0, 1, 5, 11])),
        st.tuples(st.integers(0, LINES - 1), st.just(0)),
        st.just((GROW, 0)),
    ),
    max_size=150,
)


def empty_world(slots: int = SLOT_COUNT) -> World:
    world = fleet().world(1)
    empty_state(world)
    world.put(RING_ENDS, np.zeros((LINES, 2), np.int64))
    for number, array in slot_tables(world, slots).items():
        world.put(number, array)
    world[COUNTERS][0, FREE_SLOTS] = slots
    return world


class Agenda:
    """Pending events in a world, and beside it in a list that is a heap."""

    def __init__(self) -> None:
        self.world = empty_world()
        self.pending: list[tuple[int, int, int]] = []
        self.free = list(range(SLOT_COUNT))
        self.now = 0
        self.sequence = 0

    def add(self, line: int, late: int, identity: int | None = None) -> None:
        """Schedule what lasts 10 (line + 1), or `late` longer."""
        slot = self.free.pop()
        self.sequence += 1
        self.world[SLOTS][slot, ID] = self.sequence if identity is None else identity
        t = self.now + 10 * (line + 1) + late
        schedule(self.world.handle, slot, t, line)
        assert self.world[SLOTS][slot, EVENT_NS] == t
        heapq.heappush(self.pending, (t, int(self.world[SLOTS][slot, ID]), slot))

    def remove(self) -> None:
        """Take the earliest."""
        source, t, identity = earliest(self.world.handle)
        expected = heapq.heappop(self.pending)
        slot = take(self.world.handle, source)
        assert (t, identity, slot) == expected
        assert self.world[SLOTS][slot, EVENT_NS] == NO_EVENT
        self.now = t
        self.free.append(slot)

    def grow(self) -> None:
        """Double the slots."""
        size = len(self.world[SLOTS])
        double_slots(self.world)
        self.free += range(size, 2 * size)


@settings(max_examples=EXAMPLES, deadline=None)
@given(MOVES)
def test_events_are_taken_as_from_a_heap(moves: list[tuple[int, int]]) -> None:
    agenda = Agenda()
    for line, late in moves:
        if line == GROW:
            if len(agenda.world[SLOTS]) < 128:
                agenda.grow()
        elif line == TAKE:
            if agenda.pending:
                agenda.remove()
        elif agenda.free:
            agenda.add(line, late)
    while agenda.pending:
        agenda.remove()
    assert earliest(agenda.world.handle) == (FROM_HEAP, NEVER, NEVER)


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-1, LINES - 1), st.integers(0, 40)), max_size=16, unique_by=lambda x: x[1])
)
def test_ids_decide_at_one_instant(requests: list[tuple[int, int]]) -> None:
    agenda = Agenda()
    for line, identity in requests:
        agenda.add(line, 10 * (LINES - line), identity)  # all due at the same time
    found = []
    while agenda.pending:
        found.append(agenda.pending[0][1])
        agenda.remove()
    assert found == sorted(identity for _, identity in requests)


def test_nothing_pending() -> None:
    assert earliest(empty_world().handle) == (FROM_HEAP, NEVER, NEVER)


def test_constant_durations_need_no_heap() -> None:
    agenda = Agenda()
    for _ in range(5):
        agenda.add(1, 0)
    assert agenda.world[COUNTERS][0, HEAP_SIZE] == 0
    assert agenda.world[RING_ENDS][:, RE_SIZE].tolist() == [0, 5, 0]


def test_what_would_break_a_lines_order_goes_to_the_heap() -> None:
    agenda = Agenda()
    agenda.add(0, 20)  # slowed down: ends after the next
    agenda.add(0, 0)
    assert agenda.world[COUNTERS][0, HEAP_SIZE] == 1
    agenda.remove()
    assert agenda.now == 10
    agenda.remove()
    assert agenda.now == 30


def test_a_line_goes_round_its_ring() -> None:
    agenda = Agenda()
    for _ in range(10 * SLOT_COUNT):
        agenda.add(0, 0)
        agenda.add(0, 0)
        agenda.remove()
        agenda.remove()
    assert agenda.world[COUNTERS][0, HEAP_SIZE] == 0


def test_a_large_heap() -> None:
    count = 4096 if COMPILED else 256
    world = empty_world(count)
    rng = np.random.default_rng(20261120)
    times = rng.integers(0, 50, count)
    for slot, t in enumerate(times.tolist()):
        world[SLOTS][slot, ID] = slot
        schedule(world.handle, slot, t, -1)
    found: list[Any] = []
    for _ in range(count):
        source, t, identity = earliest(world.handle)
        assert source == FROM_HEAP
        assert take(world.handle, source) == identity
        found.append((t, identity))
    assert found == sorted(zip(times.tolist(), range(count), strict=True))
