"""Rate limits: how many requests of one caller are answered in a minute."""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, Protocol

from headroom_common.service.problems import ProblemError
from headroom_gateway.security.settings import RateSettings

WINDOW: Final = 60
"""Seconds over which requests are counted; a window begins with each minute."""

READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing."""

RawHeaders = list[tuple[bytes, bytes]]


class Counters(Protocol):
    """Numbers that are kept for a while, perhaps shared with other instances. Asking them never fails."""

    async def add(self, key: str, expiry: int, amount: int = 1) -> int:
        """Add to a number and return the sum; it is forgotten so many seconds after it began."""
        ...


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a caller is with one limit.

    Attributes:
        limit: which one.
        exceeded: whether the limit was reached before this request.
        remaining: requests that are left in this window.
        reset: seconds until the next one, rounded up.
        headers: what the answer tells of it.
    """

    limit: "Limit"
    exceeded: bool
    remaining: int
    reset: int
    headers: RawHeaders

    def check(self) -> None:
        """Refuse a request that is one too many.

        Raises:
            ProblemError: it is.
        """
        if self.exceeded:
            self.limit.refused += 1
            detail = f"Too many requests in this minute; the next one is answered in {self.reset} s."
            retry = {"Retry-After": f"{self.reset}"}
            raise ProblemError(HTTPStatus.TOO_MANY_REQUESTS, "rate-limited", detail, headers=retry)


class Limit:
    """So many requests of each caller in a minute.

    Args:
        name: of what, in headers and keys.
        per_minute: how many; 0 for no limit.
        counters: where they are counted.
        now: seconds since 1970.

    Attributes:
        name: as given.
        refused: requests that were one too many.
    """

    def __init__(self, name: str, per_minute: int, counters: Counters, now: Callable[[], float]) -> None:
        self.name = name
        self.refused = 0
        self._per_minute = per_minute
        self._counters = counters
        self._now = now
        self._policy = (b"ratelimit-policy", f'"{name}";q={per_minute};w={WINDOW}'.encode())

    async def take(self, caller: str) -> Standing | None:
        """Count a request of a caller; None without a limit."""
        if not self._per_minute:
            return None
        window, passed = divmod(self._now(), WINDOW)
        taken = await self._counters.add(self._key(caller, window), WINDOW)
        return self._standing(taken, passed, exceeded=taken > self._per_minute)

    async def look(self, caller: str) -> Standing | None:
        """Return where a caller is, counting nothing; None without a limit."""
        if not self._per_minute:
            return None
        window, passed = divmod(self._now(), WINDOW)
        taken = await self._counters.add(self._key(caller, window), WINDOW, 0)
        return self._standing(taken, passed, exceeded=taken >= self._per_minute)

    def _key(self, caller: str, window: float) -> str:
        return f"{self.name}:{window:.0f}:{caller}"

    def _standing(self, taken: int, passed: float, *, exceeded: bool) -> Standing:
        remaining = max(0, self._per_minute - taken)
        reset = WINDOW - int(passed)
        left = f'"{self.name}";r={remaining};t={reset}'.encode()
        headers = [self._policy, (b"ratelimit", left)]
        return Standing(self, exceeded, remaining, reset, headers)


class Rates:
    """All limits of the interface.

    Args:
        settings: how much one caller may ask.
        counters: where requests are counted.
        now: seconds since 1970.

    Attributes:
        failures: of requests that are refused for their credentials.
        limits: all of them.
    """

    def __init__(self, settings: RateSettings, counters: Counters, now: Callable[[], float]) -> None:
        self._reads = Limit("reads", settings.reads_per_minute, counters, now)
        self._writes = Limit("writes", settings.writes_per_minute, counters, now)
        self.failures = Limit("failures", settings.failures_per_minute, counters, now)
        self.limits = (self._reads, self._writes, self.failures)

    def of(self, method: str) -> Limit:
        """Return the limit of requests of one method."""
        return self._reads if method in READS else self._writes
