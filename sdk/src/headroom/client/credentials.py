"""The gateway that this user logged in to, in a file that nobody else can read."""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

from headroom.writing import write_atomically
from headroom_common.errors import PermanentError

_OWN_FILE, _OWN_FOLDER = 0o600, 0o700


class CredentialsError(PermanentError):
    """The stored login cannot be read."""


@dataclass(frozen=True, slots=True)
class Login:
    """A gateway that this user logged in to.

    Attributes:
        url: the gateway.
        key: the user's key; None for a gateway that asks for none. It is never shown.
        insecure: whether the key may be sent over plain HTTP.
    """

    url: str
    key: str | None = field(default=None, repr=False)
    insecure: bool = False


def credentials_file() -> Path:
    """Return where the login is kept."""
    settings = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return settings / "headroom" / "credentials.json"


def stored_login() -> Login | None:
    """Return the login that is kept, if there is one.

    Raises:
        CredentialsError: the file cannot be read, or holds something else.
    """
    path = credentials_file()
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return Login(str(found["url"]), found["key"], bool(found["insecure"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, LookupError, TypeError) as error:
        # What the file holds is a secret, so that nothing of it is shown.
        message = f"{path}: expected a stored login, found something else"
        raise CredentialsError(message, next_step="Log in again: headroom login URL") from error


def store(login: Login) -> Path:
    """Keep a login in the place of the one before, whole or not at all; return where.

    Raises:
        OSError: the file cannot be written.
    """
    path = credentials_file()
    path.parent.mkdir(parents=True, exist_ok=True, mode=_OWN_FOLDER)
    write_atomically(path, lambda file: _create(file, json.dumps(asdict(login)) + "\n"))
    return path


def forget() -> bool:
    """Remove the login; tell whether there was one."""
    path = credentials_file()
    there = path.exists()
    path.unlink(missing_ok=True)
    return there


def _create(path: Path, text: str) -> None:
    """Create the file as one that nobody else could read at any time."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWN_FILE)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
