"""The API keys of a gateway; looking after them takes the scope `admin`."""

from collections.abc import Sequence
from urllib.parse import quote

from headroom.client.calls import Calls
from headroom_gateway.representations import CreatedKey, Key, KeyList, NewKey, Scope


class Keys:
    """The API keys of a gateway; every method may raise a `GatewayError`.

    Args:
        calls: how the gateway is asked.
    """

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def create(
        self, name: str, *, scope: Scope = Scope.RUN, expires_in_days: int | None = None
    ) -> CreatedKey:
        """Make a key, whose secret is told this once.

        Args:
            name: what it is for.
            scope: what it allows.
            expires_in_days: for how long; None for ever.
        """
        wanted = NewKey(name=name, scope=scope, expires_in_days=expires_in_days)
        answer = await self._calls.post("/keys", wanted.model_dump(mode="json"))
        return self._calls.read(CreatedKey, answer)

    async def list(self) -> Sequence[Key]:
        """Return all keys, newest first, without their secrets."""
        return self._calls.read(KeyList, await self._calls.get("/keys")).items

    async def revoke(self, key_id: str) -> None:
        """End a key for good."""
        await self._calls.delete(f"/keys/{quote(key_id, safe='')}")
