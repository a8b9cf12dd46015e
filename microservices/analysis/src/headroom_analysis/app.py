"""The composition root of analysis: its handlers and their store, for the shell that all services share."""

from headroom_analysis.handlers import Analysis
from headroom_analysis.store import MemoryStore
from headroom_common.service import Secret, Service, ServiceSettings
from headroom_common.service.threads import in_thread


class AnalysisSettings(ServiceSettings):
    """Settings of analysis.

    Attributes:
        database_url: the database of statistics, as ``postgresql+psycopg://user:password@host/name`` or
            ``sqlite:////path/to/file``; without it they are kept in memory, are lost when this process ends,
            and this instance has to be the only one.
    """

    database_url: Secret | None = None


def build(settings: AnalysisSettings) -> Service:
    """Return the service.

    Raises:
        PermanentError: the database's URL cannot be used.
    """
    if settings.database_url is None:
        return Service("analysis", Analysis(MemoryStore()).handlers)
    from headroom_analysis.storage import open_store  # noqa: PLC0415 - a run in one process needs no database

    store = open_store(settings.database_url.get_secret_value())
    return Service("analysis", Analysis(store).handlers, close=lambda: in_thread(store.close))
