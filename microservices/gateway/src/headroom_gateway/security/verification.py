"""Verifies credentials: API keys, the admin key, and tokens of an OIDC issuer."""

from collections import OrderedDict
from datetime import datetime, timedelta
from hashlib import sha256
from hmac import compare_digest
from http import HTTPStatus
from typing import Final

from headroom_common.errors import TransientError
from headroom_common.event_manager.clock import Clock
from headroom_common.logs import Log
from headroom_common.service.problems import ProblemError
from headroom_gateway.representations import Scope
from headroom_gateway.security.keys import PREFIX, ApiKey
from headroom_gateway.security.principals import Principal
from headroom_gateway.security.rates import Limit
from headroom_gateway.security.refusals import unauthenticated, unverifiable
from headroom_gateway.security.tokens import Tokens, Verified
from headroom_gateway.storage.keys import KeyRecord, Keys

ADMIN: Final = Principal("key:admin", Scope.ADMIN)
"""The holder of the admin key that the settings hold."""

MOST_REMEMBERED: Final = 10_000
"""Verified credentials that are remembered at most."""

_NOBODY: Final = KeyRecord(bytes(32), Scope.READ, None, None)
_WRONG_KEY: Final = "The API key: expected one that was made here and is not revoked."
_log = Log(__name__)


class Verifier:
    """Verifies credentials, and remembers for a moment which ones were valid, by their digests.

    Args:
        keys: the stored API keys.
        tokens: verifies tokens; None takes none.
        admin_key: a key that allows everything; None for none.
        failures: how many wrong credentials one address may show.
        recheck: seconds for which a valid credential is remembered.
        clock: time.
    """

    def __init__(
        self,
        keys: Keys,
        tokens: Tokens | None,
        *,
        admin_key: str | None,
        failures: Limit,
        recheck: float,
        clock: Clock,
    ) -> None:
        self._keys = keys
        self._tokens = tokens
        self._admin_digest = None if admin_key is None else _digest(admin_key)
        self._failures = failures
        self._recheck = timedelta(seconds=recheck)
        self._clock = clock
        self._known: OrderedDict[bytes, tuple[Principal, datetime]] = OrderedDict()

    async def verified(self, credential: str, address: str) -> Principal:
        """Return whose credential it is.

        Args:
            credential: an API key or a token.
            address: where it comes from.

        Raises:
            ProblemError: it is not valid, or that cannot be told now.
        """
        digest = _digest(credential)
        known = self._known.get(digest)
        if known is not None and self._clock.now() < known[1]:
            return known[0]
        standing = await self._failures.look(address)
        if standing is not None:
            standing.check()
        try:
            found = await self._found(credential, digest)
        except ProblemError as error:
            if error.status_code == HTTPStatus.UNAUTHORIZED:
                await self._failures.take(address)
            raise
        self._remember(digest, found)
        return found.principal

    def forget(self) -> None:
        """Verify every credential anew, for one was revoked."""
        self._known.clear()

    async def _found(self, credential: str, digest: bytes) -> Verified:
        if self._admin_digest is not None and compare_digest(digest, self._admin_digest):
            return Verified(ADMIN)
        if self._tokens is None or credential.startswith(PREFIX):
            return await self._holder(credential)
        return await self._tokens.verify(credential)

    async def _holder(self, credential: str) -> Verified:
        """Return the holder of an API key."""
        key = ApiKey.parse(credential)
        if key is None:
            raise unauthenticated(_WRONG_KEY)
        try:
            record = await self._keys.find(key.id)
        except TransientError as error:
            _log.warning("an API key cannot be looked up", reason=error.message)
            raise unverifiable() from None
        same = compare_digest(key.digest, (record or _NOBODY).digest)
        if record is None or not same:
            raise unauthenticated(_WRONG_KEY)
        now = self._clock.now()
        if record.expires_at is not None and record.expires_at <= now:
            expected = "The API key: expected one that has not expired"
            detail = f"{expected}, found one that ended at {record.expires_at:%Y-%m-%dT%H:%M:%SZ}."
            raise unauthenticated(detail)
        await self._note_use(key.id, record, now)
        return Verified(Principal(f"key:{key.id}", record.scope), record.expires_at)

    async def _note_use(self, identity: str, record: KeyRecord, now: datetime) -> None:
        hour = now.replace(minute=0, second=0, microsecond=0)
        if record.last_used_at is not None and record.last_used_at >= hour:
            return
        try:
            await self._keys.note_use(identity, hour)
        except TransientError as error:
            _log.warning("the use of an API key is not noted", key=identity, reason=error.message)

    def _remember(self, digest: bytes, found: Verified) -> None:
        until = self._clock.now() + self._recheck
        if found.until is not None:
            until = min(until, found.until)
        self._known[digest] = found.principal, until
        self._known.move_to_end(digest)
        if len(self._known) > MOST_REMEMBERED:
            self._known.popitem(last=False)


def _digest(credential: str) -> bytes:
    return sha256(credential.encode()).digest()
