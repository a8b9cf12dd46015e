"""The same tests with the kernels as plain Python: what is compiled is what is written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from headroom_common.simcore.jit import COMPILED

DOMAIN = ("accounting", "carrying", "journey", "schedule", "segment", "station")
FILES = [str(Path(__file__).parent / f"test_{name}.py") for name in DOMAIN]


@pytest.mark.uncompiled
def test_the_domain_uncompiled() -> None:
    if not COMPILED:
        pytest.skip("this run is uncompiled already")
    run = subprocess.run(  # noqa: S603 - our own interpreter on our own files
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *FILES],
        env=os.environ | {"NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-2000:]
