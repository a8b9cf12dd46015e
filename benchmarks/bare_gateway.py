"""The peer of the gateway: what is left of two of its routes when only the database work is done.

``python -m benchmarks.bare_gateway PORT DATABASE_URL`` serves them with one uvicorn process: the same
statements through SQLAlchemy on the same database, the same checks of the body, and a plain JSON answer.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Annotated, Any
from uuid import UUID, uuid4

import uvicorn
from fastapi import Body, FastAPI, Response
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from headroom_gateway.representations import NewRun  # noqa: TC001 - FastAPI reads it
from headroom_gateway.storage.schema import results, run_events, runs, scenarios

_CONNECTIONS = 8
_WHOLE = select(
    runs,
    results.c.size.label("result_size"),
    results.c.verdict.label("result_verdict"),
    results.c.trials.label("result_trials"),
    results.c.partial.label("result_partial"),
).join_from(runs, results, runs.c.result_hash == results.c.hash, isouter=True)


def create_app(url: str) -> FastAPI:
    """Return the application."""
    options = {"pool_size": _CONNECTIONS, "max_overflow": 0}
    reading = create_async_engine(url, isolation_level="AUTOCOMMIT", **options)
    writing = create_async_engine(url, isolation_level="READ COMMITTED", **options)
    app = FastAPI(docs_url=None, redoc_url=None)

    @app.get("/api/v1/runs/{run_id}")
    async def get_run(run_id: UUID) -> Response:
        async with reading.connect() as connection:
            row = (await connection.execute(_WHOLE.where(runs.c.id == run_id))).mappings().first()
        return Response("null", 404) if row is None else _answer(dict(row))

    @app.post("/api/v1/runs")
    async def create_run(asked: Annotated[NewRun, Body()]) -> Response:
        query = select(scenarios).where(scenarios.c.id == asked.scenario_id)
        async with reading.connect() as connection:
            scenario = (await connection.execute(query)).mappings().one()
        run = _row(asked, dict(scenario))
        async with writing.begin() as connection:
            await _accept(connection, run)
        return _answer(run, 202)

    return app


async def _accept(connection: AsyncConnection, run: dict[str, Any]) -> None:
    known = select(results.c.hash, results.c.size, results.c.verdict, results.c.trials, results.c.partial)
    await connection.execute(known.where(results.c.cache_key == "0" * 64).limit(1))
    await connection.execute(insert(runs), run)
    news = {"run_id": run["id"], "sequence": 1, "kind": "state", "data": json.dumps(run, default=str)}
    await connection.execute(insert(run_events), news)
    active = (runs.c.ended_at_us.is_(None), runs.c.created_by == run["created_by"])
    await connection.execute(select(func.count()).where(*active))


def _row(asked: NewRun, scenario: dict[str, Any]) -> dict[str, Any]:
    now_us = time.time_ns() // 1000
    values = {
        "id": uuid4(),
        "scenario_id": asked.scenario_id,
        "scenario_name": scenario["name"],
        "state": "queued",
        "trials": asked.trials,
        "seed": asked.seed,
        "confidence": asked.confidence,
        "segment_arrivals": asked.segment_arrivals or 32_768,
        "late_bound": asked.late_bound,
        "created_at_us": now_us,
        "created_by": "local",
        "changed_at_us": now_us,
        "sequence": 1,
        "total_s": asked.trials * scenario["horizon_ns"] / 1e9,
        "cached": False,
    }
    return dict.fromkeys(runs.c.keys()) | values


def _answer(values: dict[str, Any], status: int = 200) -> Response:
    return Response(json.dumps(values, default=str), status, media_type="application/json")


if __name__ == "__main__":
    uvicorn.run(create_app(sys.argv[2]), port=int(sys.argv[1]), lifespan="off")
