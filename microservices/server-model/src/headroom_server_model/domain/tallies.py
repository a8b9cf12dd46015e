"""Exact accounting of whole requests, for the recursion: what the event loop adds up phase by phase."""

from __future__ import annotations

from typing import Any, Final

from headroom_common.simcore.distributions import sample_ns
from headroom_common.simcore.jit import called, inlined
from headroom_common.simcore.sites import STEP
from headroom_common.simcore.tables import (
    C_ARGUMENT,
    C_OPERATION,
    C_SITE,
    CODE,
    CPU,
    IO,
    P_START,
    PROGRAMS,
    S_CELLS,
    S_HORIZON,
    S_SAMPLE_PERIOD,
    S_WARMUP,
    SCALARS,
    SERVERS,
    V_CELL,
)
from headroom_common.simcore.world import int32s, int64s, row_of, table
from headroom_server_model.domain import accounting as sums
from headroom_server_model.domain import rows as r
from headroom_server_model.domain.state import (
    COUNTERS,
    FIRST_TICK,
    IN_IO,
    MARK,
    PC,
    PHASE,
    RUNNING,
    SAMPLES,
    SLOTS,
    TOTALS,
)

# A world's type is an address when compiled and a list of arrays when not.
_World = Any

_Times = tuple[int, int, int, int]
_ARRIVING: Final = 0  # the phase before the segment of a request that was not there


@inlined
def _add_level(world: _World, replica: int, column: int, level: int, start: int, end: int) -> None:
    """Add to a level at the sample instants in [start, end): where it rises, and where it falls again."""
    scalars = row_of(world, SCALARS, 0)
    samples = table(world, SAMPLES)
    period = scalars[S_SAMPLE_PERIOD]
    first = row_of(world, COUNTERS, 0)[FIRST_TICK]
    ticks = samples.shape[0] // scalars[S_CELLS]
    low = max((start + period - 1) // period - first, 0)
    high = (end + period - 1) // period - first
    cell = row_of(world, SERVERS, replica)[V_CELL]
    if low < min(high, ticks):
        samples[low * scalars[S_CELLS] + cell, column] += level
        if high < ticks:
            samples[high * scalars[S_CELLS] + cell, column] -= level


@called
def _sample(world: _World, replica: int, need: int, times: _Times) -> None:
    """Add a request to the sampled levels, as changes from instant to instant."""
    ready, start, cpu_end, end = times
    _add_level(world, replica, 0, 1, ready, start)
    _add_level(world, replica, 1, 1, cpu_end, end)
    _add_level(world, replica, 2, need, ready, end)
    _add_level(world, replica, 3, 1, start, cpu_end)
    _add_level(world, replica, 4, 1, ready, end)


@inlined
def _raise_once(world: _World, row: int, cells: int, column: int, level: int) -> None:
    """Add to a level at one sample instant, given its row of `SAMPLES`."""
    samples = table(world, SAMPLES)
    samples[row, column] += level
    if row + cells < samples.shape[0]:
        samples[row + cells, column] -= level


@called
def _sample_once(world: _World, replica: int, need: int, times: _Times, tick: int) -> None:
    """Do what `_sample` does for a request that is there at one sample instant only, with one division."""
    scalars = row_of(world, SCALARS, 0)
    cells = scalars[S_CELLS]
    number = tick // scalars[S_SAMPLE_PERIOD] - row_of(world, COUNTERS, 0)[FIRST_TICK]
    row = number * cells + row_of(world, SERVERS, replica)[V_CELL]
    if row >= table(world, SAMPLES).shape[0]:
        return
    _, start, cpu_end, _ = times
    phase = 1
    if tick < start:
        phase = 0
    elif tick < cpu_end:
        phase = 3
    _raise_once(world, row, cells, phase, 1)
    _raise_once(world, row, cells, 2, need)
    _raise_once(world, row, cells, 4, 1)


@called
def _add_within(world: _World, replica: int, need: int, times: _Times) -> None:
    """Account for a request that is not wholly within the measured window."""
    ready, start, cpu_end, end = times
    totals = row_of(world, TOTALS, replica)
    totals[sums.TOTAL_ARRIVALS] += 1 if sums.in_window(world, ready) else 0
    totals[sums.TOTAL_COMPLETED] += 1 if sums.in_window(world, end) else 0
    totals[sums.TOTAL_READY_WAIT] += sums.within(world, ready, start)
    totals[sums.TOTAL_BUSY] += sums.within(world, start, cpu_end)
    totals[sums.TOTAL_IO] += sums.within(world, cpu_end, end)
    totals[sums.TOTAL_IN_SYSTEM] += sums.within(world, ready, end)
    if need > 0:
        sums.add_memory(totals, need, sums.within(world, ready, end))


@inlined
def tally(world: _World, replica: int, need: int, times: _Times, tick: int) -> None:
    """Account for a request that came and ended in this segment.

    Args:
        world: the world.
        replica: its server.
        need: its memory.
        times: when it came, started, ended its CPU step and ended.
        tick: the first sample instant from when it came on.
    """
    ready, start, cpu_end, end = times
    scalars = row_of(world, SCALARS, 0)
    totals = row_of(world, TOTALS, replica)
    line = row_of(world, r.LINES, replica)
    if ready >= scalars[S_WARMUP] and end < scalars[S_HORIZON]:
        totals[sums.TOTAL_ARRIVALS] += 1
        totals[sums.TOTAL_COMPLETED] += 1
        totals[sums.TOTAL_READY_WAIT] += start - ready
        totals[sums.TOTAL_BUSY] += cpu_end - start
        totals[sums.TOTAL_IO] += end - cpu_end
        totals[sums.TOTAL_IN_SYSTEM] += end - ready
        if need > 0:
            sums.add_memory(totals, need, end - ready)
    else:
        _add_within(world, replica, need, times)
    totals[sums.TOTAL_SOJOURN] += end - ready
    totals[sums.TOTAL_AREA] += end - ready
    line[r.CHANGED] = max(line[r.CHANGED], end)
    if end > tick + scalars[S_SAMPLE_PERIOD]:
        _sample(world, replica, need, times)
    elif end > tick:
        _sample_once(world, replica, need, times, tick)


@called
def io_until(world: _World, program: int, identity: int, t: int, watermark: int) -> tuple[int, int]:
    """Go through I/O steps from `t` on.

    Returns:
        The instruction that is not over before the watermark, and when it began.
    """
    code = table(world, CODE)
    instruction = row_of(world, PROGRAMS, program)[P_START]
    if code[instruction, C_OPERATION] == CPU:
        instruction += 1
    while code[instruction, C_OPERATION] == IO:
        site = STEP + code[instruction, C_SITE]
        duration = sample_ns(world, code[instruction, C_ARGUMENT], identity, site)
        if t + duration >= watermark:
            break
        t += duration
        instruction += 1
    return instruction, t


@called
def tally_partly(world: _World, row: int, old: int, program: int, times: _Times, watermark: int) -> int:
    """Account for what a request does in this segment that was there before it, or stays; returns its events.

    The area under the number in the system is `close_area`'s.
    """
    replica = int32s(world, r.ROWS + r.SERVER)[row]
    totals = row_of(world, TOTALS, replica)
    line = row_of(world, r.LINES, replica)
    ready, start, cpu_end, end = times
    need = int64s(world, r.ROWS + r.NEED)[row]
    before = row_of(world, SLOTS, row)[PHASE] if row < old else _ARRIVING
    first = row_of(world, PROGRAMS, program)[P_START]
    first_io = first + 1 if row_of(world, CODE, first)[C_OPERATION] == CPU else first
    events = 0
    if before == _ARRIVING:
        events += 1
        totals[sums.TOTAL_ARRIVALS] += 1 if sums.in_window(world, ready) else 0
        line[r.CHANGED] = max(line[r.CHANGED], ready)
    if before not in (RUNNING, IN_IO) and start < watermark:
        totals[sums.TOTAL_READY_WAIT] += sums.within(world, ready, start)
    if before != IN_IO and cpu_end < watermark:
        events += first_io - first
        totals[sums.TOTAL_BUSY] += sums.within(world, start, cpu_end)
    if cpu_end < watermark:
        identity = int64s(world, r.ROWS + r.ID)[row]
        instruction, t = io_until(world, program, identity, cpu_end, watermark)
        since = cpu_end
        if before == IN_IO:
            since = row_of(world, SLOTS, row)[MARK]
            first_io = row_of(world, SLOTS, row)[PC]
        events += instruction - first_io
        totals[sums.TOTAL_IO] += sums.within(world, since, t)
    if end < watermark:
        totals[sums.TOTAL_COMPLETED] += 1 if sums.in_window(world, end) else 0
        totals[sums.TOTAL_SOJOURN] += end - ready
        totals[sums.TOTAL_IN_SYSTEM] += sums.within(world, ready, end)
        if need > 0:
            sums.add_memory(totals, need, sums.within(world, ready, end))
        line[r.CHANGED] = max(line[r.CHANGED], end)
    _sample(world, replica, need, times)
    return events
