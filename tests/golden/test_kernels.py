"""Kernels are called with the types that they state: images compile them beforehand for no others."""

from __future__ import annotations

import subprocess
import sys

import pytest
from regenerate import SCENARIOS

from headroom_common.simcore.jit import COMPILED

# In a process of its own: tests beside this one call kernels as they like.
PROGRAM = """
import sys
from functools import partial
from pathlib import Path

import headroom.embedded
from headroom import run
from headroom_common.simcore.jit import KERNELS
from headroom_common.transports.memory import MemoryBroker

headroom.embedded.MemoryBroker = partial(MemoryBroker, by_reference=False)
for scenario in map(Path, sys.argv[1:]):
    for late_bound in (False, True):
        run(scenario, trials=1, late_bound=late_bound, segment_arrivals=5000)
for kernel in KERNELS:
    called = kernel.dispatcher.signatures
    if called != [kernel.arguments]:
        print(kernel.dispatcher.py_func.__qualname__, kernel.arguments, "called with", called)
"""


@pytest.mark.skipif(not COMPILED, reason="plain Python takes any type")
def test_every_kernel_is_called_with_the_types_that_it_states() -> None:
    simple = SCENARIOS.parents[2] / "examples/single-server.yaml"
    scenarios = [*SCENARIOS.glob("*.yaml"), simple]
    done = subprocess.run(  # noqa: S603 - our own interpreter and program
        [sys.executable, "-c", PROGRAM, *map(str, scenarios)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr
