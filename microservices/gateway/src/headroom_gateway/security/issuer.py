"""The public keys of an OIDC issuer, fetched and remembered."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from typing import Any, Final, Self

import httpx
from jwt import PyJWK, PyJWTError

from headroom_common.logs import Log
from headroom_gateway.security.refusals import unauthenticated, unverifiable
from headroom_gateway.security.settings import OidcSettings, checked_url

_LONGEST_ANSWER: Final = 1024 * 1024
_MOST_KEYS: Final = 100
_LONGEST_STALE: Final = 3600.0
"""Seconds for which known keys count though the issuer does not answer any more."""

_CURVES: Final = {"ES256": {"P-256"}, "ES384": {"P-384"}, "ES512": {"P-521"}, "EdDSA": {"Ed25519", "Ed448"}}
_TYPES: Final = {"R": "RSA", "P": "RSA", "ES": "EC", "Ed": "OKP"}
_UNKNOWN_KEY: Final = "The token's signature: expected one with a key of the issuer, found an unknown key."
_log = Log(__name__)

KeyName = tuple[str | None, str]
"""Name and algorithm of a key."""


class IssuerKeys:
    """The keys that an issuer signs with.

    They are fetched when the first token comes, when they have become old, and when a token names a key that
    is not among them, but never twice within the pause, whatever tokens come. One request fetches, the others
    go on with the old keys or wait for the new ones. Addresses of keys in tokens are never followed.

    Args:
        settings: where they are, and for how long they count.
        client: fetches them.
        now: measures time, in seconds.
    """

    def __init__(
        self, settings: OidcSettings, client: httpx.AsyncClient, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings = settings
        self._client = client
        self._now = now
        self._fetching = asyncio.Lock()
        self._keys: dict[KeyName, PyJWK] = {}
        self._fetched = self._tried = float("-inf")

    @classmethod
    def open(cls, settings: OidcSettings) -> Self:
        """Return the keys of the issuer that the settings say; nothing is fetched yet."""
        return cls(settings, httpx.AsyncClient(timeout=settings.timeout))

    async def find(self, name: str | None, algorithm: str) -> PyJWK:
        """Return the key of a token.

        Args:
            name: what the token calls it; None when it does not.
            algorithm: what the token is signed with.

        Raises:
            ProblemError: there is no such key, or that cannot be told now.
        """
        found = self._find(name, algorithm)
        if found is not None and (self._age < self._settings.jwks_cache or self._fetching.locked()):
            return found
        async with self._fetching:
            rested = self._now() - self._tried >= self._settings.jwks_pause
            found = self._find(name, algorithm)
            if rested and (found is None or self._age >= self._settings.jwks_cache):
                await self._fetch()
                found = self._find(name, algorithm)
        if self._age >= self._settings.jwks_cache + _LONGEST_STALE:
            raise unverifiable()
        if found is None:
            raise unauthenticated(_UNKNOWN_KEY)
        return found

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    @property
    def _age(self) -> float:
        return self._now() - self._fetched

    def _find(self, name: str | None, algorithm: str) -> PyJWK | None:
        if name is not None:
            return self._keys.get((name, algorithm))
        fitting = [key for (_, fits), key in self._keys.items() if fits == algorithm]
        return fitting[0] if len(fitting) == 1 else None

    async def _fetch(self) -> None:
        self._tried = self._now()
        try:
            async with asyncio.timeout(self._settings.timeout):
                url = self._settings.jwks_url or await self._discover()
                keys = dict(self._usable(await self._document(url)))
        except (httpx.HTTPError, OSError, ValueError, RecursionError) as error:
            reason = f"{error}" or type(error).__name__
            _log.warning("the keys of the OIDC issuer cannot be fetched", reason=reason)
            return
        self._keys = keys
        self._fetched = self._now()

    async def _discover(self) -> str:
        issuer = self._settings.issuer
        document = await self._document(f"{issuer.removesuffix('/')}/.well-known/openid-configuration")
        if document.get("issuer") != issuer:
            msg = f"issuer: expected {issuer}, found another in its configuration"
            raise ValueError(msg)
        return checked_url(str(document.get("jwks_uri", "")))

    async def _document(self, url: str) -> dict[str, Any]:
        text = bytearray()
        async with self._client.stream("GET", url) as answer:
            answer.raise_for_status()
            async for part in answer.aiter_bytes():
                text += part
                if len(text) > _LONGEST_ANSWER:
                    msg = f"{url}: expected at most {_LONGEST_ANSWER} bytes, found more"
                    raise ValueError(msg)
        document = json.loads(text)
        if not isinstance(document, dict):
            msg = f"{url}: expected a JSON object"
            raise ValueError(msg)  # noqa: TRY004 - of what was fetched, not of an argument
        return document

    def _usable(self, document: dict[str, Any]) -> Iterator[tuple[KeyName, PyJWK]]:
        """Return the keys that tokens may be signed with, once for each algorithm."""
        listed = document.get("keys")
        if not isinstance(listed, list):
            msg = "keys: expected a list in the issuer's key set"
            raise ValueError(msg)  # noqa: TRY004 - as above
        for data in listed[:_MOST_KEYS]:
            for algorithm in self._settings.algorithms:
                if isinstance(data, dict) and _fits(data, algorithm):
                    key = _parsed(data, algorithm)
                    if key is not None:
                        yield (key.key_id, algorithm), key


def _fits(data: dict[str, Any], algorithm: str) -> bool:
    """Return whether a key may verify signatures of an algorithm: its type decides, never the token."""
    kind = next(kind for start, kind in _TYPES.items() if algorithm.startswith(start))
    curves = _CURVES.get(algorithm)
    operations = data.get("key_ops")
    return (
        data.get("kty") == kind
        and (curves is None or data.get("crv") in curves)
        and data.get("alg", algorithm) == algorithm
        and data.get("use", "sig") == "sig"
        and (operations is None or (isinstance(operations, list) and "verify" in operations))
    )


def _parsed(data: dict[str, Any], algorithm: str) -> PyJWK | None:
    public = {name: value for name, value in data.items() if name not in {"d", "p", "q", "dp", "dq", "qi"}}
    try:
        key = PyJWK(public, algorithm)
        weakness = key.Algorithm.check_key_length(key.key)
    except (PyJWTError, ValueError, TypeError) as error:
        weakness = type(error).__name__
    if weakness is None:
        return key
    _log.warning("a key of the OIDC issuer is not used", key=str(data.get("kid")), reason=weakness)
    return None
