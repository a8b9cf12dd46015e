"""A segment by the event loop, which simulates every scenario."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from headroom_common.simcore.ordering import order_by_time
from headroom_common.simcore.tables import S_HOPS_BACK, S_HOPS_IN, S_POOL_SLOTS, SCALARS, Ints
from headroom_server_model.domain import carrying
from headroom_server_model.domain.loop import DONE, MORE_ROWS, MORE_SLOTS, simulate
from headroom_server_model.domain.records import (
    WAITING,
    SegmentResult,
    Table,
    Tables,
    measured,
    put_records,
    put_samples,
)
from headroom_server_model.domain.state import (
    COUNTERS,
    EVENTS,
    I_ID,
    I_READY,
    INPUT_COLUMNS,
    INPUT_ORDER,
    INPUTS,
    NEXT_INPUT,
    OUTPUT_COLUMNS,
    OUTPUTS,
    ROWS_OUT,
    SLOTS,
    double_slots,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from headroom_common.simcore.world import World

_NARROW = {
    "workload": np.int16,
    "endpoint": np.int16,
    "phase": np.int8,
    "outcome": np.int8,
    "server": np.int32,
    "target": np.int32,
}


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


def simulate_by_loop(
    world: World, lines: int, routed: Table, ended: Table, carried: Tables, watermark: int
) -> SegmentResult:
    """Simulate a segment; see `segment.simulate_segment`."""
    carrying.load(world, lines, carried)
    _put_inputs(world, carried.get(WAITING, {}), routed)
    put_records(world)
    first_tick = put_samples(world, watermark)
    names = _output_names(world)
    world.put(OUTPUTS, np.empty((len(names), world[INPUTS].shape[1] + 64), np.int64))
    while (status := simulate(world.handle, watermark)) != DONE:
        if status == MORE_SLOTS:
            double_slots(world)
        elif status == MORE_ROWS:
            _more_rows(world)
    served = world[OUTPUTS][:, : world[COUNTERS][0, ROWS_OUT]]
    completed = measured(world, first_tick)
    requests = {name: _narrow(name, served[column]) for column, name in enumerate(names)}
    if len(ended["id"]):
        requests = {name: np.concatenate((ended[name], column)) for name, column in requests.items()}
    completed["requests"] = requests
    return SegmentResult(
        completed, carrying.save(world) | {WAITING: _still_waiting(world)}, int(world[COUNTERS][0, EVENTS])
    )
