"""The composition root of analysis: its handlers, their store, what it answers over HTTP and does besides."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field

from headroom_analysis.api.comparisons import comparisons
from headroom_analysis.api.experiments import experiments
from headroom_analysis.api.rendering import rendering
from headroom_analysis.api.turns import Turns
from headroom_analysis.handlers import Analysis
from headroom_analysis.store import MemoryStore, PartialStore
from headroom_analysis.upkeep import Retention
from headroom_common.database.command import migrate_in_time
from headroom_common.database.watch import DatabaseWatch
from headroom_common.errors import PermanentError
from headroom_common.service import DatabaseSettings, Secret, Service
from headroom_common.service.threads import in_thread

if TYPE_CHECKING:
    from headroom_analysis.storage import SqlStore


_KEPT_IN_MEMORY: Final = 1_024
"""Finished runs whose trials an instance without a database keeps."""


class AnalysisSettings(DatabaseSettings):
    """Settings of analysis.

    Attributes:
        database_url: the database of statistics, as ``postgresql+psycopg://user:password@host/name`` or
            ``sqlite:////path/to/file``; without it they are kept in memory, are lost when this process ends,
            and this instance has to be the only one.
        retention_days: days after which a run that nothing happens to is removed from the database; ``none``
            keeps all. Longer than events may lie in queues.
    """

    database_url: Secret | None = None
    retention_days: Annotated[int, Field(ge=1)] | None = 30


def build(settings: AnalysisSettings) -> Service:
    """Return the service; nothing is connected yet.

    Raises:
        PermanentError: the database's URL cannot be used.
    """
    kept = None if settings.database_url is None else _database(settings, settings.database_url)
    # An experiment needs the trials of all its runs until it has its answer.
    store: PartialStore = kept or MemoryStore(keep_finished=_KEPT_IN_MEMORY)
    analysis = Analysis(store)
    drawing, comparing, stepping = Turns("rendering"), Turns("comparing"), Turns("stepping")

    async def close() -> None:
        drawing.close()
        comparing.close()
        stepping.close()
        if kept is not None:
            await in_thread(kept.close)

    service = Service(
        "analysis",
        analysis.handlers,
        routers=[
            rendering(drawing),
            comparisons(store, comparing),
            experiments(store, stepping, drawing),
        ],
        close=close,
    )
    if kept is None:
        return service
    prepare = kept.prepare if settings.migrations == "apply" else kept.check_tables
    watch = DatabaseWatch(partial(in_thread, prepare), partial(in_thread, kept.check), analysis.handlers)
    background = [watch.run]
    if settings.retention_days is not None:
        background.append(Retention(kept, settings.retention_days).run)
    return replace(service, subscribe=watch.subscribe, background=background)


def migrate(settings: AnalysisSettings) -> None:
    """Bring the tables of the database up to date.

    Raises:
        PermanentError: there is no database, or its URL cannot be used.
        TransientError: the database did not answer in time.
    """
    if settings.database_url is None:
        message = "HEADROOM_DATABASE_URL: expected the URL of a database, found none"
        raise PermanentError(message, next_step="Set it; without it statistics are kept in memory.")
    with _database(settings, settings.database_url) as store:
        migrate_in_time(store.prepare, timeout=settings.migration_timeout)


def _database(settings: AnalysisSettings, url: Secret) -> SqlStore:
    from headroom_analysis.storage import SqlStore, open_engine  # noqa: PLC0415 - in memory none of it is needed

    # One for each thread that handles events, compares runs, takes steps of experiments, looks after the
    # database, removes old runs.
    return SqlStore(open_engine(url.get_secret_value(), connections=settings.threads + 4))
