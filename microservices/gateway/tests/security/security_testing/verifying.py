"""Verifies tokens of the tests' issuer, on time that a test moves."""

import httpx
import pytest

from headroom_common.service.problems import ProblemError
from headroom_gateway.security.issuer import IssuerKeys
from headroom_gateway.security.settings import OidcSettings
from headroom_gateway.security.tokens import OidcTokens
from security_testing.clocks import HandClock
from security_testing.issuers import AUDIENCE, Issuer


class Verifying:
    """Verifies tokens as some settings say, on time that the test moves."""

    def __init__(self, issuer: Issuer, clock: HandClock) -> None:
        self._issuer = issuer
        self._clock = clock
        self.opened: list[OidcTokens] = []

    def by(self, **changes: object) -> OidcTokens:
        """Return what verifies by some settings."""
        given: dict[str, object] = {"issuer": self._issuer.url, "audience": AUDIENCE, **changes}
        settings = OidcSettings.model_validate(given)
        client = httpx.AsyncClient(timeout=settings.timeout)
        keys = IssuerKeys(settings, client, now=self._clock.seconds)
        self.opened.append(OidcTokens(settings, keys, self._clock))
        return self.opened[-1]


async def refused(tokens: OidcTokens, token: str) -> ProblemError:
    """Return the refusal of a token, which repeats none of it."""
    with pytest.raises(ProblemError) as caught:
        await tokens.verify(token)
    for part in token.split("."):
        assert len(part) < 8 or part not in caught.value.detail
    return caught.value
