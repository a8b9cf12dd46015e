"""What the generator does with each event: start trials, and send the next segment of a trial's arrivals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from headroom_common.contracts.columns import Tables
from headroom_common.contracts.event import Event, Outgoing
from headroom_common.contracts.events import (
    ArrivalsGenerated,
    RunParameters,
    RunRequested,
    SegmentHeader,
    SegmentSimulated,
    TrialAnalysed,
)
from headroom_common.scenario.runs import LatestCache, compiled_run
from headroom_common.simcore.random import stream_key
from headroom_common.simcore.world import World

from headroom_generator.domain.arrivals import NO_ARRIVALS, ArrivalState, generate_segment, new_streams
from headroom_generator.domain.plan import Plan, plan_arrivals

_STREAMS: Final = "generator.streams"
_KEPT_PLANS: Final = 16
_plans: Final[LatestCache[Plan]] = LatestCache(_KEPT_PLANS)


def run_requested(event: Event[RunRequested]) -> list[Outgoing]:
    """Start the first trials of a run, as many as its window allows."""
    run = event.body.run
    return [_segment(run, trial, 0, {}) for trial in range(min(run.window, run.trials))]


def trial_analysed(event: Event[TrialAnalysed]) -> list[Outgoing]:
    """Start the next trial of a run: each one that is done makes room for one."""
    run = event.body.run
    following = event.body.trial + run.window
    return [_segment(run, following, 0, {})] if following < run.trials else []


def segment_simulated(event: Event[SegmentSimulated]) -> list[Outgoing]:
    """Send the next segment of a trial, unless that was the last."""
    header = event.body.header
    if header.final:
        return []
    return [_segment(header.run, header.trial, header.segment + 1, event.body.tables)]


def _segment(run: RunParameters, trial: int, segment: int, carried: Mapping[str, Any]) -> Outgoing:
    compiled = compiled_run(run)
    world = compiled.world(int(stream_key(run.seed, trial)))
    plan = _plans.get((run.run_id, trial), lambda: plan_arrivals(compiled.arrivals, world))
    state = _load(world, plan, carried)
    rows, watermark = generate_segment(world, plan, state, run.segment_arrivals)
    header = SegmentHeader(
        run=run, trial=trial, segment=segment, watermark_ns=watermark, final=watermark == NO_ARRIVALS
    )
    tables: Tables = {name: table for name, table in carried.items() if name != _STREAMS}
    tables["arrivals"] = rows._asdict()
    tables[_STREAMS] = state._asdict()
    return Outgoing(ArrivalsGenerated(header, tables))


def _load(world: World, plan: Plan, carried: Mapping[str, Any]) -> ArrivalState:
    if _STREAMS not in carried:
        return new_streams(world, plan)
    return ArrivalState(**{name: np.array(column) for name, column in carried[_STREAMS].items()})


HANDLERS: Final = {
    RunRequested: run_requested,
    TrialAnalysed: trial_analysed,
    SegmentSimulated: segment_simulated,
}
"""What this service subscribes to."""
