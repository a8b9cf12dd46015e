"""The composition root of analysis: its handlers and their store, for the shell that all services share."""

from headroom_analysis.handlers import Analysis
from headroom_analysis.store import MemoryStore
from headroom_common.service import Secret, Service, ServiceSettings


class AnalysisSettings(ServiceSettings):
    """Settings of analysis.

    Attributes:
        database_url: the database of partial statistics; without it they are kept in memory, and this
            instance has to be the only one.
    """

    database_url: Secret | None = None


def build(_settings: AnalysisSettings) -> Service:
    """Return the service."""
    return Service("analysis", Analysis(MemoryStore()).handlers)
