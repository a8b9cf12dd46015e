"""Makes the simulator importable (test folders are no packages of their own), and keeps it from logging."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from headroom_common.logs import silence

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True)
def _silent() -> Iterator[None]:
    silence(silent=True)
    yield
    silence(silent=False)
