"""The gateway's tables, as the newest migration leaves them. Times are microseconds since 1970, in UTC."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    Uuid,
    true,
)

metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

scenarios: Final = Table(
    "scenarios",
    metadata,
    Column("id", String(64), primary_key=True),  # SHA-256 of the canonical JSON
    Column("name", String(63), nullable=False),
    Column("description", Text, nullable=False),
    Column("content_hash", String(64), nullable=False),  # as `scenario_hash` of results
    Column("horizon_ns", BigInteger, nullable=False),
    Column("requests_per_trial", Double, nullable=False),
    Column("warnings", Text, nullable=False),  # a JSON list
    Column("document", LargeBinary, nullable=False),  # canonical JSON, deflated
    Column("created_at_us", BigInteger, nullable=False),
    Column("created_by", String(255), nullable=False),
    Column("listed", Boolean, nullable=False, server_default=true()),  # not of the points of experiments
)
Index(None, scenarios.c.created_at_us, scenarios.c.id)

results: Final = Table(
    "results",
    metadata,
    Column("hash", String(64), primary_key=True),  # SHA-256 of the document
    Column("cache_key", String(64)),  # of what decides it; none for partial results
    Column("document", LargeBinary, nullable=False),  # as published, deflated
    Column("size", BigInteger, nullable=False),  # of the document as published
    Column("verdict", String(8), nullable=False),
    Column("trials", BigInteger, nullable=False),
    Column("partial", Boolean, nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
)
Index(None, results.c.cache_key)

experiments: Final = Table(
    "experiments",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("scenario_id", String(64), ForeignKey(scenarios.c.id), nullable=False),
    Column("scenario_name", String(63), nullable=False),
    Column("asked", Text, nullable=False),  # JSON of what is asked, but for the scenarios
    Column("other", LargeBinary),  # canonical JSON of the scenario to compare with, deflated
    Column("state", String(16), nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    Column("created_by", String(255), nullable=False),
    Column("started_at_us", BigInteger),
    Column("ended_at_us", BigInteger),
    Column("changed_at_us", BigInteger, nullable=False),  # the last news of any kind
    Column("sequence", Integer, nullable=False),  # number of the last news
    Column("rounds", BigInteger, nullable=False),  # from here on: how far it has come
    Column("points", BigInteger, nullable=False),
    Column("runs", BigInteger, nullable=False),
    Column("trials", BigInteger, nullable=False),
    Column("runs_done", BigInteger, nullable=False),
    Column("trials_done", BigInteger, nullable=False),
    Column("requests", BigInteger, nullable=False),
    Column("requests_wanted", Double, nullable=False),  # what its runs will simulate, about
    Column("failure_reason", Text),
    Column("failure_field", Text),
    Column("document", LargeBinary),  # as published, deflated
    Column("document_hash", String(64)),  # SHA-256 of the document as published
    Column("size", BigInteger),  # of the same
    Column("leased_until_us", BigInteger, nullable=False),  # somebody is taking its next step until then
)
Index(None, experiments.c.created_at_us, experiments.c.id)
Index(None, experiments.c.scenario_id)
_going_on = experiments.c.ended_at_us.is_(None)
Index("ix_experiments_active", experiments.c.created_by, postgresql_where=_going_on, sqlite_where=_going_on)

experiment_events: Final = Table(
    "experiment_events",
    metadata,
    Column("experiment_id", Uuid, ForeignKey(experiments.c.id, ondelete="CASCADE"), primary_key=True),
    Column("sequence", Integer, primary_key=True),
    Column("kind", String(8), nullable=False),  # as of run_events
    Column("data", Text, nullable=False),  # an ExperimentEvent as JSON
)

runs: Final = Table(
    "runs",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("scenario_id", String(64), ForeignKey(scenarios.c.id), nullable=False),
    Column("scenario_name", String(63), nullable=False),
    Column("state", String(16), nullable=False),
    Column("trials", BigInteger, nullable=False),
    Column("seed", BigInteger, nullable=False),  # of 64 bits: those from 2^63 on less 2^64
    Column("confidence", Double, nullable=False),
    Column("segment_arrivals", BigInteger, nullable=False),
    Column("late_bound", Boolean, nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    Column("created_by", String(255), nullable=False),
    Column("clone_of", Uuid),
    Column("started_at_us", BigInteger),
    Column("ended_at_us", BigInteger),
    Column("changed_at_us", BigInteger, nullable=False),  # the last news of any kind
    Column("sequence", Integer, nullable=False),  # number of the last news
    Column("trials_done", BigInteger),  # these three: none before the first progress
    Column("requests", BigInteger),
    Column("simulated_s", Double),
    Column("total_s", Double, nullable=False),
    Column("failure_reason", Text),
    Column("failure_field", Text),
    Column("last_event", Text),
    Column("result_hash", String(64), ForeignKey(results.c.hash)),
    Column("cached", Boolean, nullable=False),
    Column("experiment_id", Uuid, ForeignKey(experiments.c.id, ondelete="CASCADE")),  # that wanted it
    Column("batch", String(64)),  # its name there
)
_alone = runs.c.experiment_id.is_(None)
Index("ix_runs_alone", runs.c.created_at_us, runs.c.id, postgresql_where=_alone, sqlite_where=_alone)
Index(None, runs.c.experiment_id, runs.c.state)
Index(None, runs.c.scenario_id, runs.c.created_at_us)
Index(None, runs.c.result_hash)
_active = runs.c.ended_at_us.is_(None)
Index("ix_runs_active", runs.c.state, runs.c.created_at_us, postgresql_where=_active, sqlite_where=_active)

run_events: Final = Table(
    "run_events",
    metadata,
    Column("run_id", Uuid, ForeignKey(runs.c.id, ondelete="CASCADE"), primary_key=True),
    Column("sequence", Integer, primary_key=True),
    Column("kind", String(8), nullable=False),  # "state", or "progress" of which the latest is kept
    Column("data", Text, nullable=False),  # a RunEvent as JSON
)

outbox: Final = Table(
    "outbox",
    metadata,
    Column("run_id", Uuid, primary_key=True),  # of a deleted run, too
    Column("kind", String(16), primary_key=True),  # what has to be published
    Column("created_at_us", BigInteger, nullable=False),
    Column("leased_until_us", BigInteger, nullable=False),  # somebody is publishing it until then
)

idempotency: Final = Table(
    "idempotency",
    metadata,
    Column("principal", String(255), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("fingerprint", String(64), nullable=False),  # SHA-256 of the request
    Column("run_id", Uuid, ForeignKey(runs.c.id, ondelete="CASCADE")),  # this or the next is there
    Column("experiment_id", Uuid, ForeignKey(experiments.c.id, ondelete="CASCADE")),
    Column("created_at_us", BigInteger, nullable=False),
)
Index(None, idempotency.c.created_at_us)
Index(None, idempotency.c.run_id)
Index(None, idempotency.c.experiment_id)

keys: Final = Table(
    "keys",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", String(100), nullable=False),
    Column("scope", String(8), nullable=False),
    Column("digest", LargeBinary, nullable=False),  # SHA-256 of the secret
    Column("created_at_us", BigInteger, nullable=False),
    Column("created_by", String(255), nullable=False),
    Column("expires_at_us", BigInteger),
    Column("last_used_at_us", BigInteger),
)
