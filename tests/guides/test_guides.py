"""The guides say what the product says: their commands are run, and print what stands there."""

from pathlib import Path

import pytest

from scripts.run_guides import GUIDES, ROOT, played


@pytest.mark.parametrize("guide", sorted(GUIDES.glob("*.md")), ids=lambda guide: guide.stem)
def test_a_guide_is_what_its_commands_print(guide: Path) -> None:
    stale = [
        str(path.relative_to(ROOT))
        for path, content in played(guide)
        if not path.exists() or path.read_bytes() != content
    ]
    assert stale == [], "write them with: make guides"
