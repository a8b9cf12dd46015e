"""`headroom login` and `headroom logout`: which gateway, and which key."""

import asyncio
import getpass
import sys

from rich.text import Text

from headroom.cli.consoles import consoles
from headroom.cli.gateways import visiting
from headroom.cli.guard import PASS, BadInputError
from headroom.client.address import AddressError, login_at
from headroom.client.credentials import Login, forget, store

_FROM_STDIN = "-"
_PROMPT = "API key (empty for a gateway that asks for none): "


def login(*, url: str, key: str | None, insecure: bool) -> int:
    """Check a key at its gateway, and keep both.

    Raises:
        BadInputError: the URL or the key cannot be used.
        GatewayError: the gateway refuses the key, or cannot be reached.
        OSError: they cannot be kept.
    """
    if key not in (None, _FROM_STDIN):
        message = "key: expected - and the key on stdin, found something else"
        raise BadInputError(message, next_step="Leave --key out, and it is asked for.")
    try:
        found = login_at(url, _read(key) or None, insecure=insecure)
    except AddressError as error:
        raise BadInputError(error.message, next_step=error.next_step) from error
    asyncio.run(_check(found))
    _, remarks = consoles()
    remarks.print(Text(f"logged in at {found.url}; kept in {store(found)}"), soft_wrap=True)
    return PASS


def logout() -> int:
    """Forget gateway and key."""
    _, remarks = consoles()
    remarks.print(Text("logged out" if forget() else "There was no login."))
    return PASS


def _read(key: str | None) -> str:
    if key == _FROM_STDIN:
        return sys.stdin.readline().strip()
    if not sys.stdin.isatty():
        message = "key: expected a terminal to ask at, found none"
        raise BadInputError(message, next_step="Give the key on stdin: headroom login URL --key -")
    return getpass.getpass(_PROMPT).strip()


async def _check(found: Login) -> None:
    async with visiting(found.url, insecure=found.insecure, key=found.key or "") as client:
        async for _ in client.runs.list(limit=1):
            pass
