"""News of runs without a database, for tests in virtual time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headroom_common.errors import TransientError
from headroom_gateway.storage.news import StoredNews

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID


class Newspaper:
    """Keeps the news of runs as the database does: all states, and the latest progress.

    Attributes:
        looks: how often the latest numbers were asked for.
        away: whether the database fails.
    """

    def __init__(self) -> None:
        self.looks = 0
        self.away = False
        self._news: dict[UUID, list[StoredNews]] = {}
        self._numbers: dict[UUID, int] = {}

    def write(self, run_id: UUID, kind: str) -> StoredNews:
        """Add news of a kind; return them."""
        number = self._numbers[run_id] = self._numbers.get(run_id, 0) + 1
        kept = self._news.get(run_id, [])
        if kind == "progress":
            kept = [one for one in kept if one.kind != "progress"]
        news = StoredNews(number, kind, f"news {number}")
        self._news[run_id] = [*kept, news]
        return news

    def remove(self, run_id: UUID) -> None:
        """Forget a run."""
        del self._news[run_id], self._numbers[run_id]

    async def news(self, run_id: UUID, after: int) -> Sequence[StoredNews]:
        """Return the news of a run after a number."""
        self._check()
        return [one for one in self._news.get(run_id, []) if one.sequence > after]

    async def sequences(self, run_ids: Sequence[UUID]) -> Mapping[UUID, int]:
        """Return the numbers of the latest news."""
        self.looks += 1
        self._check()
        return {run_id: self._numbers[run_id] for run_id in run_ids if run_id in self._numbers}

    def _check(self) -> None:
        if self.away:
            message = "the database is away"
            raise TransientError(message)
