"""Counter-based randomness: a draw is a hash of (seed, trial, request, site), never the next of a stream.

The hash applies the 64-bit finaliser "variant 13" of Stafford, the output function of SplitMix64
(Steele, Lea and
Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014), twice: once to the request's
identity under the trial's key, once to the site of the draw.
"""

from __future__ import annotations

from headroom_common.simcore.jit import bits_float, inlined, signed, u64, wrap_add, wrap_multiply

_GOLDEN = 0x9E3779B97F4A7C15
_SITE_STEP = 0xD1342543DE82EF95
_MIX_1 = 0xBF58476D1CE4E5B9
_MIX_2 = 0x94D049BB133111EB
_UNIT = 1.0 / (1 << 52)
_MASK = (1 << 64) - 1

WHOLE = float(1 << 52)
"""From here to twice as much, floats are whole numbers."""
WHOLE_BITS = (1023 + 52) << 52
"""The bits of `WHOLE`."""


@inlined
def mix64(value: int) -> int:
    """Scramble 64 bits: a bijection in which each input bit flips each output bit half of the time."""
    bits = u64(value)
    bits = wrap_multiply(bits ^ (bits >> u64(30)), u64(_MIX_1))
    bits = wrap_multiply(bits ^ (bits >> u64(27)), u64(_MIX_2))
    return bits ^ (bits >> u64(31))


@inlined
def stream_key(seed: int, trial: int) -> int:
    """Return the key of a trial's draws, a signed 64-bit integer."""
    return signed(
        mix64(wrap_add(mix64(wrap_add(u64(seed), u64(_GOLDEN))), wrap_multiply(u64(trial), u64(_SITE_STEP))))
    )


def trial_stream(seed: int, trial: int) -> int:
    """Return the key of a trial's draws for a seed in [0, 2^64), which kernels could not take as it is."""
    return int(stream_key(seed - (1 << 64) if seed >> 63 else seed, trial))


def later_trials(seed: int, first: int) -> int:
    """Return the seed whose trials 0, 1, … meet the random numbers of this seed's trials first, first + 1, ….

    A trial's key is ``mix64(mix64(seed + g) + trial * s)``: moving the inner sum by ``first * s`` and undoing
    the bijection `mix64` gives the other seed. So a run can be continued by a run of its own.

    Args:
        seed: in [0, 2^64).
        first: how many trials are skipped.
    """
    inner = _mixed((seed + _GOLDEN) & _MASK) + first * _SITE_STEP
    return (_unmixed(inner & _MASK) - _GOLDEN) & _MASK


def _mixed(bits: int) -> int:
    """Do what `mix64` does, in Python's integers."""
    bits = ((bits ^ (bits >> 30)) * _MIX_1) & _MASK
    bits = ((bits ^ (bits >> 27)) * _MIX_2) & _MASK
    return bits ^ (bits >> 31)


def _unmixed(bits: int) -> int:
    """Undo `_mixed`: x ^ x >> k is undone by shifting until nothing is left, a product by the inverse."""
    bits = ((bits ^ (bits >> 31) ^ (bits >> 62)) * pow(_MIX_2, -1, 1 << 64)) & _MASK
    bits = ((bits ^ (bits >> 27) ^ (bits >> 54)) * pow(_MIX_1, -1, 1 << 64)) & _MASK
    return bits ^ (bits >> 30) ^ (bits >> 60)


@inlined
def request_hash(stream: int, identity: int) -> int:
    """Return the first half of a draw, which all draws of one request share: a signed 64-bit integer."""
    return signed(mix64(u64(stream) ^ wrap_multiply(u64(identity), u64(_GOLDEN))))


@inlined
def site_key(site: int) -> int:
    """Return what the second half of a draw adds to the request's hash: a signed 64-bit integer."""
    return signed(wrap_multiply(u64(site), u64(_SITE_STEP)))


@inlined
def unit(request: int, key: int) -> float:
    """Draw what `uniform` draws, for a `request_hash` and a `site_key`.

    2^52 plus a 52-bit integer has that integer for its mantissa: a conversion that compilers vectorise.
    """
    bits = signed(mix64(wrap_add(u64(request), u64(key))) >> u64(12))
    return (bits_float(bits | WHOLE_BITS) - WHOLE + 0.5) * _UNIT


@inlined
def uniform(stream: int, identity: int, site: int) -> float:
    """Draw from the open interval (0, 1) with 52 bits of resolution.

    Args:
        stream: the trial's key, from `stream_key`.
        identity: who draws: a request's id.
        site: what for, one of `headroom_common.simcore.sites`.
    """
    return unit(request_hash(stream, identity), site_key(site))


@inlined
def draw_index(u: float, total: int) -> int:
    """Map a uniform to an integer in [0, total)."""
    index = int(u * float(total))
    return index if index < total else total - 1


@inlined
def ring_point(base: int, index: int) -> int:
    """Return a position in [0, 2^63) on a consistent-hash ring for the `index`-th point of `base`."""
    return signed(mix64(wrap_add(u64(base), wrap_multiply(u64(index), u64(_GOLDEN)))) >> u64(1))
