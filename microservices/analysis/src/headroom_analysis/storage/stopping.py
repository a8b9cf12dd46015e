"""What stopping a run does within its transaction."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from headroom_analysis.domain.result import result_document
from headroom_analysis.plans import plan_of
from headroom_analysis.storage import statements as sql
from headroom_analysis.storage.addition import add_run, as_json, summaries_of
from headroom_analysis.storage.blobs import decode_totals
from headroom_analysis.storage.schema import DISCARDED, FINISHED
from headroom_analysis.store import Stopped
from headroom_common.contracts.events import RunParameters

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Connection


def stop_run(connection: Connection, run_id: UUID, now: int) -> Stopped | None:
    """End a run that is not finished, and keep its partial result; see `PartialStore.stop`.

    Args:
        connection: in a transaction, which the caller commits.
        run_id: the run, known or not.
        now: seconds since 1970.

    Raises:
        PermanentError: stored statistics are damaged.
    """
    add_run(connection, run_id, now)
    key = {"of_run": run_id}
    run = connection.execute(sql.LOCK_WHOLE_RUN, key).one()
    if run.state == FINISHED:
        return None
    if run.state == DISCARDED:
        return Stopped(run.trials_done, None if run.result is None else json.loads(run.result))
    result = None
    if run.totals is not None and run.parameters is not None:
        plan = plan_of(RunParameters.model_validate_json(run.parameters))
        totals = decode_totals(run.totals, plan.layout)
        result = result_document(summaries_of(connection, run_id), totals, plan.layout, plan.facts)
    kept = None if result is None else as_json(result)
    connection.execute(sql.STOP_RUN, key | {"result": kept, "changed_at": now})
    return Stopped(run.trials_done, result)
