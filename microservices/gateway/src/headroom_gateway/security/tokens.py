"""Verifies the tokens of an OIDC issuer."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol, Self

import jwt
from jwt import PyJWK

from headroom_common.event_manager.clock import Clock
from headroom_gateway.representations import Scope
from headroom_gateway.security.issuer import IssuerKeys
from headroom_gateway.security.principals import Principal
from headroom_gateway.security.refusals import forbidden, unauthenticated
from headroom_gateway.security.settings import OidcSettings

_LONGEST_SUBJECT: Final = 250
_WRONG_SUBJECT: Final = f"The token: sub: expected 1 to {_LONGEST_SUBJECT} printable characters."
_LONGEST_TRUST: Final = timedelta(days=1)
_MALFORMED: Final = "The token: expected an API key or a JSON Web Token in compact form."
_REASONS: Final[dict[type[Exception], str]] = {
    jwt.ExpiredSignatureError: "exp: the token has expired",
    jwt.ImmatureSignatureError: "nbf, iat: the token is not valid yet",
    jwt.InvalidIssuerError: "iss: expected the issuer that the gateway trusts",
    jwt.InvalidAudienceError: "aud: expected the audience of this gateway",
    jwt.InvalidIssuedAtError: "iat: expected a number",
    jwt.InvalidSignatureError: "its signature is wrong",
    jwt.InvalidAlgorithmError: "alg: expected the algorithm of its key",
}
"""What is told of a check that failed; nothing of it is out of the token."""


@dataclass(frozen=True, slots=True)
class Verified:
    """A credential that was found valid.

    Attributes:
        principal: whose it is.
        until: when it ends; None for never.
    """

    principal: Principal
    until: datetime | None = None


class Tokens(Protocol):
    """Verifies tokens."""

    async def verify(self, token: str) -> Verified:
        """Return whose token it is.

        Raises:
            ProblemError: it is not valid, or that cannot be told now.
        """
        ...


class OidcTokens:
    """The tokens of an issuer.

    Args:
        settings: what is asked of them.
        keys: what they are signed with.
        clock: time.
    """

    def __init__(self, settings: OidcSettings, keys: IssuerKeys, clock: Clock) -> None:
        self._settings = settings
        self._keys = keys
        self._clock = clock

    @classmethod
    def open(cls, settings: OidcSettings, clock: Clock) -> Self:
        """Return the tokens of the issuer that the settings say; nothing is fetched yet."""
        return cls(settings, IssuerKeys.open(settings), clock)

    async def verify(self, token: str) -> Verified:
        """Return whose token it is; see ``Tokens``."""
        name, algorithm = self._header(token)
        claims = self._claims(token, await self._keys.find(name, algorithm), algorithm)
        subject = claims.get("sub")
        if not isinstance(subject, str) or not _is_name(subject):
            raise unauthenticated(_WRONG_SUBJECT)
        principal = Principal(f"oidc:{subject}", self._scope(claims))
        now = self._clock.now()
        left = min(float(claims["exp"]) - now.timestamp(), _LONGEST_TRUST.total_seconds())
        return Verified(principal, now + timedelta(seconds=left + self._settings.leeway))

    async def close(self) -> None:
        """Close the connections."""
        await self._keys.close()

    def _header(self, token: str) -> tuple[str | None, str]:
        """Return the name of a token's key and its algorithm: all that counts of its header."""
        if len(token) > self._settings.max_token_bytes:
            limit = self._settings.max_token_bytes
            detail = f"The token: expected at most {limit} bytes, found {len(token)}."
            raise unauthenticated(detail)
        try:
            header = jwt.get_unverified_header(token)
        except (jwt.PyJWTError, ValueError, RecursionError):
            raise unauthenticated(_MALFORMED) from None
        name, algorithm = header.get("kid"), header.get("alg")
        if algorithm not in self._settings.algorithms:
            expected = ", ".join(self._settings.algorithms)
            detail = f"The token: alg: expected {expected}, found another one."
            raise unauthenticated(detail)
        return name, algorithm

    def _claims(self, token: str, key: PyJWK, algorithm: str) -> dict[str, Any]:
        try:
            return jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                audience=self._settings.audience,
                issuer=self._settings.issuer,
                leeway=self._settings.leeway,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.MissingRequiredClaimError as error:
            detail = f"The token: {error.claim}: expected, and not there."
            raise unauthenticated(detail) from None
        except (jwt.PyJWTError, ValueError, OverflowError, RecursionError) as error:
            detail = f"The token: {_REASONS.get(type(error), 'expected well-formed claims')}."
            raise unauthenticated(detail) from None

    def _scope(self, claims: dict[str, Any]) -> Scope:
        """Return the widest scope that a token allows.

        Raises:
            ProblemError: it allows nothing here.
        """
        known = self._settings.scopes
        found = {known[word] for word in _words(claims, self._settings.scope_claim) if word in known}
        for scope in reversed(Scope):
            if scope in found:
                return scope
        expected = ", ".join(known)
        detail = f"The token's claim {self._settings.scope_claim}: expected one of {expected}."
        raise forbidden(Scope.READ, detail)


def _is_name(subject: str) -> bool:
    return 0 < len(subject) <= _LONGEST_SUBJECT and subject.isprintable()


def _words(claims: dict[str, Any], name: str) -> Iterator[str]:
    """Return the words of a claim: of its whole name, or of a path of names with dots between them."""
    value: Any = claims.get(name)
    if value is None:
        value = claims
        for part in name.split("."):
            value = value.get(part) if isinstance(value, dict) else None
    if isinstance(value, str):
        yield from value.split()
    elif isinstance(value, list):
        yield from (word for word in value if isinstance(word, str))
