"""API keys: made, listed, revoked."""

from datetime import timedelta
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Path, Response

from headroom_common.event_manager.clock import Clock
from headroom_gateway.representations import CreatedKey, Key, KeyList, NewKey
from headroom_gateway.security.dependencies import Admin
from headroom_gateway.security.keys import ApiKey
from headroom_gateway.security.verification import Verifier
from headroom_gateway.storage.keys import Keys

_Id = Annotated[str, Path(pattern="^[0-9a-f]{16}$", examples=["0123456789abcdef"])]

_NEVER_KEPT: Final = "no-store"


def keys_router(keys: Keys, verifier: Verifier, clock: Clock) -> APIRouter:
    """Return the routes of API keys.

    Args:
        keys: the stored ones.
        verifier: learns of revoked ones.
        clock: time.
    """
    router = APIRouter(prefix="/keys", tags=["keys"])

    @router.post("", status_code=HTTPStatus.CREATED)
    async def create(new: NewKey, admin: Admin, response: Response) -> CreatedKey:
        """Make an API key. Its secret is in this answer and nowhere else."""
        made = ApiKey.create()
        now = clock.now()
        days = new.expires_in_days
        key = Key(
            id=made.id,
            name=new.name,
            scope=new.scope,
            created_at=now,
            created_by=admin.name,
            expires_at=None if days is None else now + timedelta(days=days),
        )
        await keys.add(key, made.digest)
        response.headers["Cache-Control"] = _NEVER_KEPT
        return CreatedKey(**key.model_dump(), secret=made.text)

    @router.get("")
    async def show(_: Admin) -> KeyList:
        """List all API keys, without their secrets, newest first."""
        return KeyList(items=await keys.list())

    @router.delete("/{key_id}", status_code=HTTPStatus.NO_CONTENT)
    async def revoke(key_id: _Id, _: Admin) -> None:
        """Revoke an API key: at once here, within seconds on other instances."""
        await keys.delete(key_id)
        verifier.forget()

    return router
