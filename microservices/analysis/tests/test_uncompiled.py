"""Everything that kernels touch, computed again with NUMBA_DISABLE_JIT=1: the same bits."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from analysis_testing.runs import completed, run_parameters
from analysis_testing.worlds import all_tables, any_layout

from headroom_analysis.domain.fold import fold
from headroom_analysis.handlers import Analysis
from headroom_analysis.plans import plan_of
from headroom_analysis.store import MemoryStore
from headroom_common.contracts.codec import encode
from headroom_common.contracts.event import caused_event
from headroom_common.contracts.events import RunCompleted
from headroom_common.simcore.jit import COMPILED

if TYPE_CHECKING:
    from headroom_analysis.domain.partials import Partial

SCRIPT = """
import importlib.util, pathlib, sys
here = pathlib.Path(sys.argv[1])
sys.path.insert(0, str(here))
spec = importlib.util.spec_from_file_location("uncompiled", here / "test_uncompiled.py")
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
print(module.COMPILED, *module.digests_of_worlds(20261120, 30), module.digest_of_document())
"""


def digest(partial: Partial) -> str:
    """A hash of everything that a partial says."""
    said = hashlib.sha256()
    for tally in partial.tallies():
        rows = [tally.row(tally.first + row) for row in range(tally.low.shape[0])]
        said.update(repr((tally.first, rows)).encode())
    for extreme in partial.extremes():
        said.update(repr(extreme.tolist()).encode())
    return said.hexdigest()


def digests_of_worlds(seed: int, worlds: int) -> list[str]:
    """Hashes of the folds of some random worlds."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(worlds):
        plan = any_layout(rng)
        found.append(digest(fold(all_tables(rng, plan, int(rng.integers(0, 60))), plan)))
    return found


def digest_of_document() -> str:
    """A hash of the encoded result of a small run of made-up events."""
    run = run_parameters(trials=3, name="bytes")
    layout = plan_of(run).layout
    analysis = Analysis(MemoryStore())
    outputs: list[Any] = []
    for trial in range(3):
        for segment in range(2):
            tables = all_tables(np.random.default_rng(10 * trial + segment), layout, 60)
            event = completed(run, (trial, segment, 0), tables, segments=2)
            outputs = [
                caused_event(event.envelope, output, source="/headroom/analysis/0", time=event.envelope.time)
                for output in analysis.requests_completed(event)
            ]
    assert isinstance(outputs[-1].body, RunCompleted)
    return hashlib.sha256(encode(outputs[-1]).body).hexdigest()


@pytest.mark.uncompiled
def test_uncompiled_kernels_give_the_same_bits() -> None:
    done = subprocess.run(  # noqa: S603 - our own interpreter and script
        [sys.executable, "-c", SCRIPT, str(Path(__file__).parent)],
        env=os.environ | {"NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert COMPILED
    assert done.stdout.split() == ["False", *digests_of_worlds(20261120, 30), digest_of_document()]
