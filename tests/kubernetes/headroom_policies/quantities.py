"""Amounts of memory as Kubernetes and RabbitMQ write them."""

from __future__ import annotations

import re
from typing import Final

_UNITS: Final = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
_AMOUNT: Final = re.compile(r"(\d+)\s*([kMG]?i?)B?")


def memory(amount: str | int) -> int:
    """Return an amount of memory in bytes.

    Raises:
        ValueError: it is no number with a unit up to Gi.
    """
    found = _AMOUNT.fullmatch(str(amount))
    if found is None or found[2] not in _UNITS:
        msg = f"expected an amount of memory such as 512Mi, found {amount}"
        raise ValueError(msg)
    return int(found[1]) * _UNITS[found[2]]
