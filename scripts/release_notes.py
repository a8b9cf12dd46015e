"""Print the changelog's section of one version: the notes of its release.

``python -m scripts.release_notes 0.2.0`` prints what stands under ``## [0.2.0] - YYYY-MM-DD``, without the
heading. A section that is missing, has no date or says nothing is refused: no release goes out without notes.
"""

from __future__ import annotations

import argparse
import re
import sys
from datetime import date
from pathlib import Path

from scripts.lock import ROOT

HEADING = re.compile(r"^## \[(?P<version>[^\]]+)\](?P<rest>.*)$", re.MULTILINE)


def notes(changelog: str, version: str) -> str:
    """Return the text of a version's section, without its heading and without blank lines around it.

    Raises:
        ValueError: the section is missing, stands there twice, is undated or empty.
    """
    headings = list(HEADING.finditer(changelog))
    found = [index for index, heading in enumerate(headings) if heading["version"] == version]
    if len(found) != 1:
        message = f"changelog: expected one section `## [{version}] - YYYY-MM-DD`, found {len(found)}"
        raise ValueError(message)
    heading = headings[found[0]]
    _check_date(version, heading["rest"])
    end = headings[found[0] + 1].start() if found[0] + 1 < len(headings) else len(changelog)
    body = changelog[heading.end() : end].strip()
    if not re.search(r"^- ", body, re.MULTILINE):
        message = f"changelog: expected entries (`- …`) in the section of {version}, found none"
        raise ValueError(message)
    return body


def _check_date(version: str, rest: str) -> None:
    """Refuse what stands behind a heading's version when it is no date."""
    try:
        date.fromisoformat(rest.removeprefix(" - ") if rest.startswith(" - ") else "")
    except ValueError:
        message = f"changelog: expected `## [{version}] - YYYY-MM-DD`, found `## [{version}]{rest}`"
        raise ValueError(message) from None


def main(arguments: list[str] | None = None) -> int:
    """Print the notes of a version; return the exit status, 1 when there are none."""
    parser = argparse.ArgumentParser(
        prog="scripts.release_notes", description="Print a version's release notes."
    )
    parser.add_argument("version", help="the version, such as 0.2.0")
    parser.add_argument("--changelog", type=Path, default=ROOT / "CHANGELOG.md", help="the file to read")
    options = parser.parse_args(arguments)
    try:
        print(notes(options.changelog.read_text(encoding="utf-8"), options.version))
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
