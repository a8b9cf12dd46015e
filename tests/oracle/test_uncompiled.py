"""The same comparison with the kernels as plain Python: what is compiled is what is written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.uncompiled
def test_the_pipeline_equals_the_oracle_uncompiled() -> None:
    if os.environ.get("NUMBA_DISABLE_JIT") == "1":
        pytest.skip("this run is uncompiled already")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly"]
    run = subprocess.run(  # noqa: S603 - our own interpreter on our own file
        [*command, str(HERE / "test_oracle.py"), str(HERE / "test_by_hand.py")],
        # Plain Python takes its time: half of the examples, unless somebody asks for a number.
        env={"HEADROOM_EXAMPLES": "500"} | os.environ | {"NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-2000:]
