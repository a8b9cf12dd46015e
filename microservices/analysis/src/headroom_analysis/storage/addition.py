"""What adding one part does within its transaction."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

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

    from sqlalchemy import Connection, Row

    from headroom_analysis.domain.trial import TrialSummary
    from headroom_analysis.plans import RunPlan
    from headroom_common.contracts.events import CompletedHeader


def add_run(connection: Connection, run_id: UUID, now: int) -> None:
    """Begin a run, unless it has begun."""
    values = {"run_id": run_id, "state": RUNNING, "trials_done": 0, "requests": 0, "changed_at": now}
    sql.add_unless_there(connection, runs, values)


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

    def run(self, partial: Partial, *, merge_bytes: int) -> Standing | None:
        """Add the part and return how the run stands, None when nobody wants it any longer.

        Raises:
            PermanentError: the part contradicts another one, or stored statistics are damaged.
        """
        header = self._header
        trial = self._locked_trial()
        if trial is None:
            return None
        if trial.completed_segment is not None:
            place = (trial.completed_segment, trial.completed_part)
            return self._standing(completed=place == (header.segment, header.part))
        values = self._with_part(trial, partial.requests)
        if values is None:
            return self._standing(completed=False)
        if values["full_segments"] - 1 == values["final_segment"]:
            if not self._complete_trial(partial, values):
                return None
            return self._standing(completed=True)
        self._keep(partial, values, merge_bytes)
        return self._standing(completed=False)

    def _locked_trial(self) -> Row[Any] | None:
        """Return the trial's row, locked; it is made when it is not there. None for an unwanted run."""
        row = self._connection.execute(sql.LOCK_TRIAL, self._key).one_or_none()
        if row is not None:
            return row
        run_id, trial = self._header.run.run_id, self._header.trial
        add_run(self._connection, run_id, self._now)
        if self._connection.execute(sql.RUN_STATE, {"of_run": run_id}).scalar() == DISCARDED:
            return None
        sums = dict.fromkeys(
            ("requests", "watermark_ns", "last_segment", "full_segments", "merged_bytes", "loose_bytes"), 0
        )
        sql.add_unless_there(self._connection, trials, {"run_id": run_id, "trial": trial} | sums)
        return self._connection.execute(sql.LOCK_TRIAL, self._key).one_or_none()

    def _with_part(self, trial: Row[Any], requests: int) -> dict[str, Any] | None:
        """Return the trial's columns as they are with the part, None when the part is there already.

        Raises:
            PermanentError: the part contradicts another one.
        """
        header = self._header
        found = self._connection.execute(
            sql.PARTS_OF_SEGMENT, self._key | {"of_segment": header.segment}
        ).all()
        parts = found[0].parts if found else None
        check_place(header, parts=parts, final=trial.final_segment, last=trial.last_segment)
        if any(row.part == header.part for row in found):
            return None
        watermark = min(header.watermark_ns, self._plan.layout.horizon_ns)
        return self._key | {
            "requests": trial.requests + requests,
            "watermark_ns": max(trial.watermark_ns, watermark),
            "final_segment": header.segment if header.final else trial.final_segment,
            "last_segment": max(trial.last_segment, header.segment),
            "full_segments": trial.full_segments + (len(found) + 1 == header.parts),
            "merged_bytes": trial.merged_bytes,
            "loose_bytes": trial.loose_bytes,
            "completed_segment": None,
            "completed_part": None,
            "summary": None,
        }

    def _keep(self, partial: Partial, values: dict[str, Any], merge_bytes: int) -> None:
        """Store a part of a trial that is not complete, merged with those before when these got heavy."""
        blob = encode_partial(partial)
        values["loose_bytes"] += len(blob)
        if values["loose_bytes"] > max(values["merged_bytes"], merge_bytes):
            merged = Partial.empty(self._plan.layout)
            self._absorb_stored(merged)
            merged.absorb(partial)
            blob = encode_partial(merged)
            self._connection.execute(sql.EMPTY_PARTS, self._key)
            values |= {"merged_bytes": len(blob), "loose_bytes": 0}
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
        self._connection.execute(sql.UPDATE_TRIAL, values)

    def _absorb_stored(self, partial: Partial) -> None:
        """Add the stored statistics of the trial to a partial."""
        for blob in self._connection.execute(sql.STATISTICS, self._key).scalars():
            partial.absorb(decode_partial(blob, self._plan.layout))

    def _complete_trial(self, partial: Partial, values: dict[str, Any]) -> bool:
        """Replace the parts of the trial by its summary; tell whether the run is still wanted."""
        header, layout, facts = self._header, self._plan.layout, self._plan.facts
        whole = Partial.empty(layout, whole_trial=True)
        self._absorb_stored(whole)
        whole.absorb(partial)
        summary = summarise(header.trial, whole, layout, facts.servers)
        values |= {
            "completed_segment": header.segment,
            "completed_part": header.part,
            "summary": encode_summary(summary),
        }
        self._connection.execute(sql.UPDATE_TRIAL, values)
        self._connection.execute(sql.DELETE_PARTS, self._key)
        return self._add_to_run(whole)

    def _add_to_run(self, trial: Partial) -> bool:
        """Add a complete trial to the run, which the last one finishes; tell whether it is still wanted."""
        key = {"of_run": self._header.run.run_id}
        run = self._connection.execute(sql.LOCK_RUN, key).one()
        if run.state == DISCARDED:
            return False
        totals, exists = self._totals()
        totals.absorb(trial, self._plan.layout)
        blob = encode_totals(totals)
        if exists:
            self._connection.execute(sql.UPDATE_TOTALS, key | {"statistics": blob})
        else:
            self._connection.execute(sql.ADD_TOTALS, {"run_id": key["of_run"], "statistics": blob})
        done = run.trials_done + 1
        finished = done == self._plan.facts.trials
        if finished:
            self._add_result(totals)
        state, last = (FINISHED, self._header.trial) if finished else (RUNNING, None)
        values = {"state": state, "trials_done": done, "last_trial": last, "changed_at": self._now}
        requests = run.requests + trial.requests
        self._connection.execute(sql.UPDATE_RUN, key | values | {"requests": requests})
        return True

    def _totals(self) -> tuple[RunTotals, bool]:
        """Return the totals of the run, and whether they are stored."""
        layout = self._plan.layout
        blob = self._connection.execute(sql.TOTALS, {"of_run": self._header.run.run_id}).scalar()
        return (RunTotals.empty(layout), False) if blob is None else (decode_totals(blob, layout), True)

    def _summaries(self) -> tuple[TrialSummary, ...]:
        """Return the summaries of the complete trials in their order."""
        found = self._connection.execute(sql.SUMMARIES, {"of_run": self._header.run.run_id})
        return tuple(decode_summary(blob) for blob in found.scalars())

    def _add_result(self, totals: RunTotals) -> None:
        """Store the result document of the finished run."""
        document = result_document(self._summaries(), totals, self._plan.layout, self._plan.facts)
        text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        row = {"run_id": self._header.run.run_id, "document": text.encode()}
        self._connection.execute(sql.ADD_RESULT, row)

    def _standing(self, *, completed: bool) -> Standing | None:
        """Return how the run stands, None when it is unwanted."""
        run = self._connection.execute(sql.STANDING, {"of_run": self._header.run.run_id}).one()
        if run.state == DISCARDED:
            return None
        finished = None
        if completed and run.last_trial == self._header.trial:
            totals, _ = self._totals()
            finished = FinishedRun(self._summaries(), totals)
        return Standing(
            trials_done=run.trials_done,
            requests=int(run.requests),
            simulated_ns=run.trials_done * self._plan.layout.horizon_ns + int(run.watermarks_ns),
            completed_trial=completed,
            finished=finished,
        )
