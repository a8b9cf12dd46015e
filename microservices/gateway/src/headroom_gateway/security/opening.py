"""Puts the gateway's protection together and around its application."""

from typing import Final

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from headroom_gateway.security.bodies import BodyLimits
from headroom_gateway.security.callers import Bearers, Callers, Credentials, Neighbours
from headroom_gateway.security.counters import Counters
from headroom_gateway.security.gate import Gate
from headroom_gateway.security.rates import Rates
from headroom_gateway.security.settings import SecuritySettings

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


def open_counters(settings: SecuritySettings) -> Counters:
    """Return the counters that the settings say; nothing is connected yet."""
    url = settings.redis_url
    return Counters(
        None if url is None else url.get_secret_value(),
        timeout=settings.redis_timeout,
        pause=settings.redis_pause,
    )


def protect(app: FastAPI, settings: SecuritySettings, rates: Rates, credentials: Credentials) -> None:
    """Have an application ask who calls it, and keep its limits.

    Args:
        app: the application.
        settings: what is asked of callers.
        rates: how much they may ask.
        credentials: verifies what callers show, where authentication is on.
    """
    callers: Callers = Bearers(credentials) if settings.authenticated else Neighbours(settings.cors_origins)
    # The last one is the outermost: pages of other origins read refusals, too.
    app.add_middleware(Gate, callers=callers, rates=rates)
    app.add_middleware(BodyLimits, settings=settings.bodies)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=_METHODS,
            allow_headers=_REQUEST_HEADERS,
            expose_headers=_ANSWER_HEADERS,
        )
