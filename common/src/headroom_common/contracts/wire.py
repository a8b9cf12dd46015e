"""What the wire form of an event is, for those who pass it along without looking inside."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

MAX_BODY_BYTES: Final = 16 * 2**20
"""The largest body that is encoded or decoded, in bytes: what RabbitMQ 4 takes at most."""

Compression = Literal["lz4"]
"""How the buffers of a data body may be compressed."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """An event in its wire form.

    Attributes:
        headers: the envelope, one header per attribute.
        body: the encoded body.
    """

    headers: Mapping[str, str]
    body: bytes
