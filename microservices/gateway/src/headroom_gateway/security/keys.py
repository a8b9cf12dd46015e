"""API keys as text: ``hr_<id>_<secret>``.

The id is no secret: it names the key in lists, logs and the database. The secret is 256 random bits, of which
only the SHA-256 digest is kept. A slow hash would protect secrets that can be guessed; these cannot.
"""

import re
import secrets
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, Self

PREFIX: Final = "hr_"
"""What every API key starts with, so that scanners of source code find lost ones."""

_ID_BYTES: Final = 8
_SECRET_BYTES: Final = 32
_FORM: Final = re.compile(r"hr_([0-9a-f]{16})_([A-Za-z0-9_-]{43})")


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key in full.

    Attributes:
        id: which key.
        secret: what its holder alone knows.
    """

    id: str
    secret: str = field(repr=False)

    @classmethod
    def create(cls) -> Self:
        """Return a new key."""
        return cls(secrets.token_hex(_ID_BYTES), secrets.token_urlsafe(_SECRET_BYTES))

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Return the key that a text is; None when it is none."""
        found = _FORM.fullmatch(text)
        return None if found is None else cls(found[1], found[2])

    @property
    def text(self) -> str:
        """What a client sends."""
        return f"{PREFIX}{self.id}_{self.secret}"

    @property
    def digest(self) -> bytes:
        """What is kept of the secret."""
        return sha256(self.secret.encode()).digest()
