"""All services of the platform in this process, on a broker in memory, in a thread of their own."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, Self

from headroom_analysis.app import AnalysisSettings
from headroom_analysis.app import build as build_analysis
from headroom_common.service import ServiceSettings
from headroom_common.service.process import Process
from headroom_common.transports.memory import MemoryBroker
from headroom_gateway.app import build as build_gateway
from headroom_gateway.settings import GatewaySettings
from headroom_generator.app import build as build_generator
from headroom_router.app import build as build_router
from headroom_server_model.app import build as build_server_model

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

_PATIENCE = 120.0


class Platform:
    """One instance of every service.

    Args:
        directory: for the databases.
        options: settings of the gateway.

    Attributes:
        url: where the gateway answers.
        analysis_url: where analysis answers.
    """

    def __init__(self, directory: Path, **options: Any) -> None:
        self.url = ""
        self.analysis_url = ""
        self._directory = directory
        self._options = options
        self._processes: list[Process] = []
        self._codes: list[int] = []
        self._up = threading.Event()
        self._thread = threading.Thread(target=self._live, name="platform")

    def _live(self) -> None:
        try:
            self._codes = asyncio.run(self._run())
        finally:
            self._up.set()

    async def _run(self) -> list[int]:
        broker = MemoryBroker()
        common: dict[str, Any] = {"port": 0, "threads": 1, "shutdown_timeout": 20, "readiness_grace": 0.01}
        for build in (build_generator, build_router, build_server_model):
            settings = ServiceSettings(**common)
            self._processes.append(Process(build(settings), settings, transport=broker.transport()))
        counted = AnalysisSettings(**common, database_url=f"sqlite:///{self._directory / 'analysis.db'}")
        analysis = Process(build_analysis(counted), counted, transport=broker.transport())
        self.analysis_url = f"http://127.0.0.1:{analysis.port}"
        settings = GatewaySettings(
            **common,
            **{
                "database_url": f"sqlite:///{self._directory / 'gateway.db'}",
                "analysis_url": self.analysis_url,
                **self._options,
            },
        )
        gateway = Process(build_gateway(settings), settings, transport=broker.transport())
        self.url = f"http://127.0.0.1:{gateway.port}"
        self._processes += [analysis, gateway]
        self._loop = asyncio.get_running_loop()
        self._up.set()
        return await asyncio.gather(*(process.run(signals=False) for process in self._processes))

    def __enter__(self) -> Self:
        self._thread.start()
        self._up.wait(_PATIENCE)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes:
            self._loop.call_soon_threadsafe(process.stop)
        self._thread.join(_PATIENCE)
        assert not self._thread.is_alive()
        assert self._codes == [0] * len(self._processes)
