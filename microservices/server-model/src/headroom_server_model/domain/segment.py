"""One segment: what the router handed over, simulated up to the watermark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from headroom_common.simcore.ordering import order_by_time
from headroom_common.simcore.tables import (
    LINK_DELTAS,
    S_CELLS,
    S_HOPS_BACK,
    S_HOPS_IN,
    S_POOL_SLOTS,
    S_SAMPLE_PERIOD,
    S_TICKS,
    SCALARS,
    SERVERS,
    Ints,
)
from headroom_server_model.domain import carrying
from headroom_server_model.domain.loop import DONE, MORE_ROWS, MORE_SLOTS, simulate
from headroom_server_model.domain.state import (
    COUNTERS,
    EVENTS,
    FIRST_TICK,
    I_ID,
    I_READY,
    INPUT_COLUMNS,
    INPUT_ORDER,
    INPUTS,
    NEXT_INPUT,
    NEXT_TICK,
    OUTPUT_COLUMNS,
    OUTPUTS,
    POOL_SAMPLES,
    POOL_TOTAL_COLUMNS,
    POOL_TOTALS,
    ROWS_OUT,
    SAMPLE_COLUMNS,
    SAMPLES,
    SLOTS,
    TOTAL_COLUMNS,
    TOTALS,
    double_slots,
)

if TYPE_CHECKING:
    from headroom_common.simcore.world import World

Table = dict[str, NDArray[Any]]
Tables = dict[str, Table]

WAITING = "server.waiting"
"""State table of requests that the router handed over and that are due after the watermark."""

_NARROW = {
    "workload": np.int16,
    "endpoint": np.int16,
    "phase": np.int8,
    "outcome": np.int8,
    "server": np.int32,
    "target": np.int32,
}


class SegmentResult(NamedTuple):
    """What a segment gave: tables of requests.completed, state to carry, number of events handled."""

    completed: Tables
    carried: Tables
    events: int


def _put_inputs(world: World, waiting: Table, routed: Table) -> None:
    """Join what waited with what came."""
    hops = [f"hop{hop}" for hop in range(world[SCALARS][0, S_HOPS_IN])]
    waited = len(waiting.get("id", ()))
    rows = waited + len(routed["id"])
    inputs = np.empty((len(INPUT_COLUMNS) + len(hops), rows), np.int64)
    for column, name in enumerate([*INPUT_COLUMNS, *hops]):
        if waited:
            inputs[column, :waited] = waiting[name]
        inputs[column, waited:] = routed[name]
    world.put(INPUTS, inputs)
    world.put(INPUT_ORDER, order_by_time(inputs[I_READY], inputs[I_ID]).reshape(-1, 1))


def _narrow(name: str, column: Ints) -> NDArray[Any]:
    return column.astype(_NARROW[name]) if name in _NARROW else column


def _still_waiting(world: World) -> Table:
    """Return the inputs that were not due yet."""
    inputs = world[INPUTS]
    rest = world[INPUT_ORDER][world[COUNTERS][0, NEXT_INPUT] :, 0]
    hops = [f"hop{hop}" for hop in range(len(inputs) - len(INPUT_COLUMNS))]
    return {name: _narrow(name, inputs[column, rest]) for column, name in enumerate([*INPUT_COLUMNS, *hops])}


def _put_records(world: World) -> None:
    """Give a world empty tables for what a segment measures."""
    scalars = world[SCALARS][0]
    replicas = len(world[SERVERS])
    world.put(TOTALS, np.zeros((replicas, len(TOTAL_COLUMNS)), np.int64))
    world.put(
        POOL_TOTALS, np.zeros((replicas * int(scalars[S_POOL_SLOTS]), len(POOL_TOTAL_COLUMNS)), np.int64)
    )
    world.put(LINK_DELTAS, np.zeros_like(world[LINK_DELTAS]))


def _put_samples(world: World, watermark: int) -> int:
    """Make room for the sample instants before the watermark; returns the first one's number."""
    scalars = world[SCALARS][0]
    counters = world[COUNTERS][0]
    first = int(counters[NEXT_TICK])
    counters[FIRST_TICK] = first
    ticks = max(0, min(int(scalars[S_TICKS]), -(-watermark // int(scalars[S_SAMPLE_PERIOD]))) - first)
    rows = ticks * int(scalars[S_CELLS])
    world.put(SAMPLES, np.zeros((rows, len(SAMPLE_COLUMNS)), np.int64))
    world.put(POOL_SAMPLES, np.zeros((rows, int(scalars[S_POOL_SLOTS])), np.int64))
    return first


def _output_names(world: World) -> list[str]:
    scalars = world[SCALARS][0]
    families = (("hop", S_HOPS_IN), ("back", S_HOPS_BACK), ("pool_wait", S_POOL_SLOTS))
    return [*OUTPUT_COLUMNS, *(f"{name}{row}" for name, count in families for row in range(scalars[count]))]


def _more_rows(world: World) -> None:
    """Make room for more ended requests."""
    out = world[OUTPUTS]
    larger = np.empty((len(out), 2 * out.shape[1] + len(world[SLOTS])), np.int64)
    larger[:, : out.shape[1]] = out
    world.put(OUTPUTS, larger)


def link_sample_rows(deltas: Ints) -> Table:
    """Return the non-zero changes of the numbers in transit, as the `link_samples` table."""
    link, tick = np.nonzero(deltas)
    return {"tick": tick.astype(np.int64), "link": link.astype(np.int64), "delta": deltas[link, tick]}


def _measured(world: World, first_tick: int) -> Tables:
    """Return the tables of what the segment measured besides its requests."""
    cells = int(world[SCALARS][0, S_CELLS])
    samples, pool_samples = world[SAMPLES], world[POOL_SAMPLES]
    tick = np.repeat(np.arange(len(samples) // cells), cells) + first_tick
    cell = np.tile(np.arange(cells), len(samples) // cells)
    slots = pool_samples.shape[1]
    return {
        "servers": {name: world[TOTALS][:, i].copy() for i, name in enumerate(TOTAL_COLUMNS)},
        "pools": {name: world[POOL_TOTALS][:, i].copy() for i, name in enumerate(POOL_TOTAL_COLUMNS)},
        "samples": {
            "tick": tick,
            "cell": cell.astype(np.int32),
            **{name: samples[:, i].copy() for i, name in enumerate(SAMPLE_COLUMNS)},
        },
        "pool_samples": {
            "tick": np.repeat(tick, slots),
            "cell": np.repeat(cell, slots),
            "slot": np.tile(np.arange(slots), len(pool_samples)),
            "in_use": pool_samples.ravel(),
        },
        "link_samples": link_sample_rows(world[LINK_DELTAS]),
    }


def simulate_segment(
    world: World, lines: int, routed: Table, carried: Tables, watermark: int
) -> SegmentResult:
    """Simulate the servers from the last watermark to this one.

    Args:
        world: a new world of the compiled scenario for the trial.
        lines: how many delay lines the scenario's programs use.
        routed: the router's rows: `id`, `workload`, `endpoint`, `t0`, `ready_ns`, `phase`, `target`,
        `server`, `hop0`, ….
        carried: the state that the segment before carried out; empty for the first.
        watermark: everything before this instant (ns) is known; at the end of a trial, `NEVER`.
    """
    carrying.load(world, lines, carried)
    _put_inputs(world, carried.get(WAITING, {}), routed)
    _put_records(world)
    first_tick = _put_samples(world, watermark)
    names = _output_names(world)
    world.put(OUTPUTS, np.empty((len(names), world[INPUTS].shape[1] + 64), np.int64))
    while (status := simulate(world.handle, watermark)) != DONE:
        if status == MORE_SLOTS:
            double_slots(world)
        elif status == MORE_ROWS:
            _more_rows(world)
    ended = world[OUTPUTS][:, : world[COUNTERS][0, ROWS_OUT]]
    completed = _measured(world, first_tick)
    completed["requests"] = {name: _narrow(name, ended[column]) for column, name in enumerate(names)}
    return SegmentResult(
        completed, carrying.save(world) | {WAITING: _still_waiting(world)}, int(world[COUNTERS][0, EVENTS])
    )
