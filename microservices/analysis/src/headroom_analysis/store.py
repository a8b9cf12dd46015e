"""Where partial statistics are kept between events: the port, and its implementation in memory."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

from headroom_analysis.domain.partials import Partial
from headroom_analysis.domain.result import result_document
from headroom_analysis.domain.trial import RunTotals, TrialSummary, summarise
from headroom_common.errors import PermanentError

if TYPE_CHECKING:
    from uuid import UUID

    from headroom_analysis.plans import RunPlan
    from headroom_common.contracts.events import CompletedHeader

_MEND = "Mend the producer of requests.completed."


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """Everything of a run whose trials are all there.

    Attributes:
        summaries: one per trial, in the order of the trials.
        totals: what adds up over them.
    """

    summaries: tuple[TrialSummary, ...]
    totals: RunTotals


@dataclass(frozen=True, slots=True)
class Standing:
    """How a run stands after a part was added.

    Attributes:
        trials_done: trials that are complete.
        requests: requests simulated so far, over all trials.
        simulated_ns: virtual time simulated so far, over all trials.
        completed_trial: whether this part is the one that completed its trial.
        finished: the run, when this part is the one that completed it.
    """

    trials_done: int
    requests: int
    simulated_ns: int
    completed_trial: bool
    finished: FinishedRun | None


@dataclass(frozen=True, slots=True)
class Stopped:
    """What there is of a run that was cancelled.

    Attributes:
        trials_done: trials that were complete by then.
        result: the result document of these trials, None when there is none, or none any more.
    """

    trials_done: int = 0
    result: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class KeptTrials:
    """The trials of a finished run, as comparisons and experiments need them.

    Attributes:
        plan: of the run.
        summaries: one per trial, in the order of the trials.
        totals: what adds up over them.
        verdict: over the run's objectives.
    """

    plan: RunPlan
    summaries: tuple[TrialSummary, ...]
    totals: RunTotals
    verdict: str


class PartialStore(Protocol):
    """The port: an idempotent upsert of one part's statistics, and the news that follow from it.

    Exactly one part completes a trial and exactly one a run. Adding one of these again reports it again, so
    that an event whose outputs got lost can be handled again; adding any other part twice changes and reports
    nothing.
    """

    def add(self, header: CompletedHeader, plan: RunPlan, partial: Partial) -> Standing | None:
        """Add one part.

        Args:
            header: which part of which segment, trial and run.
            plan: of the run.
            partial: its statistics.

        Returns:
            How the run stands, or None when nobody wants the run any longer.

        Raises:
            PermanentError: the part contradicts another part of its trial.
        """
        ...

    def stop(self, run_id: UUID) -> Stopped | None:
        """End a run that was cancelled, and forget whatever of it comes later.

        Stopping it again reports the same again, for as long as nothing makes the store forget it.

        Returns:
            What was analysed by then, nothing of a run that is not known; None when the run is finished, and
            then nothing changes.

        Raises:
            PermanentError: stored statistics are damaged.
        """
        ...

    def discard(self, run_id: UUID) -> None:
        """Forget everything of a run, and whatever of it comes later."""
        ...

    def trials(self, run_id: UUID) -> KeptTrials | None:
        """Return the trials of a finished run, None when there is no such run, or none any more.

        Raises:
            PermanentError: stored statistics are damaged.
        """
        ...


def check_place(header: CompletedHeader, *, parts: int | None, final: int | None, last: int) -> None:
    """Refuse a part that cannot belong to the same trial as those before.

    Args:
        header: which part.
        parts: how many parts its segment has by those before; None without any.
        final: the final segment, when a part of it is there.
        last: the last segment of which a part is there, or 0.

    Raises:
        PermanentError: the part contradicts another one.
    """
    segment = header.segment
    if parts not in (None, header.parts):
        message = f"{header.subject}: parts: expected {parts} as before, found {header.parts}"
        raise PermanentError(message, next_step=_MEND)
    if final is not None:
        last, wrong = final, segment > final or header.final != (segment == final)
    else:
        wrong = header.final and (segment < last or parts is not None)
    if wrong:
        message = (
            f"{header.subject}: final: expected the last segment to be final, found segments up to {last}"
        )
        raise PermanentError(message, next_step=_MEND)


@dataclass(slots=True, eq=False)
class _Trial:
    """One trial in flight."""

    partial: Partial
    parts: dict[int, int] = field(default_factory=dict)  # by segment: how many it has
    seen: dict[int, set[int]] = field(default_factory=dict)  # by segment: which are there
    final: int | None = None
    full: int = 0  # segments of which every part is there
    watermark_ns: int = 0

    def add(self, header: CompletedHeader, partial: Partial) -> bool:
        """Add a part; tell whether the trial is complete with it.

        Raises:
            PermanentError: the part contradicts another one.
        """
        segment = header.segment
        check_place(header, parts=self.parts.get(segment), final=self.final, last=max(self.parts, default=0))
        seen = self.seen.setdefault(segment, set())
        if header.part in seen:
            return False
        self.parts[segment] = header.parts
        if header.final:
            self.final = segment
        seen.add(header.part)
        self.partial.absorb(partial)
        self.watermark_ns = max(self.watermark_ns, header.watermark_ns)
        if len(seen) < header.parts:
            return self.final is not None and self.full == self.final + 1
        self.full += 1
        return self.final is not None and self.full == self.final + 1


@dataclass(slots=True, eq=False)
class _Run:
    """One run: its trials in flight, the summaries of those that are complete, and who completed what."""

    plan: RunPlan
    totals: RunTotals
    lock: Lock = field(default_factory=Lock)
    trials: dict[int, _Trial] = field(default_factory=dict)
    summaries: dict[int, TrialSummary] = field(default_factory=dict)
    completed_by: dict[int, tuple[int, int]] = field(default_factory=dict)
    last_trial: int | None = None
    unwanted: bool = False

    def add(self, header: CompletedHeader, partial: Partial) -> Standing | None:
        if self.unwanted:  # since it was looked up
            return None
        place = (header.segment, header.part)
        if header.trial not in self.completed_by:
            trial = self.trials.get(header.trial)
            if trial is None:
                trial = self.trials[header.trial] = _Trial(Partial.empty(self.plan.layout, whole_trial=True))
            if trial.add(header, partial):
                self._complete(header.trial, trial.partial)
                self.completed_by[header.trial] = place
        return self._standing(header.trial, completed=self.completed_by.get(header.trial) == place)

    def stop(self) -> Stopped | None:
        if self.last_trial is not None:
            return None
        self.unwanted = True
        if not self.summaries:
            return Stopped()
        summaries = tuple(self.summaries.values())
        document = result_document(summaries, self.totals, self.plan.layout, self.plan.facts)
        return Stopped(len(summaries), document)

    def kept(self) -> KeptTrials | None:
        if self.last_trial is None:
            return None
        summaries = tuple(self.summaries[index] for index in sorted(self.summaries))
        document = result_document(summaries, self.totals, self.plan.layout, self.plan.facts)
        return KeptTrials(self.plan, summaries, self.totals, document["verdict"])

    def _complete(self, trial: int, partial: Partial) -> None:
        layout = self.plan.layout
        self.summaries[trial] = summarise(trial, partial, layout, self.plan.facts.servers)
        self.totals.absorb(partial, layout)
        del self.trials[trial]
        if len(self.summaries) == self.plan.facts.trials:
            self.last_trial = trial

    def _standing(self, trial: int, *, completed: bool) -> Standing:
        horizon = self.plan.layout.horizon_ns
        in_flight = self.trials.values()
        finished = None
        if completed and trial == self.last_trial:
            finished = FinishedRun(
                tuple(self.summaries[index] for index in sorted(self.summaries)), self.totals
            )
        return Standing(
            trials_done=len(self.summaries),
            requests=self.totals.requests + sum(one.partial.requests for one in in_flight),
            simulated_ns=len(self.summaries) * horizon
            + sum(min(max(one.watermark_ns, 0), horizon) for one in in_flight),
            completed_trial=completed,
            finished=finished,
        )


class MemoryStore:
    """Partials in memory, merged as they come; safe to call from several threads.

    It holds one `Partial` per trial in flight, one summary per complete trial, and one set of totals per run.
    Ended runs are kept for a while, so that their last event can be handled again.

    Args:
        keep_finished: how many finished runs to keep, and how many partial results.
        keep_names: how many ids of forgotten runs to remember, so that late events do not revive them.
    """

    def __init__(self, *, keep_finished: int = 4, keep_names: int = 4096) -> None:
        self._lock = Lock()
        self._runs: dict[UUID, _Run] = {}
        self._finished: OrderedDict[UUID, None] = OrderedDict()
        self._forgotten: OrderedDict[UUID, Stopped | None] = OrderedDict()  # None: it was finished
        self._partial: OrderedDict[UUID, Stopped] = OrderedDict()  # of the forgotten, those with a result
        self._keep_finished = keep_finished
        self._keep_names = keep_names

    def add(self, header: CompletedHeader, plan: RunPlan, partial: Partial) -> Standing | None:
        """Add one part; see `PartialStore.add`.

        Raises:
            PermanentError: the part contradicts another part of its trial.
        """
        run_id = header.run.run_id
        with self._lock:
            if run_id in self._forgotten:
                return None
            run = self._runs.get(run_id)
            if run is None:
                run = self._runs[run_id] = _Run(plan, RunTotals.empty(plan.layout))
        with run.lock:
            standing = run.add(header, partial)
        if standing is not None and standing.finished is not None:
            self._finish(run_id)
        return standing

    def stop(self, run_id: UUID) -> Stopped | None:
        """End a run that was cancelled; see `PartialStore.stop`."""
        with self._lock:
            run = self._runs.get(run_id)
            if run is None:
                if run_id not in self._forgotten:
                    self._forget(run_id, Stopped())
                return self._partial.get(run_id) or self._forgotten[run_id]
        with run.lock:
            stopped = run.stop()
        if stopped is not None:
            with self._lock:
                if run_id in self._runs:
                    self._forget(run_id, stopped)
        return stopped

    def discard(self, run_id: UUID) -> None:
        """Forget everything of a run, and whatever of it comes later."""
        with self._lock:
            if run_id in self._runs:
                self._runs[run_id].unwanted = True
            self._forget(run_id, Stopped())

    def trials(self, run_id: UUID) -> KeptTrials | None:
        """Return the trials of a finished run; see `PartialStore.trials`."""
        with self._lock:
            run = self._runs.get(run_id)
        if run is None:
            return None
        with run.lock:
            return run.kept()

    def _finish(self, run_id: UUID) -> None:
        with self._lock:
            if run_id in self._runs:
                self._finished[run_id] = None
                self._finished.move_to_end(run_id)
            while len(self._finished) > self._keep_finished:
                self._forget(next(iter(self._finished)), None)

    def _forget(self, run_id: UUID, stopped: Stopped | None) -> None:
        self._runs.pop(run_id, None)
        self._finished.pop(run_id, None)
        self._partial.pop(run_id, None)
        self._forgotten[run_id] = None if stopped is None else Stopped(stopped.trials_done)
        while len(self._forgotten) > self._keep_names:
            oldest, _ = self._forgotten.popitem(last=False)
            self._partial.pop(oldest, None)
        if stopped is not None and stopped.result is not None:
            self._partial[run_id] = stopped
            while len(self._partial) > self._keep_finished:
                self._partial.popitem(last=False)
