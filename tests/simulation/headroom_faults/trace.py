"""What happened, step by step; equal seeds give equal traces."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Trace:
    """A hash over every step with its virtual time.

    Args:
        tell: is given every line; None keeps nothing but the hash.

    Attributes:
        steps: how many there were.
    """

    def __init__(self, tell: Callable[[str], None] | None = None) -> None:
        self.steps = 0
        self._tell = tell
        self._hash = hashlib.blake2b(digest_size=16)

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()

    def note(self, who: str, step: str, what: str = "") -> None:
        self.steps += 1
        line = f"{asyncio.get_running_loop().time():12.6f}  {who:16} {step:12} {what}"
        self._hash.update(line.encode())
        if self._tell is not None:
            self._tell(line)
