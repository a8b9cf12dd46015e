"""What the contracts say of producers and consumers is what the services do."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any, cast

import pytest
from pydantic import SecretStr

from headroom.services import SERVICES
from headroom_common.contracts.registry import CONTRACTS
from headroom_common.event_manager.cancellations import heed_cancellations
from headroom_common.event_manager.subscriptions import Subscribe, answer_polls, subscribing
from headroom_gateway.app import build
from headroom_gateway.settings import GatewaySettings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from headroom_common.event_manager import EventManager


class Recorder:
    """Stands in for an event manager and notes which bodies are subscribed to, and whether privately."""

    def __init__(self, service: str) -> None:
        self.service = service
        self.bodies: dict[type[Any], bool] = {}

    def subscribe(self, body: type[Any], _handler: object, *, private: bool = False, **_: object) -> None:
        assert body not in self.bodies, f"{body.__name__} is subscribed to twice"
        self.bodies[body] = private

    def use(self, _middleware: object) -> None:
        """Take what drops events or has them wait; it subscribes to nothing."""

    def trouble(self, _source: object, _reason: str) -> None:
        """Take what is wrong until a database is reached."""


def names_used(package: Path) -> set[str]:
    """Every name that a service's sources use."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in package.rglob("*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    return {node.id for node in nodes if isinstance(node, ast.Name)}


def subscribe_gateway(manager: EventManager) -> None:
    """Subscribe as the gateway does, which no run in one process has."""
    settings = GatewaySettings(database_url=SecretStr("sqlite:////nowhere/none"))
    gateway = build(settings)
    subscribing(gateway.handlers)(manager)
    gateway.subscribe(manager)


SUBSCRIBE: Mapping[str, Callable[[], Subscribe]] = {**SERVICES, "gateway": lambda: subscribe_gateway}


@pytest.mark.parametrize("service", sorted(SUBSCRIBE))
def test_services_subscribe_to_what_the_contracts_say(service: str) -> None:
    recorder = Recorder(service)
    SUBSCRIBE[service]()(cast("EventManager", recorder))
    answer_polls(cast("EventManager", recorder))
    heed_cancellations(cast("EventManager", recorder))
    expected = {
        contract.body: service in contract.private
        for contract in CONTRACTS.values()
        if service in contract.consumers
    }
    assert recorder.bodies == expected


@pytest.mark.parametrize("service", sorted(SUBSCRIBE))
def test_services_make_only_what_the_contracts_say(service: str, root: Path) -> None:
    package = root / "microservices" / service / "src" / f"headroom_{service.replace('-', '_')}"
    taken_or_sent = {
        contract.body.__name__
        for contract in CONTRACTS.values()
        if service in contract.consumers or service in contract.producers
    }
    bodies = {contract.body.__name__ for contract in CONTRACTS.values()}
    assert names_used(package) & bodies <= taken_or_sent


def test_every_service_has_its_folder(root: Path) -> None:
    assert {path.parent.name for path in root.glob("microservices/*/pyproject.toml")} == set(SUBSCRIBE)
