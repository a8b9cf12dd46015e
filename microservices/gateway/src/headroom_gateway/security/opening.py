"""Puts the gateway's protection together and around its application."""

from typing import Final

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from headroom_common.event_manager.clock import Clock
from headroom_gateway.security.bodies import BodyLimits
from headroom_gateway.security.callers import Bearers, Callers, Neighbours
from headroom_gateway.security.counters import Counters
from headroom_gateway.security.gate import Gate
from headroom_gateway.security.rates import Rates
from headroom_gateway.security.settings import SecuritySettings
from headroom_gateway.security.tokens import OidcTokens
from headroom_gateway.security.verification import Verifier
from headroom_gateway.storage.database import Database
from headroom_gateway.storage.keys import Keys

_METHODS: Final = ("GET", "POST", "DELETE")
_REQUEST_HEADERS: Final = (
    "Authorization",
    "Cache-Control",
    "Content-Type",
    "Idempotency-Key",
    "If-None-Match",
    "Last-Event-ID",
    "X-Request-ID",
)
_ANSWER_HEADERS: Final = (
    "Cache-Status",
    "ETag",
    "Link",
    "Location",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "WWW-Authenticate",
    "X-Request-ID",
)


class Security:
    """All that keeps the gateway safe.

    Args:
        settings: what is asked of callers.
        database: where API keys are.
        clock: time.

    Attributes:
        limits: how much callers may ask.
        keys: the stored API keys.
        verifier: verifies credentials.
    """

    def __init__(self, settings: SecuritySettings, database: Database, clock: Clock) -> None:
        self._settings = settings
        self._counters = _counters(settings)
        self._rates = Rates(settings.rates, self._counters, now=lambda: clock.now().timestamp())
        self._tokens = None if settings.oidc is None else OidcTokens.open(settings.oidc, clock)
        authentication = settings.authentication
        admin_key = authentication.admin_key
        self.limits = self._rates.limits
        self.keys = Keys(database)
        self.verifier = Verifier(
            self.keys,
            self._tokens,
            admin_key=None if admin_key is None else admin_key.get_secret_value(),
            failures=self._rates.failures,
            recheck=authentication.recheck,
            clock=clock,
        )

    def extend(self, app: FastAPI) -> None:
        """Have an application ask who calls it, and keep its limits."""
        settings = self._settings
        callers: Callers = (
            Bearers(self.verifier) if settings.authenticated else Neighbours(settings.cors_origins)
        )
        # The last one is the outermost: pages of other origins read refusals, too.
        app.add_middleware(Gate, callers=callers, rates=self._rates)
        app.add_middleware(BodyLimits, settings=settings.bodies)
        if settings.cors_origins:
            app.add_middleware(
                CORSMiddleware,
                allow_origins=settings.cors_origins,
                allow_methods=_METHODS,
                allow_headers=_REQUEST_HEADERS,
                expose_headers=_ANSWER_HEADERS,
            )

    async def close(self) -> None:
        """Close all connections."""
        await self._counters.close()
        if self._tokens is not None:
            await self._tokens.close()


def _counters(settings: SecuritySettings) -> Counters:
    url = settings.redis_url
    return Counters(
        None if url is None else url.get_secret_value(),
        timeout=settings.redis_timeout,
        pause=settings.redis_pause,
    )
