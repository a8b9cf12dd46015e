"""The specification of draws once more, in Python integers that never overflow."""

from __future__ import annotations

MASK = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15
SITE_STEP = 0xD1342543DE82EF95


def mixed(value: int) -> int:
    """Stafford's variant 13 of the 64-bit finaliser."""
    value &= MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & MASK
    return value ^ (value >> 31)


def signed(bits: int) -> int:
    return bits - (1 << 64) if bits >= 1 << 63 else bits


def stream_key(seed: int, trial: int) -> int:
    return signed(mixed(mixed(seed + GOLDEN) + trial * SITE_STEP))


def draw_bits(stream: int, identity: int, site: int) -> int:
    request = mixed((stream & MASK) ^ (identity * GOLDEN & MASK))
    return mixed(request + site * SITE_STEP)


def uniform(stream: int, identity: int, site: int) -> float:
    return ((draw_bits(stream, identity, site) >> 12) + 0.5) / 2**52


def index(u: float, total: int) -> int:
    return min(int(u * total), total - 1)


def ring_point(base: int, number: int) -> int:
    return mixed(base + number * GOLDEN) >> 1
