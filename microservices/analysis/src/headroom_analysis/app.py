"""The composition root of analysis: its handlers, their store and what it answers over HTTP."""

from headroom_analysis.api.rendering import rendering
from headroom_analysis.api.turns import Turns
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
    drawing = Turns("rendering")
    routers = [rendering(drawing)]
    if settings.database_url is None:

        async def close() -> None:
            drawing.close()

        return Service("analysis", Analysis(MemoryStore()).handlers, routers=routers, close=close)
    from headroom_analysis.storage import open_store  # noqa: PLC0415 - a run in one process needs no database

    store = open_store(settings.database_url.get_secret_value())

    async def close_all() -> None:
        drawing.close()
        await in_thread(store.close)

    return Service("analysis", Analysis(store).handlers, routers=routers, close=close_all)
