"""News of runs and experiments for those who follow: one look into the database for all of this instance."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from headroom_common.errors import TransientError
from headroom_common.logs import Log
from headroom_gateway.errors import TooManyFollowersError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
    from uuid import UUID

    from headroom_common.event_manager import EventManager
    from headroom_gateway.storage.news import StoredNews

PERIOD: Final = 0.5
"""Seconds between two looks into the database for what other instances have noted."""

_log = Log(__name__)


@dataclass(slots=True, eq=False)
class _Feed:
    """The news of what somebody follows, as the database has them."""

    news: list[StoredNews] = field(default_factory=list)
    sequence: int = 0
    followers: int = 0
    gone: bool = False
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, found: Sequence[StoredNews]) -> None:
        """Take new ones; of the progress only the latest is kept, as in the database."""
        if any(one.kind == "progress" for one in found):
            self.news = [one for one in self.news if one.kind != "progress"]
        self.news.extend(found)
        self.sequence = found[-1].sequence
        self.tell()

    def tell(self) -> None:
        """Wake all followers; each waits for the next event from then on."""
        self.changed.set()
        self.changed = asyncio.Event()


class Source(Protocol):
    """Where news of one kind of thing are."""

    async def news(self, identity: UUID, after: int) -> Sequence[StoredNews]:
        """Return the news of a thing after a number, in their order."""
        ...

    async def sequences(self, identities: Sequence[UUID]) -> Mapping[UUID, int]:
        """Return the numbers of the latest news of those things that are there."""
        ...


class Feeds:
    """The news of all runs and experiments that are followed through this instance.

    Args:
        sources: where the news are.
        most_followers: followers at once.
    """

    def __init__(self, *sources: Source, most_followers: int) -> None:
        self._sources = sources
        self._most_followers = most_followers
        self._followers = 0
        self._feeds: dict[UUID, _Feed] = {}
        self._noted = asyncio.Event()
        self._ended = False

    @property
    def followers(self) -> int:
        """How many there are now."""
        return self._followers

    def notify(self, identity: UUID) -> None:
        """Have the news of a run or an experiment looked at soon: this instance has noted some."""
        if identity in self._feeds:
            self._noted.set()

    def require_room(self) -> None:
        """Refuse another follower when there are as many as are allowed.

        Raises:
            TooManyFollowersError: there is no room.
        """
        if self._followers >= self._most_followers:
            message = f"followers: expected at most {self._most_followers} at once, found as many already"
            raise TooManyFollowersError(
                message, delay=5.0, next_step="Follow fewer runs, or try again later."
            )

    async def run(self, _: EventManager) -> None:
        """Look for news until cancelled; then all followers are let go."""
        try:
            while True:
                self._noted.clear()
                try:
                    await self._look()
                except TransientError as error:
                    _log.warning("the feeds wait for the database", reason=error.message)
                try:
                    async with asyncio.timeout(PERIOD):
                        await self._noted.wait()
                except TimeoutError:
                    continue
        finally:
            self._ended = True
            for feed in self._feeds.values():
                feed.tell()

    async def follow(self, identity: UUID, after: int, heartbeat: float) -> AsyncIterator[StoredNews | None]:
        """Give news after a number, as they come; None when there were none for a while.

        A follower that is slow misses no change of state, and of the progress what is outdated. The news end
        when it is deleted, and with this instance.

        Args:
            identity: the run or the experiment.
            after: number of the last news that are known.
            heartbeat: after so many seconds without news None is given.

        Raises:
            TooManyFollowersError: there is no room.
        """
        with self._followed(identity) as feed:
            while not self._ended:
                changed = feed.changed
                for one in feed.news:
                    if one.sequence > after:
                        yield one
                        after = one.sequence
                        if feed.changed is not changed:
                            break
                if feed.changed is not changed:
                    continue
                if feed.gone:
                    return
                try:
                    async with asyncio.timeout(heartbeat):
                        await changed.wait()
                except TimeoutError:
                    yield None

    @contextmanager
    def _followed(self, identity: UUID) -> Iterator[_Feed]:
        self.require_room()
        if identity not in self._feeds:
            self._feeds[identity] = _Feed()
            self._noted.set()
        feed = self._feeds[identity]
        feed.followers += 1
        self._followers += 1
        try:
            yield feed
        finally:
            self._followers -= 1
            feed.followers -= 1
            if feed.followers == 0:
                del self._feeds[identity]

    async def _look(self) -> None:
        """Fetch what is new of what is followed."""
        followed = dict(self._feeds)
        if not followed:
            return
        gone = dict(followed)
        for source in self._sources:
            for identity, sequence in (await source.sequences(list(followed))).items():
                feed = gone.pop(identity)
                if sequence > feed.sequence:
                    found = await source.news(identity, feed.sequence)
                    if found:
                        feed.add(found)
        for feed in gone.values():
            feed.gone = True
            feed.tell()
