"""One version for everything that is released: set it, check that all places agree, check a tag against it.

``python -m scripts.version 0.2.0`` writes a version into every place that states it: the distributions, what
they pin of one another, and the names in the Kubernetes manifests. ``--check`` changes nothing and lists the
places that disagree. ``--tag v0.2.0-rc.1`` refuses a tag of any other version and prints the tag of the
images, ``0.2.0-rc.1``.
"""

from __future__ import annotations

import argparse
import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scripts.lock import ROOT, read_members

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NUMBER = r"(?:0|[1-9]\d*)"
VERSION = re.compile(rf"{NUMBER}\.{NUMBER}\.{NUMBER}")
CANDIDATE = re.compile(rf"(?P<version>{VERSION.pattern})(?:-rc\.[1-9]\d*)?")
TRUTH = "sdk/pyproject.toml"
"""The file whose version the others are compared with."""


@dataclass(frozen=True)
class Pattern:
    """What states a version: a regular expression with the group `version`, its parts joined by `joint`."""

    regex: re.Pattern[str]
    joint: str = "."

    def replaced(self, body: str, version: str) -> str:
        """Return a text in which every statement gives another version."""

        def other(match: re.Match[str]) -> str:
            start, end = (at - match.start() for at in match.span("version"))
            return match[0][:start] + version.replace(".", self.joint) + match[0][end:]

        return self.regex.sub(other, body)


PROJECT = (
    Pattern(re.compile(r'^version = "(?P<version>[^"]*)"', re.MULTILINE)),
    Pattern(re.compile(r'"headroom(?:-[a-z-]+)?==(?P<version>[^"]*)"')),
)
MANIFEST = (
    Pattern(re.compile(rf"\bheadroom/[a-z-]+:(?P<version>{VERSION.pattern})\b")),
    Pattern(
        re.compile(
            rf"name: headroom/[a-z-]+\s+newTag: [\"']?(?P<version>{VERSION.pattern})[\"']?(?:\s|$)",
            re.MULTILINE,
        )
    ),
    Pattern(re.compile(rf"app\.kubernetes\.io(?:/|~1)version\s+value: (?P<version>{VERSION.pattern})\b")),
    Pattern(re.compile(rf"\b[a-z]+-migrate-(?P<version>{NUMBER}-{NUMBER}-{NUMBER})\b"), joint="-"),
)


@dataclass(frozen=True)
class Place:
    """One statement of the version: its file, its line (from 1) and what it says, with dots."""

    path: Path
    line: int
    version: str


def files(root: Path) -> Iterator[tuple[Path, tuple[Pattern, ...]]]:
    """Yield every file that may state the version, with the patterns that find it there."""
    for member in read_members(root).values():
        yield member.folder / "pyproject.toml", PROJECT
    for path in sorted(root.glob("k8s/**/*.yaml")):
        yield path, MANIFEST


def places(root: Path = ROOT) -> list[Place]:
    """Return every statement of the version, file by file."""
    found = []
    for path, patterns in files(root):
        body = path.read_text(encoding="utf-8")
        for pattern in patterns:
            for match in pattern.regex.finditer(body):
                line = body.count("\n", 0, match.start("version")) + 1
                found.append(Place(path, line, match["version"].replace(pattern.joint, ".")))
    return found


def current(root: Path = ROOT) -> str:
    """Return the version of the distribution that users install."""
    return next(place.version for place in places(root) if place.path == root / TRUTH)


def write(version: str, root: Path = ROOT) -> list[Path]:
    """Write a version into all places and return the files that changed."""
    changed = []
    for path, patterns in files(root):
        before = after = path.read_text(encoding="utf-8")
        for pattern in patterns:
            after = pattern.replaced(after, version)
        if after != before:
            path.write_text(after, encoding="utf-8")
            changed.append(path)
    return changed


def disagreements(root: Path = ROOT) -> list[str]:
    """Return one line for each place that does not state the current version."""
    expected = current(root)
    wrong = [place for place in places(root) if place.version != expected]
    return [
        f"{place.path.relative_to(root)}:{place.line}: "
        f"expected version {expected} as in {TRUTH}, found {place.version}"
        for place in wrong
    ]


def image_tag(tag: str, version: str) -> str:
    """Return the images' tag for a Git tag of a version or of its candidate.

    Raises:
        ValueError: the Git tag is no such tag, or names another version.
    """
    found = CANDIDATE.fullmatch(tag.removeprefix("v"))
    if not tag.startswith("v") or found is None or found["version"] != version:
        message = f"tag: expected v{version} or v{version}-rc.N as in {TRUTH}, found {tag}"
        raise ValueError(message)
    return tag.removeprefix("v")


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """Set, check or print; return the exit status: 1 when places or a tag disagree."""
    parser = argparse.ArgumentParser(
        prog="scripts.version", description="The version of all that is released."
    )
    parser.add_argument(
        "version", nargs="?", help="the version to write, such as 0.2.0; printed when not given"
    )
    parser.add_argument("--check", action="store_true", help="change nothing, fail where places disagree")
    parser.add_argument("--tag", help="a Git tag that must name this version; prints the images' tag")
    options = parser.parse_args(arguments)
    if options.version is not None:
        if VERSION.fullmatch(options.version) is None:
            parser.error(f"version: expected three numbers such as 0.2.0, found {options.version!r}")
        for path in write(options.version, root):
            print(f"{path.relative_to(root)}: {options.version}")
        return 0
    found = disagreements(root)
    if options.check or found:
        print("\n".join(found), end="\n" if found else "")
        return 1 if found else 0
    try:
        print(current(root) if options.tag is None else image_tag(options.tag, current(root)))
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
