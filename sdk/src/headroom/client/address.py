"""Where a gateway is, and the key that it gets: as given, from the environment, or from `headroom login`."""

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Self
from urllib.parse import urlsplit, urlunsplit

from headroom.client.credentials import Login, stored_login
from headroom_common.errors import PermanentError

GATEWAY: Final = "HEADROOM_GATEWAY"
"""The environment variable that names the gateway."""

KEY: Final = "HEADROOM_KEY"
"""The environment variable that holds the key."""

_KEY: Final = re.compile(r"[\x21-\x7e]{1,8192}")
_EXPECTED: Final = "expected http:// or https:// with a host, and no user or query, found another URL"


class AddressError(PermanentError):
    """A gateway's URL or a key that cannot be used."""


@dataclass(frozen=True, slots=True)
class Address:
    """A gateway and what it is told about who asks.

    Attributes:
        url: the gateway, without a slash at its end.
        key: API key or OIDC token; None for a gateway that asks for none. It is never shown.
    """

    url: str
    key: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, url: str | None = None, key: str | None = None, *, insecure: bool = False) -> Self:
        """Return the gateway to call.

        The URL is the one given, or that of HEADROOM_GATEWAY, or the one that `headroom login` stored. The
        key is the one given, or that of HEADROOM_KEY, or the stored one, which goes to no other gateway than
        the one that it was stored for.

        Args:
            url: the gateway.
            key: API key or OIDC token; empty for a gateway that asks for none.
            insecure: send a key over plain HTTP to another machine, where everybody on the way can read it.

        Raises:
            AddressError: there is no URL, or what there is cannot be used.
        """
        login = stored_login()
        found = url or os.environ.get(GATEWAY) or (login.url if login is not None else "")
        if not found:
            message = "gateway: expected its URL, found none"
            next_step = f"Give --gateway URL, or set {GATEWAY}, or log in: headroom login URL"
            raise AddressError(message, next_step=next_step)
        place = checked_url(found)
        own = login if login is not None and login.url == place else None
        stored = None if own is None else own.key
        secret = (os.environ.get(KEY) or stored if key is None else key) or None
        if secret is not None:
            check_key(secret)
            _check_secrecy(place, insecure=insecure or (own is not None and own.insecure))
        return cls(place, secret)

    @property
    def headers(self) -> Mapping[str, str]:
        """How a request says who asks."""
        return {} if self.key is None else {"Authorization": f"Bearer {self.key}"}


def checked_url(url: str) -> str:
    """Return a gateway's URL in the one form that it is compared and stored in.

    Raises:
        AddressError: it is none, or holds a user or password, which belong elsewhere. It is not shown.
    """
    try:
        parts = urlsplit(url.strip())
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable or "@" in parts.netloc or parts.query or parts.fragment:
        message = f"gateway: {_EXPECTED}"
        raise AddressError(message, next_step="Write for example https://headroom.example.org.")
    return urlunsplit((parts.scheme, parts.netloc.lower(), parts.path.rstrip("/"), "", ""))


def check_key(key: str) -> None:
    """Refuse what cannot be a key; it is not shown.

    Raises:
        AddressError: it holds blanks, line ends or letters that no header takes.
    """
    if not _KEY.fullmatch(key):
        message = "key: expected printable ASCII without blanks, found something else"
        raise AddressError(message, next_step="Copy the key again, whole and alone.")


def is_on_this_machine(url: str) -> bool:
    """Tell whether a URL leads to this machine itself."""
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _check_secrecy(url: str, *, insecure: bool) -> None:
    if url.startswith("https://") or insecure or is_on_this_machine(url):
        return
    message = f"gateway: expected https:// where a key is sent to another machine, found {url}"
    next_step = "Use https://, or --insecure (in Python: insecure=True) where nobody else can read along."
    raise AddressError(message, next_step=next_step)


def login_at(url: str, key: str | None, *, insecure: bool) -> Login:
    """Return what `headroom login` stores.

    Raises:
        AddressError: URL or key cannot be used.
    """
    place = checked_url(url)
    if key is not None:
        check_key(key)
        _check_secrecy(place, insecure=insecure)
    return Login(place, key, insecure)
