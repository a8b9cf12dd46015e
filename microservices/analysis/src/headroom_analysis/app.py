"""The composition root of analysis: its handlers, their store and what it answers over HTTP."""

from headroom_analysis.api.comparisons import comparisons
from headroom_analysis.api.rendering import rendering
from headroom_analysis.api.turns import Turns
from headroom_analysis.handlers import Analysis
from headroom_analysis.store import MemoryStore, PartialStore
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
    store: PartialStore = MemoryStore()
    close_store = _nothing
    if settings.database_url is not None:
        from headroom_analysis.storage import open_store  # noqa: PLC0415 - an instance in memory needs none of it

        kept = open_store(settings.database_url.get_secret_value())
        store, close_store = kept, kept.close
    drawing, comparing = Turns("rendering"), Turns("comparing")

    async def close() -> None:
        drawing.close()
        comparing.close()
        await in_thread(close_store)

    return Service(
        "analysis",
        Analysis(store).handlers,
        routers=[rendering(drawing), comparisons(store, comparing)],
        close=close,
    )


def _nothing() -> None:
    """Close nothing."""
