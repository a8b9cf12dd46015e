"""Ways in which a message becomes unreadable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from headroom_common.contracts.wire import Encoded

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def _truncated(encoded: Encoded) -> Encoded:
    return Encoded(encoded.headers, encoded.body[: len(encoded.body) // 2])


def _empty(encoded: Encoded) -> Encoded:
    return Encoded(encoded.headers, b"")


def _noise(encoded: Encoded) -> Encoded:
    return Encoded(encoded.headers, bytes(255 - byte for byte in encoded.body))


def _another_type(encoded: Encoded) -> Encoded:
    return Encoded({**encoded.headers, "ce-type": "headroom.run.requested.v99"}, encoded.body)


def _another_content_type(encoded: Encoded) -> Encoded:
    return Encoded({**encoded.headers, "ce-datacontenttype": "text/html"}, encoded.body)


def _no_envelope(encoded: Encoded) -> Encoded:
    kept = {"ce-id", "ce-correlationid"}
    return Encoded({name: value for name, value in encoded.headers.items() if name in kept}, encoded.body)


DAMAGES: Final[Mapping[str, Callable[[Encoded], Encoded]]] = {
    "truncated": _truncated,
    "empty": _empty,
    "noise": _noise,
    "another type": _another_type,
    "another content type": _another_content_type,
    "no envelope": _no_envelope,
}
"""By name: makes the unreadable copy."""
