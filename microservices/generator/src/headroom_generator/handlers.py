"""What the generator does with each event: start trials, and send the next segment of a trial's arrivals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

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
from headroom_common.simcore.random import trial_stream
from headroom_generator.domain.arrivals import NO_ARRIVALS, carry_streams, generate_segment, open_streams
from headroom_generator.domain.plan import Plan, plan_arrivals

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headroom_common.contracts.columns import Tables
    from headroom_common.event_manager.subscriptions import Handlers

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
    world = compiled.world(trial_stream(run.seed, trial))
    plan = _plans.get((run.run_id, trial), lambda: plan_arrivals(compiled.arrivals, world))
    open_streams(world, plan, carried.get(_STREAMS))
    rows, watermark = generate_segment(world, run.segment_arrivals)
    header = SegmentHeader(
        run=run, trial=trial, segment=segment, watermark_ns=watermark, final=watermark == NO_ARRIVALS
    )
    tables: Tables = {name: columns for name, columns in carried.items() if name != _STREAMS}
    tables["arrivals"] = rows._asdict()
    tables[_STREAMS] = carry_streams(world)
    return Outgoing(ArrivalsGenerated(header, tables))


HANDLERS: Final[Handlers] = {
    RunRequested: run_requested,
    TrialAnalysed: trial_analysed,
    SegmentSimulated: segment_simulated,
}
"""What this service subscribes to."""
