"""Makes the report tests' helpers importable and hands out fresh copies of the realistic result."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from report_testing.documents import document

_REALISTIC = json.dumps(document())


@pytest.fixture
def result() -> dict[str, Any]:
    """A fresh copy of the realistic result, as a JSON file would give it."""
    copy: dict[str, Any] = json.loads(_REALISTIC)
    return copy
