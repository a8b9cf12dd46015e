"""Every seed holds: nothing lost, nothing counted twice, equal bytes; once the faults stop, all is done."""

from __future__ import annotations

import os
from typing import Final

import pytest
from headroom_faults.simulation import simulate

SEEDS: Final = int(os.environ.get("HEADROOM_SIMULATION_SEEDS", "200"))
CHUNK: Final = 20


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_seeds_hold(first: int) -> None:
    for seed in range(first, min(first + CHUNK, SEEDS)):
        simulate(seed)


@pytest.mark.parametrize("seed", [1, 3, 19])
def test_a_seed_is_played_again_step_by_step(seed: int) -> None:
    steps: list[str] = []
    first, again = simulate(seed, tell=steps.append), simulate(seed)
    assert len(steps) == first.steps
    assert (first.steps, first.digest) == (again.steps, again.digest)


def test_seeds_differ() -> None:
    assert simulate(1).digest != simulate(2).digest
