"""The scenarios of a gateway."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from headroom.client.calls import Calls
from headroom.client.paging import pages
from headroom.scenarios import as_scenario
from headroom_common.scenario import Scenario as CheckedScenario
from headroom_gateway.representations import Scenario, ScenarioPage, ScenarioSummary


class Scenarios:
    """The scenarios of a gateway; every method may raise a `GatewayError`.

    Args:
        calls: how the gateway is asked.
    """

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def create(self, scenario: CheckedScenario | Mapping[str, Any] | str | Path) -> Scenario:
        """Store a scenario, checked here before it is sent; one that is there already is returned.

        Raises:
            ScenarioError: it has problems.
        """
        document = as_scenario(scenario).canonical()
        return self._calls.read(Scenario, await self._calls.post("/scenarios", document))

    async def get(self, scenario_id: str) -> Scenario:
        """Return a scenario with its document."""
        return self._calls.read(Scenario, await self._calls.get(_path(scenario_id)))

    def list(self, *, limit: int | None = None) -> AsyncIterator[ScenarioSummary]:
        """Yield the scenarios, newest first, page by page as they are taken.

        Args:
            limit: at most so many.
        """
        return pages(self._calls, "/scenarios", ScenarioPage, {}, limit)

    async def delete(self, scenario_id: str) -> None:
        """Delete a scenario that no run uses."""
        await self._calls.delete(_path(scenario_id))


def _path(scenario_id: str) -> str:
    return f"/scenarios/{quote(scenario_id, safe='')}"
