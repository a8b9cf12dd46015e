"""What adding one part does within its transaction."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from headroom_analysis.domain.partials import Partial
from headroom_analysis.domain.result import result_document
from headroom_analysis.domain.trial import RunTotals, summarise
from headroom_analysis.storage import statements as sql
from headroom_analysis.storage.blobs import (
    decode_partial,
    decode_summary,
    decode_totals,
    encode_partial,
    encode_summary,
    encode_totals,
)
from headroom_analysis.storage.schema import DISCARDED, FINISHED, RUNNING, runs, trials
from headroom_analysis.store import FinishedRun, Standing, check_place

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Connection

    from headroom_analysis.domain.trial import TrialSummary
    from headroom_analysis.plans import RunPlan
    from headroom_common.contracts.events import CompletedHeader

_EMPTY_TRIAL: Final = {
    **dict.fromkeys(("requests", "watermark_ns", "last_segment", "full_segments"), 0),
    **dict.fromkeys(("merged_bytes", "loose_bytes"), 0),
    **dict.fromkeys(("final_segment", "completed_segment", "completed_part", "summary"), None),
}


def add_run(connection: Connection, run_id: UUID, now: int, parameters: bytes | None = None) -> None:
    """Begin a run, unless it has begun; of a run that is not wanted nobody needs the parameters."""
    values = {
        "run_id": run_id,
        "state": RUNNING,
        "trials_done": 0,
        "requests": 0,
        "changed_at": now,
        "parameters": parameters,
    }
    sql.add_unless_there(connection, runs, values)


def summaries_of(connection: Connection, run_id: UUID) -> tuple[TrialSummary, ...]:
    """Return the summaries of the complete trials of a run in their order.

    Raises:
        PermanentError: stored statistics are damaged.
    """
    found = connection.execute(sql.SUMMARIES, {"of_run": run_id})
    return tuple(decode_summary(blob) for blob in found.scalars())


class Addition:
    """One part on its way into the database.

    Args:
        connection: in a transaction, which the caller commits.
        header: which part.
        plan: of the run.
        now: seconds since 1970.
    """

    def __init__(self, connection: Connection, header: CompletedHeader, plan: RunPlan, *, now: int) -> None:
        self._connection = connection
        self._header = header
        self._plan = plan
        self._now = now
        self._key = {"of_run": header.run.run_id, "of_trial": header.trial}
        self._first = False  # of its trial
        self._finished: FinishedRun | None = None

    def run(self, partial: Partial, *, merge_bytes: int) -> Standing | None:
        """Add the part and return how the run stands, None when nobody wants it any longer.

        Raises:
            PermanentError: the part contradicts another one, or stored statistics are damaged.
        """
        header = self._header
        trial = self._locked_trial()
        if trial is None:
            return None
        if trial["completed_segment"] is not None:
            place = (trial["completed_segment"], trial["completed_part"])
            return self._standing(completed=place == (header.segment, header.part))
        if not self._count(trial, partial.requests):
            return self._standing(completed=False)
        if trial["full_segments"] - 1 == trial["final_segment"]:
            return self._standing(completed=True) if self._complete_trial(partial, trial) else None
        self._keep(partial, trial, merge_bytes)
        return self._standing(completed=False)

    def _locked_trial(self) -> dict[str, Any] | None:
        """Return the trial's row, locked; it is made when it is not there. None for an unwanted run."""
        found = self._lock_trial()
        if found is not None:
            return found
        run_id = self._header.run.run_id
        state = self._connection.execute(sql.RUN_STATE, {"of_run": run_id}).scalar()
        if state is None:
            parameters = self._header.run.model_dump_json().encode()
            add_run(self._connection, run_id, self._now, parameters)
            state = self._connection.execute(sql.RUN_STATE, {"of_run": run_id}).scalar()
        if state == DISCARDED:
            return None
        trial = {"run_id": run_id, "trial": self._header.trial} | _EMPTY_TRIAL
        self._first = sql.add_unless_there(self._connection, trials, trial)
        return trial if self._first else self._lock_trial()

    def _lock_trial(self) -> dict[str, Any] | None:
        row = self._connection.execute(sql.LOCK_TRIAL, self._key).mappings().one_or_none()
        return None if row is None else {**_EMPTY_TRIAL, **row}

    def _count(self, trial: dict[str, Any], requests: int) -> bool:
        """Count the part in the trial's row; tell whether it is new.

        Raises:
            PermanentError: the part contradicts another one.
        """
        header = self._header
        place = self._key | {"of_segment": header.segment}
        found = [] if self._first else self._connection.execute(sql.PARTS_OF_SEGMENT, place).all()
        parts = found[0].parts if found else None
        check_place(header, parts=parts, final=trial["final_segment"], last=trial["last_segment"])
        if any(row.part == header.part for row in found):
            return False
        watermark = min(header.watermark_ns, self._plan.layout.horizon_ns)
        trial["requests"] += requests
        trial["watermark_ns"] = max(trial["watermark_ns"], watermark)
        trial["last_segment"] = max(trial["last_segment"], header.segment)
        trial["full_segments"] += len(found) + 1 == header.parts
        if header.final:
            trial["final_segment"] = header.segment
        return True

    def _keep(self, partial: Partial, trial: dict[str, Any], merge_bytes: int) -> None:
        """Store a part of a trial that is not complete, merged with those before when these got heavy."""
        blob = encode_partial(partial)
        trial["loose_bytes"] += len(blob)
        if trial["loose_bytes"] > max(trial["merged_bytes"], merge_bytes):
            merged = Partial.empty(self._plan.layout)
            self._absorb_stored(merged)
            merged.absorb(partial)
            blob = encode_partial(merged)
            self._connection.execute(sql.EMPTY_PARTS, self._key)
            trial |= {"merged_bytes": len(blob), "loose_bytes": 0}
        header = self._header
        row = {
            "run_id": header.run.run_id,
            "trial": header.trial,
            "segment": header.segment,
            "part": header.part,
            "parts": header.parts,
            "statistics": blob,
        }
        self._connection.execute(sql.ADD_PART, row)
        self._connection.execute(sql.UPDATE_TRIAL, self._key | trial)

    def _absorb_stored(self, partial: Partial) -> None:
        """Add the stored statistics of the trial to a partial."""
        for blob in self._connection.execute(sql.STATISTICS, self._key).scalars():
            partial.absorb(decode_partial(blob, self._plan.layout))

    def _complete_trial(self, partial: Partial, trial: dict[str, Any]) -> bool:
        """Replace the parts of the trial by its summary; tell whether the run is still wanted."""
        header, layout = self._header, self._plan.layout
        whole = Partial.empty(layout, whole_trial=True)
        if not self._first:
            self._absorb_stored(whole)
            self._connection.execute(sql.DELETE_PARTS, self._key)
        whole.absorb(partial)
        summary = summarise(header.trial, whole, layout, self._plan.facts.servers)
        trial |= {
            "completed_segment": header.segment,
            "completed_part": header.part,
            "summary": encode_summary(summary),
        }
        self._connection.execute(sql.UPDATE_TRIAL, self._key | trial)
        return self._add_to_run(whole)

    def _add_to_run(self, trial: Partial) -> bool:
        """Add a complete trial to the run, which the last one finishes; tell whether it is still wanted."""
        key = {"of_run": self._header.run.run_id}
        run = self._connection.execute(sql.LOCK_RUN, key).one()
        if run.state == DISCARDED:
            return False
        layout, facts = self._plan.layout, self._plan.facts
        totals = RunTotals.empty(layout) if run.totals is None else decode_totals(run.totals, layout)
        totals.absorb(trial, layout)
        values = {
            "state": RUNNING,
            "trials_done": run.trials_done + 1,
            "requests": run.requests + trial.requests,
            "last_trial": None,
            "changed_at": self._now,
            "totals": encode_totals(totals),
        }
        if values["trials_done"] < facts.trials:
            self._connection.execute(sql.UPDATE_RUN, key | values)
            return True
        self._finished = FinishedRun(self._summaries(), totals)
        document = result_document(self._finished.summaries, totals, layout, facts)
        values |= {"state": FINISHED, "last_trial": self._header.trial, "result": as_json(document)}
        self._connection.execute(sql.FINISH_RUN, key | values)
        return True

    def _summaries(self) -> tuple[TrialSummary, ...]:
        """Return the summaries of the complete trials in their order."""
        return summaries_of(self._connection, self._header.run.run_id)

    def _stored_run(self) -> FinishedRun:
        """Return the finished run."""
        blob = self._connection.execute(sql.TOTALS, {"of_run": self._header.run.run_id}).scalar_one()
        return FinishedRun(self._summaries(), decode_totals(blob, self._plan.layout))

    def _standing(self, *, completed: bool) -> Standing | None:
        """Return how the run stands, None when it is unwanted."""
        run = self._connection.execute(sql.STANDING, {"of_run": self._header.run.run_id}).one()
        if run.state == DISCARDED:
            return None
        finished = None
        if completed and run.last_trial == self._header.trial:
            finished = self._finished or self._stored_run()
        return Standing(
            trials_done=run.trials_done,
            requests=int(run.requests),
            simulated_ns=run.trials_done * self._plan.layout.horizon_ns + int(run.watermarks_ns),
            completed_trial=completed,
            finished=finished,
        )


def as_json(document: dict[str, Any]) -> bytes:
    """Return canonical JSON: keys in the document's own order, no spaces, UTF-8."""
    return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
