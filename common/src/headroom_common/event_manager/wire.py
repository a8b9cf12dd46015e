"""Events into their wire form and back, for transports that have a wire.

The codec is imported with the first of them, and pyarrow with it: within one process events go by reference,
and no run should wait for a library that it does not use.
"""

from headroom_common.contracts.envelope import Envelope
from headroom_common.contracts.event import Event
from headroom_common.contracts.events import Body
from headroom_common.contracts.wire import Compression, Encoded


def encode(event: Event[Body], *, compression: Compression | None, max_bytes: int) -> Encoded:
    """Return the wire form of an event; see ``codec.encode``."""
    from headroom_common.contracts import codec  # noqa: PLC0415 - see the module's docstring

    return codec.encode(event, compression=compression, max_bytes=max_bytes)


def decode(encoded: Encoded, envelope: Envelope | None, *, max_bytes: int) -> Event[Body]:
    """Return the event of a wire form; see ``codec.decode``."""
    from headroom_common.contracts import codec  # noqa: PLC0415 - see the module's docstring

    return codec.decode(encoded, envelope, max_bytes=max_bytes)
