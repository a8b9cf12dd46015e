"""Lists that come page by page."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, Final, TypeVar, overload

from headroom.client.calls import Calls
from headroom_gateway.experiment_representations import Experiment, ExperimentPage
from headroom_gateway.representations import Run, RunPage, ScenarioPage, ScenarioSummary

PAGE: Final = 100
"""Items that are asked for at once."""

PageT = TypeVar("PageT", RunPage, ScenarioPage, ExperimentPage)


@overload
def pages(
    calls: Calls, path: str, kind: type[RunPage], filters: Mapping[str, Any], limit: int | None
) -> AsyncIterator[Run]: ...
@overload
def pages(
    calls: Calls, path: str, kind: type[ScenarioPage], filters: Mapping[str, Any], limit: int | None
) -> AsyncIterator[ScenarioSummary]: ...
@overload
def pages(
    calls: Calls, path: str, kind: type[ExperimentPage], filters: Mapping[str, Any], limit: int | None
) -> AsyncIterator[Experiment]: ...
async def pages(
    calls: Calls, path: str, kind: type[PageT], filters: Mapping[str, Any], limit: int | None
) -> AsyncIterator[Run | ScenarioSummary | Experiment]:
    """Yield the items of a list; a page is asked for when its first item is.

    Args:
        calls: how the gateway is asked.
        path: of the list.
        kind: its pages.
        filters: which items; those without a value count for nothing.
        limit: at most so many items; None for all.
    """
    cursor: str | None = None
    left = limit
    while left is None or left > 0:
        size = PAGE if left is None else min(PAGE, left)
        answer = await calls.get(path, parameters={**filters, "limit": size, "cursor": cursor})
        page = calls.read(kind, answer)
        for item in page.items[:size]:
            yield item
        left = None if left is None else left - len(page.items)
        cursor = page.next_cursor
        if cursor is None:
            return
