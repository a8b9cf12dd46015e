"""Exponential backoff with full jitter, drawn from a counter and not from a stream.

Full jitter (uniform between zero and the exponential bound) spreads those who failed together best; see
M. Brooker, "Exponential Backoff and Jitter", 2015. The draw is a hash of who waits and which try it is, so
equal histories wait equally long.
"""

import hashlib

_LARGEST_DOUBLING = 60


def jitter(identity: str, number: int) -> float:
    """Return a number in [0, 1) that depends on ``identity`` and ``number`` alone."""
    digest = hashlib.blake2b(f"{identity}/{number}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest) >> 11) * 2.0**-53


def backoff(identity: str, number: int, *, base: float, cap: float) -> float:
    """Return the seconds to wait after the failed try ``number`` (from 1) of ``identity``.

    Uniform in [0, min(cap, base · 2^(number - 1))).
    """
    bound = min(cap, base * 2.0 ** min(number - 1, _LARGEST_DOUBLING))
    return jitter(identity, number) * bound
