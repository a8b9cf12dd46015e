"""A service of the tests, put together as in a process, on a broker in memory."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest

from headroom_common.contracts.event import Event, Outgoing
from headroom_common.contracts.events import RunRequested, TrialAnalysed
from headroom_common.service import Service, ServiceSettings
from headroom_common.service.composition import Composition, compose
from headroom_common.transports.memory import MemoryBroker

Compose = Callable[..., Composition]


@pytest.fixture(autouse=True)
def _environment(logs: object, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001 - asking for it is all
    """No setting of the machine's, and no log lines among pytest's own."""
    for name in ("HEADROOM_PORT", "HEADROOM_SECRETS_DIR", "HEADROOM_REDIS_URL", "HEADROOM_BROKER__URL"):
        monkeypatch.delenv(name, raising=False)


def first_trials(event: Event[RunRequested]) -> list[Outgoing]:
    """Answer a run with its trials, as if they were analysed at once."""
    run = event.body.run
    return [Outgoing(TrialAnalysed(run=run, trial=trial)) for trial in range(run.trials)]


@pytest.fixture
def service() -> Service:
    return Service("generator", {RunRequested: first_trials})


@pytest.fixture
def composed(broker: MemoryBroker, service: Service) -> Iterator[Compose]:
    """Put a service together; options are settings."""
    made = []

    def make(name: Service = service, **options: Any) -> Composition:
        settings = ServiceSettings(**{"instance": "one", "threads": 1, **options})
        composition = compose(name, settings, transport=broker.transport())
        made.append(composition)
        return composition

    yield make
    for composition in made:
        composition.workers.close()


@pytest.fixture
def composition(composed: Compose) -> Composition:
    return composed()


@pytest.fixture
async def client(composition: Composition) -> AsyncIterator[httpx.AsyncClient]:
    """Asks the HTTP interface of ``composition``, without a network."""
    async with client_of(composition) as asking:
        yield asking


def client_of(composition: Composition) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(composition.app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://service")
