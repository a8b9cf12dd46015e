"""Tells who asks."""

import re
from functools import lru_cache
from http import HTTPStatus
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final, Protocol
from urllib.parse import urlsplit

from starlette.types import Scope

from headroom_common.service.problems import ProblemError
from headroom_gateway.security.principals import LOCAL, Principal
from headroom_gateway.security.refusals import unauthenticated
from headroom_gateway.security.settings import is_loopback

_NETWORK_BITS: Final = 64
_AUTHORITY: Final = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(:[0-9]+)?", re.IGNORECASE)


class Credentials(Protocol):
    """Verifies what callers show."""

    async def verified(self, credential: str, address: str) -> Principal:
        """Return whose credential it is.

        Args:
            credential: an API key or a token.
            address: where it comes from, as of ``address_of``.

        Raises:
            ProblemError: it is not valid, or that cannot be told now.
        """
        ...


class Callers(Protocol):
    """Tells who asks."""

    async def identify(self, scope: Scope) -> tuple[Principal, str]:
        """Return who asks, and under which name their requests are counted.

        Raises:
            ProblemError: they are not let in.
        """
        ...


class Bearers:
    """Callers who show a credential: ``Authorization: Bearer …``.

    Args:
        credentials: verifies them.
    """

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    async def identify(self, scope: Scope) -> tuple[Principal, str]:
        """Return who asks; see ``Callers``."""
        header = _header(scope, b"authorization")
        if header is None:
            detail = "Send an API key or a token: Authorization: Bearer …"
            raise unauthenticated(detail, shown=False)
        scheme, _, credential = header.partition(" ")
        credential = credential.strip(" ")
        if scheme.lower() != "bearer" or not credential:
            detail = "Authorization: expected Bearer, a blank, and an API key or a token."
            raise unauthenticated(detail)
        principal = await self._credentials.verified(credential, address_of(scope))
        return principal, principal.name


class Neighbours:
    """Callers on this machine, who need no credential.

    Web pages from elsewhere run on this machine, too: in a browser. They are kept out by the names that they
    call this service by (DNS rebinding) and by their origin.

    Args:
        origins: origins that may ask nevertheless.
    """

    def __init__(self, origins: tuple[str, ...] = ()) -> None:
        self._origins = frozenset(origins)

    async def identify(self, scope: Scope) -> tuple[Principal, str]:
        """Return who asks; see ``Callers``."""
        host = _header(scope, b"host")
        if host is not None and not _is_ours(host):
            detail = "Host: expected localhost or a loopback address, for authentication is off."
            raise ProblemError(HTTPStatus.MISDIRECTED_REQUEST, "foreign-host", detail)
        origin = _header(scope, b"origin")
        if origin is not None and origin not in self._origins and not _is_ours(_authority(origin)):
            detail = "Origin: expected one on this machine or of HEADROOM_CORS_ORIGINS, found another."
            raise ProblemError(HTTPStatus.FORBIDDEN, "foreign-origin", detail)
        return LOCAL, address_of(scope)


def address_of(scope: Scope) -> str:
    """Return the address that a request comes from; of IPv6 the network, which is one subscriber's."""
    client = scope.get("client")
    return _subscriber(client[0]) if client else "unknown"


@lru_cache(4096)
def _subscriber(address: str) -> str:
    try:
        parsed = ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ip_network((parsed, _NETWORK_BITS), strict=False))
    return str(parsed)


def _is_ours(authority: str) -> bool:
    found = _AUTHORITY.fullmatch(authority)
    return found is not None and is_loopback(found[1])


def _authority(origin: str) -> str:
    """Return host and port of an origin; empty when it has none, as ``null``."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""


def _header(scope: Scope, name: bytes) -> str | None:
    """Return a header; of several with one name the first."""
    for candidate, value in scope["headers"]:
        if candidate == name:
            text: str = value.decode("latin-1")
            return text
    return None
