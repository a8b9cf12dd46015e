"""Whatever processor kernels are compiled for, the bits are the same."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from headroom_common.simcore.jit import COMPILED, TARGETS

PROGRAM = """
import hashlib
import numpy as np
from simcore_testing.worlds import STREAM, compiled, workload
from headroom_common.simcore import blocks
from headroom_common.simcore.distributions import sample_ns
from headroom_common.simcore.sites import LINK_DELAY

laws = ("exponential", "lognormal", "gamma", "weibull", "normal")
fields = {"exponential": {"mean": "3ms"}, "weibull": {"shape": 1.5, "scale": "2ms"}}
delays = [{"distribution": law, **fields.get(law, {"mean": "5ms", "sd": "2ms"})} for law in laws]
links = [{"name": law, "delay": delay, "loss": 0.01} for law, delay in zip(laws, delays)]
world = compiled(workloads=[workload(via=["gamma"])], links=links, faults=[]).world(STREAM)
digest = hashlib.sha256()
block = np.zeros((blocks.OWN_ROWS, blocks.WIDTH), np.int64)
for start in range(0, 50 * blocks.BLOCK, blocks.BLOCK):
    block[blocks.IDS, : blocks.BLOCK] = np.arange(start, start + blocks.BLOCK) << 16
    blocks.hash_block(world.handle, block, blocks.BLOCK)
    blocks.cross_block(world.handle, block, blocks.BLOCK)
    digest.update(block[blocks.DURATION].tobytes())
rest = [sample_ns(world.handle, law, n << 16, LINK_DELAY) for law in range(len(laws)) for n in range(2000)]
digest.update(np.array(rest, np.int64).tobytes())
print(digest.hexdigest())
"""


@pytest.mark.skipif(not COMPILED, reason="there is but one way to run plain Python")
def test_all_targets_give_the_same_bits() -> None:
    digests = {target: _digest(target) for target in TARGETS}
    assert len(set(digests.values())) == 1, digests


def _digest(target: str) -> str:
    """Draw durations with kernels compiled for a target, or the next one that this processor has."""
    environment = os.environ | {"HEADROOM_KERNEL_TARGET": target, "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run(  # noqa: S603 - our own interpreter and program
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True
    )
    return run.stdout.strip()


@pytest.mark.skipif(not COMPILED, reason="plain Python has no target")
def test_an_unknown_target_is_refused() -> None:
    run = subprocess.run(
        [sys.executable, "-c", "import headroom_common.simcore.jit"],
        env=os.environ | {"HEADROOM_KERNEL_TARGET": "pentium"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert "expected one of x86-64-v4, x86-64-v3, x86-64-v2, found 'pentium'" in run.stderr
