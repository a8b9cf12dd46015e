"""Blocks of draws and crossings are, request by request, what the functions for one request give."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simcore_testing.worlds import STREAM, compiled, workload

from headroom_common.simcore import blocks
from headroom_common.simcore.distributions import LONGEST_NS, sample_ns
from headroom_common.simcore.links import crossing_ns
from headroom_common.simcore.random import request_hash

if TYPE_CHECKING:
    from headroom_common.simcore.tables import Ints
    from headroom_common.simcore.world import World

FAST = settings(max_examples=60, deadline=None)
CONSTANT = ["0ms", "5ms", "104d"]
EXPONENTIAL = [{"distribution": "exponential", "mean": mean} for mean in ("1ns", "3ms", "2h", "40d", "100d")]
OTHER = [
    {"distribution": "uniform", "low": "1ms", "high": "2ms"},
    {"distribution": "lognormal", "mean": "5ms", "sd": "1ms"},
]
DELAYS = [*CONSTANT, *EXPONENTIAL, *OTHER]
FAULTS = [{"kind": "link_loss", "link": "link3", "start": "0ms", "duration": "50ms", "loss": 0.5}]


def links_world(losses: list[float], faults: list[dict[str, Any]]) -> World:
    """A link of each delay, with the given losses in turn."""
    links = [
        {"name": f"link{row}", "delay": delay, "loss": losses[row % len(losses)]}
        for row, delay in enumerate(DELAYS)
    ]
    return compiled(workloads=[workload(via=["link0"])], links=links, faults=faults).world(STREAM)


def block_of(count: int, **rows: list[int]) -> Ints:
    block = np.full((blocks.OWN_ROWS, blocks.BLOCK), 77, np.int64)
    block[blocks.IDS, :count] = np.arange(count) << 16
    for name, values in rows.items():
        block[getattr(blocks, name), :count] = values
    return block


def crossings(world: World, links: list[int], hops: list[int], departures: list[int]) -> list[int]:
    count = len(links)
    block = block_of(count, LINK=links, HOP=hops, DEPARTURE=departures)
    blocks.hash_block(world.handle, block, count)
    blocks.cross_block(world.handle, block, count)
    assert (block[:, count:] == 77).all()
    return block[blocks.DURATION, :count].tolist()


@st.composite
def travellers(draw: st.DrawFn, links: list[int]) -> list[tuple[int, int, int]]:
    one = st.tuples(st.sampled_from(links), st.integers(0, 3), st.integers(0, 100_000_000))
    return draw(st.lists(one, max_size=40))


@FAST
@given(
    travellers([-1, *range(len(DELAYS))]) | travellers([-1, *range(len(DELAYS) - len(OTHER))]),
    st.sampled_from([[0.0], [0.3], [0.0, 0.01, 1.0]]),
    st.sampled_from([[], FAULTS]),
)
def test_mixed_links(
    rows: list[tuple[int, int, int]], losses: list[float], faults: list[dict[str, Any]]
) -> None:
    world = links_world(losses, faults)
    found = crossings(world, *([row[column] for row in rows] for column in range(3)))
    assert found == [
        0 if link < 0 else crossing_ns(world.handle, link, hop, t, i << 16)
        for i, (link, hop, t) in enumerate(rows)
    ]


@pytest.mark.parametrize("link", [-1, *range(len(DELAYS))])
@pytest.mark.parametrize("loss", [0.0, 0.2])
def test_one_link_for_all(link: int, loss: float) -> None:
    world = links_world([loss], [])
    found = crossings(world, [link] * blocks.BLOCK, [2] * blocks.BLOCK, [0] * blocks.BLOCK)
    one_by_one = [
        0 if link < 0 else crossing_ns(world.handle, link, 2, 0, i << 16) for i in range(blocks.BLOCK)
    ]
    assert found == one_by_one
    assert (-1 in found) == (loss > 0.0 and link >= 0)


@FAST
@given(st.lists(st.tuples(st.integers(-1, 5), st.integers(0, 3)), min_size=1, max_size=40))
def test_durations(wishes: list[tuple[int, int]]) -> None:
    world = links_world([0.0], [])
    count = len(wishes)
    block = block_of(count, LAW=[law for law, _ in wishes], SITE=[site for _, site in wishes])
    blocks.hash_block(world.handle, block, count)
    assert block[blocks.HASHES, :count].tolist() == [request_hash(STREAM, i << 16) for i in range(count)]
    blocks.draw_block(world.handle, block, count)
    expected = [
        0 if law < 0 else sample_ns(world.handle, law, i << 16, site) for i, (law, site) in enumerate(wishes)
    ]
    assert block[blocks.DURATION, :count].tolist() == expected
    assert max(expected) <= LONGEST_NS


def test_no_requests() -> None:
    assert crossings(links_world([0.5], []), [], [], []) == []
