"""Results that were looked at once and must stay the same, byte for byte, until a change is wanted."""

from __future__ import annotations

import json
import platform
from typing import TYPE_CHECKING, Any

import pytest
from regenerate import NAMES, RESULTS, SUMS, checksum, result_text

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(
    platform.machine() not in {"x86_64", "AMD64"}, reason="results are fixed to the bit per architecture"
)


def _leaves(document: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every value of a document with its path."""
    if isinstance(document, dict):
        for key, value in document.items():
            yield from _leaves(value, f"{path}.{key}")
    elif isinstance(document, list):
        for index, value in enumerate(document):
            yield from _leaves(value, f"{path}[{index}]")
    else:
        yield path, document


@pytest.mark.parametrize("name", NAMES)
def test_result_is_as_committed(name: str) -> None:
    golden = (RESULTS / f"{name}.json").read_text(encoding="utf-8")
    text = result_text(name)
    before, now = dict(_leaves(json.loads(golden))), dict(_leaves(json.loads(text)))
    changed = [
        f"{path}: was {before.get(path)}, is {now.get(path)}"
        for path in before | now
        if before.get(path) != now.get(path)
    ]
    assert not changed, "first differences:\n" + "\n".join(changed[:20])
    assert text == golden


@pytest.mark.parametrize("name", NAMES)
def test_committed_file_has_its_committed_checksum(name: str) -> None:
    sums = dict(line.split("  ")[::-1] for line in SUMS.read_text(encoding="utf-8").splitlines())
    assert checksum((RESULTS / f"{name}.json").read_text(encoding="utf-8")) == sums[f"{name}.json"]
