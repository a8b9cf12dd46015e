"""Durations and link crossings of a block of requests at once, in loops that compilers vectorise.

They are bit for bit what `sample_ns` and `crossing_ns` give request by request. Constant and exponential
laws, the most used by far, are drawn side by side; other laws, and links with faults, one by one.

A block is a matrix with a column per request, and named rows for what is known of them.
"""

from __future__ import annotations

from typing import Any, Final

from headroom_common.simcore.distributions import CONSTANT, EXPONENTIAL, sample_ns
from headroom_common.simcore.elementary import log
from headroom_common.simcore.jit import bits_float, called, float_bits, inlined
from headroom_common.simcore.links import crossing_ns
from headroom_common.simcore.random import WHOLE, WHOLE_BITS, request_hash, site_key, unit
from headroom_common.simcore.sites import LINK_DELAY, LINK_LOSS
from headroom_common.simcore.tables import (
    D_CONSTANT,
    D_FIRST,
    D_KIND,
    L_DELAY,
    L_LOSS,
    L_START,
    L_STOP,
    LAWS,
    LINKS,
    PARTS_PER_BILLION,
    S_STREAM,
    SCALARS,
    Ints,
)
from headroom_common.simcore.world import row_of, table

_World = Any

BLOCK: Final = 512
"""So many requests at once: few enough for the first-level cache."""

WIDTH: Final = BLOCK + 8
"""Columns of a block's matrix. With 512, rows, 4096 bytes apart, would evict each other from the cache."""

# Rows of a block's matrix, which has `WIDTH` columns. Kernels have rows of their own from `OWN_ROWS` on.
IDS: Final = 0  # ids of the requests
HASHES: Final = 1  # their hashes, from `hash_block`
LAW: Final = 2  # rows of LAWS, -1 for none
SITE: Final = 3  # what each draw is for
LINK: Final = 4  # rows of LINKS, -1 for none
HOP: Final = 5  # the number of each hop, as in docs/semantics.md
DEPARTURE: Final = 6  # when each request departs
DURATION: Final = 7  # the outcome
_LOSS: Final = 8
_KEY: Final = 9
_MEAN: Final = 10
OWN_ROWS: Final = 11

_MANTISSA: Final = (1 << 52) - 1


@called
def hash_block(world: _World, block: Ints, count: int) -> None:
    """Write the `request_hash` of each request to `HASHES`."""
    stream = row_of(world, SCALARS, 0)[S_STREAM]
    ids, hashes = block[IDS], block[HASHES]
    for i in range(count):
        hashes[i] = request_hash(stream, ids[i])


@inlined
def _all_same(column: Ints, count: int) -> bool:
    differing = 0
    first = column[0]
    for i in range(count):
        differing |= column[i] ^ first
    return differing == 0


@inlined
def _fill(column: Ints, value: int, count: int) -> None:
    for i in range(count):
        column[i] = value


@called
def _add_exponentials(hashes: Ints, keys: Ints, means: Ints, durations: Ints, count: int) -> bool:
    """Add an exponential sample to each duration; False when one is too long for this way to round.

    x + 2^52 rounds x to a whole number, which is then the mantissa; one less when that was upwards.
    """
    longest = 0
    for i in range(count):
        seconds = -log(unit(hashes[i], keys[i])) * bits_float(means[i])
        scaled = seconds * 1e9 + 0.5
        longest = max(longest, float_bits(scaled))
        whole = scaled + WHOLE
        whole = whole - 1.0 if whole - WHOLE > scaled else whole
        durations[i] += float_bits(whole) & _MANTISSA
    return longest < WHOLE_BITS


@inlined
def _read_laws(world: _World, block: Ints, count: int) -> int:
    """Look up the first `count` laws: constants, means and keys.

    Returns:
        `CONSTANT` when no sample is needed, `EXPONENTIAL`, or a greater number when there are other laws.
    """
    rows = table(world, LAWS)
    kinds = CONSTANT
    for i in range(count):
        law = block[LAW, i]
        block[DURATION, i] = 0
        block[_MEAN, i] = 0
        block[_KEY, i] = 0
        if law >= 0:
            kinds |= rows[law, D_KIND]
            block[DURATION, i] = rows[law, D_CONSTANT]
            block[_MEAN, i] = rows[law, D_FIRST]
            block[_KEY, i] = site_key(block[SITE, i])
    return kinds


@called
def draw_block(world: _World, block: Ints, count: int) -> None:
    """Draw a duration in nanoseconds for each request, 0 where its law is -1.

    Reads `IDS`, `HASHES`, `LAW` and `SITE`, writes `DURATION`.
    """
    if count == 0:
        return
    if _all_same(block[LAW], count) and _all_same(block[SITE], count):
        kinds = _read_laws(world, block, 1)
        for row in (DURATION, _MEAN, _KEY):
            _fill(block[row], block[row, 0], count)
    else:
        kinds = _read_laws(world, block, count)
    if kinds == CONSTANT:
        return
    if kinds == EXPONENTIAL and _add_exponentials(
        block[HASHES], block[_KEY], block[_MEAN], block[DURATION], count
    ):
        return
    for i in range(count):
        law = block[LAW, i]
        block[DURATION, i] = 0 if law < 0 else sample_ns(world, law, block[IDS, i], block[SITE, i])


@inlined
def _read_links(world: _World, block: Ints, count: int) -> tuple[bool, bool]:
    """Look up the first `count` links; tells whether one may lose requests, and whether one has faults."""
    rows = table(world, LINKS)
    lossy = 0
    faulty = 0
    for i in range(count):
        link = block[LINK, i]
        block[LAW, i] = -1
        block[_LOSS, i] = 0
        block[SITE, i] = 0
        if link >= 0:
            block[LAW, i] = rows[link, L_DELAY]
            block[_LOSS, i] = rows[link, L_LOSS]
            block[SITE, i] = LINK_DELAY + 2 * block[HOP, i]
            lossy |= rows[link, L_LOSS]
            faulty |= rows[link, L_STOP] - rows[link, L_START]
    return lossy != 0, faulty != 0


@called
def _lose(hashes: Ints, hops: Ints, losses: Ints, crossings: Ints, count: int) -> None:
    """Set the crossings of lost requests to -1."""
    for i in range(count):
        loss = bits_float(losses[i] | WHOLE_BITS) - WHOLE  # float(losses[i]), but vectorised
        draw = unit(hashes[i], site_key(LINK_LOSS + 2 * hops[i])) * float(PARTS_PER_BILLION)
        crossings[i] = -1 if draw < loss else crossings[i]


@called
def cross_block(world: _World, block: Ints, count: int) -> None:
    """Say how long each request takes to cross its link: -1 when it is lost, 0 where its link is -1.

    Reads `IDS`, `HASHES`, `LINK`, `HOP` and `DEPARTURE`, writes `DURATION`, and uses `LAW` and `SITE`.
    """
    if count == 0:
        return
    if _all_same(block[LINK], count) and _all_same(block[HOP], count):
        lossy, faulty = _read_links(world, block, 1)
        for row in (LAW, _LOSS, SITE):
            _fill(block[row], block[row, 0], count)
    else:
        lossy, faulty = _read_links(world, block, count)
    if faulty:
        for i in range(count):
            link, hop, departure = block[LINK, i], block[HOP, i], block[DEPARTURE, i]
            crossing = 0 if link < 0 else crossing_ns(world, link, hop, departure, block[IDS, i])
            block[DURATION, i] = crossing
        return
    draw_block(world, block, count)
    if lossy:
        _lose(block[HASHES], block[HOP], block[_LOSS], block[DURATION], count)
