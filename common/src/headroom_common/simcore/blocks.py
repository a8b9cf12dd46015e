"""Durations and link crossings of a block of requests at once, in loops that compilers vectorise.

They are bit for bit what `sample_ns` and `crossing_ns` give request by request. Constant and exponential
laws, the most used by far, are drawn side by side; other laws, and links with faults, one by one.

Columns are contiguous arrays of int64 with room for at least `count` entries; floats are kept as their bits.
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
    Ints,
)
from headroom_common.simcore.world import row_of, table

_World = Any

BLOCK: Final = 512
"""So many requests at once: few enough for the first-level cache."""

SCRATCH_ROWS: Final = 5
"""Kernels that work in blocks have a scratch matrix of this many rows and `BLOCK` columns."""
_LAWS: Final = 0
_SITES: Final = 1
_LOSSES: Final = 2
_KEYS: Final = 3
_MEANS: Final = 4

_MANTISSA: Final = (1 << 52) - 1


@called
def hash_block(stream: int, ids: Ints, hashes: Ints, count: int) -> None:
    """Write the `request_hash` of each request."""
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
def _read_laws(world: _World, laws: Ints, sites: Ints, scratch: Ints, durations: Ints, count: int) -> int:
    """Look up the first `count` laws: constants to `durations`, means and keys to `scratch`.

    Returns:
        `CONSTANT` when no sample is needed, `EXPONENTIAL`, or a greater number when there are other laws.
    """
    rows = table(world, LAWS)
    kinds = CONSTANT
    for i in range(count):
        law = laws[i]
        durations[i] = 0
        scratch[_MEANS, i] = 0
        scratch[_KEYS, i] = 0
        if law >= 0:
            kinds |= rows[law, D_KIND]
            durations[i] = rows[law, D_CONSTANT]
            scratch[_MEANS, i] = rows[law, D_FIRST]
            scratch[_KEYS, i] = site_key(sites[i])
    return kinds


@called
def draw_block(
    world: _World,
    ids: Ints,
    hashes: Ints,
    laws: Ints,
    sites: Ints,
    scratch: Ints,
    durations: Ints,
    count: int,
) -> None:
    """Draw a duration in nanoseconds for each request, 0 where its law is -1.

    Args:
        world: the world.
        ids: of the requests.
        hashes: their hashes, from `hash_block`.
        laws: rows of `LAWS`.
        sites: what each draw is for.
        scratch: for the function's own use.
        durations: receives the durations.
        count: number of requests.
    """
    if count == 0:
        return
    if _all_same(laws, count) and _all_same(sites, count):
        kinds = _read_laws(world, laws, sites, scratch, durations, 1)
        _fill(durations, durations[0], count)
        _fill(scratch[_MEANS], scratch[_MEANS, 0], count)
        _fill(scratch[_KEYS], scratch[_KEYS, 0], count)
    else:
        kinds = _read_laws(world, laws, sites, scratch, durations, count)
    if kinds == CONSTANT:
        return
    if kinds == EXPONENTIAL and _add_exponentials(
        hashes, scratch[_KEYS], scratch[_MEANS], durations, count
    ):
        return
    for i in range(count):
        durations[i] = 0 if laws[i] < 0 else sample_ns(world, laws[i], ids[i], sites[i])


@inlined
def _read_links(world: _World, links: Ints, hops: Ints, scratch: Ints, count: int) -> tuple[bool, bool]:
    """Look up the first `count` links; tells whether one may lose requests, and whether one has faults."""
    rows = table(world, LINKS)
    lossy = 0
    faulty = 0
    for i in range(count):
        link = links[i]
        scratch[_LAWS, i] = -1
        scratch[_LOSSES, i] = 0
        scratch[_SITES, i] = 0
        if link >= 0:
            scratch[_LAWS, i] = rows[link, L_DELAY]
            scratch[_LOSSES, i] = rows[link, L_LOSS]
            scratch[_SITES, i] = LINK_DELAY + 2 * hops[i]
            lossy |= rows[link, L_LOSS]
            faulty |= rows[link, L_STOP] - rows[link, L_START]
    return lossy != 0, faulty != 0


@inlined
def _lose(hashes: Ints, hops: Ints, scratch: Ints, crossings: Ints, count: int) -> None:
    """Set the crossings of lost requests to -1."""
    losses = scratch[_LOSSES]
    for i in range(count):
        loss = bits_float(losses[i] | WHOLE_BITS) - WHOLE  # float(losses[i]), but vectorised
        draw = unit(hashes[i], site_key(LINK_LOSS + 2 * hops[i])) * float(PARTS_PER_BILLION)
        crossings[i] = -1 if draw < loss else crossings[i]


@called
def cross_block(
    world: _World,
    links: Ints,
    hops: Ints,
    departures: Ints,
    ids: Ints,
    hashes: Ints,
    scratch: Ints,
    crossings: Ints,
    count: int,
) -> None:
    """Say how long each request takes to cross its link: -1 when it is lost, 0 where its link is -1.

    Args:
        world: the world.
        links: rows of `LINKS`.
        hops: the number of each hop, as in docs/semantics.md.
        departures: when each request departs.
        ids: of the requests.
        hashes: their hashes, from `hash_block`.
        scratch: for the function's own use.
        crossings: receives the times in nanoseconds.
        count: number of requests.
    """
    if count == 0:
        return
    if _all_same(links, count) and _all_same(hops, count):
        lossy, faulty = _read_links(world, links, hops, scratch, 1)
        _fill(scratch[_LAWS], scratch[_LAWS, 0], count)
        _fill(scratch[_LOSSES], scratch[_LOSSES, 0], count)
        _fill(scratch[_SITES], scratch[_SITES, 0], count)
    else:
        lossy, faulty = _read_links(world, links, hops, scratch, count)
    if faulty:
        for i in range(count):
            crossings[i] = (
                0 if links[i] < 0 else crossing_ns(world, links[i], hops[i], departures[i], ids[i])
            )
        return
    draw_block(world, ids, hashes, scratch[_LAWS], scratch[_SITES], scratch, crossings, count)
    if lossy:
        _lose(hashes, hops, scratch, crossings, count)
