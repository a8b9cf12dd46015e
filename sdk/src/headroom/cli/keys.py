"""`headroom keys`: who may use a gateway."""

import asyncio
import sys
from collections.abc import Sequence
from datetime import datetime

from rich.text import Text

from headroom.cli.consoles import consoles, print_json
from headroom.cli.gateways import visiting
from headroom.cli.guard import PASS
from headroom.cli.looks import section
from headroom_gateway.representations import CreatedKey, Key, Scope


def create(
    *,
    gateway: str | None,
    insecure: bool,
    name: str,
    scope: str,
    expires_in_days: int | None,
    as_json: bool,
) -> int:
    """Make a key and print its secret on stdout.

    Raises:
        BadInputError: the URL or the user's own key cannot be used.
        GatewayError: the gateway refuses, or cannot be reached.
    """

    async def ask() -> CreatedKey:
        async with visiting(gateway, insecure=insecure) as client:
            return await client.keys.create(name, scope=Scope(scope), expires_in_days=expires_in_days)

    key = asyncio.run(ask())
    if as_json:
        print_json(key.model_dump(mode="json"))
        return PASS
    sys.stdout.write(key.secret + "\n")
    _, remarks = consoles()
    remarks.print(Text(f"key {key.id} ({key.scope.value}); it is shown this once", "dim"), soft_wrap=True)
    return PASS


def list_(*, gateway: str | None, insecure: bool, as_json: bool) -> int:
    """Print the keys, newest first.

    Raises:
        BadInputError: the URL or the user's own key cannot be used.
        GatewayError: the gateway refuses, or cannot be reached.
    """

    async def ask() -> Sequence[Key]:
        async with visiting(gateway, insecure=insecure) as client:
            return await client.keys.list()

    found = asyncio.run(ask())
    if as_json:
        document = [key.model_dump(mode="json") for key in found]
        print_json(document)
        return PASS
    page, _ = consoles()
    table = section("Key")
    table.add_column("id", no_wrap=True, overflow="ignore")
    for column in ("scope", "made", "by", "ends", "last used"):
        table.add_column(column, overflow="fold")
    for key in found:
        times = _day(key.created_at), key.created_by, _day(key.expires_at), _day(key.last_used_at)
        table.add_row(key.name, key.id, key.scope.value, *times)
    page.print(table if found else Text("No keys."))
    return PASS


def revoke(*, gateway: str | None, insecure: bool, key_id: str) -> int:
    """End a key for good.

    Raises:
        BadInputError: the URL or the user's own key cannot be used.
        GatewayError: the gateway refuses, or cannot be reached.
    """

    async def ask() -> None:
        async with visiting(gateway, insecure=insecure) as client:
            await client.keys.revoke(key_id)

    asyncio.run(ask())
    _, remarks = consoles()
    remarks.print(Text(f"key {key_id} is revoked"), soft_wrap=True)
    return PASS


def _day(moment: datetime | None) -> str:
    return "never" if moment is None else moment.astimezone().strftime("%Y-%m-%d")
