"""The HTTP interface of analysis, asked without a network, on a store in memory."""

import io
import json
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "report"))

from report_testing.documents import document

from headroom_analysis.app import AnalysisSettings, build
from headroom_common import telemetry
from headroom_common.service import Service
from headroom_common.service.composition import Composition, compose
from headroom_common.transports.memory import MemoryBroker

_REALISTIC = json.dumps(document())


@pytest.fixture(autouse=True)
def _quiet() -> None:
    """No log lines among pytest's own."""
    telemetry.configure(level="error", stream=io.StringIO())


@pytest.fixture
def result() -> dict[str, Any]:
    """A fresh copy of the realistic result, as a JSON file would give it."""
    copy: dict[str, Any] = json.loads(_REALISTIC)
    return copy


@pytest.fixture
def composed() -> Iterator[Callable[[Service], Composition]]:
    """Puts a service together."""
    made = []

    def make(service: Service) -> Composition:
        settings = AnalysisSettings(instance="one", threads=1)
        composition = compose(service, settings, transport=MemoryBroker().transport())
        made.append(composition)
        return composition

    yield make
    for composition in made:
        composition.workers.close()


@pytest.fixture
async def client(composed: Callable[[Service], Composition]) -> AsyncIterator[httpx.AsyncClient]:
    """Asks an analysis that keeps everything in memory."""
    service = build(AnalysisSettings(instance="one"))
    transport = httpx.ASGITransport(composed(service).app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://analysis/api/v1") as asking:
        yield asking
    await service.close()
