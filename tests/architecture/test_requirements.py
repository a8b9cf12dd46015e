"""The requirement files: hashed, without addresses, agreeing with each other and with what is declared."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from scripts.lock import Member, closure

if TYPE_CHECKING:
    from pathlib import Path

ENTRY = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)(?: ; (.+?))? \\$")
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}( \\)?$")
COMMENT = re.compile(r"^    # +\S.*$")

Pins = dict[str, set[str]]


def read(path: Path) -> Pins:
    """The versions that a file pins, by name; two versions differ by their environment markers."""
    pins: Pins = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        entry = ENTRY.match(line)
        if entry:
            pins.setdefault(canonicalize_name(entry[1]), set()).add(entry[2])
    return pins


def lock_names(members: dict[str, Member]) -> list[str]:
    return ["all", "build", "dev", *(member.lock_name for member in members.values())]


def test_there_is_one_file_per_distribution(members: dict[str, Member], root: Path) -> None:
    found = {path.stem for path in (root / "requirements").glob("*.txt")}
    assert found == set(lock_names(members))


def test_files_hold_pins_hashes_and_nothing_else(members: dict[str, Member], root: Path) -> None:
    for name in lock_names(members):
        lines = (root / f"requirements/{name}.txt").read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines, start=1):
            assert ENTRY.match(line) or HASH.match(line) or COMMENT.match(line), (
                f"{name}.txt:{number}: {line}"
            )


def test_every_pin_has_hashes(members: dict[str, Member], root: Path) -> None:
    for name in lock_names(members):
        lines = (root / f"requirements/{name}.txt").read_text(encoding="utf-8").splitlines()
        bare = [
            line
            for line, after in zip(lines, [*lines[1:], ""], strict=True)
            if "==" in line and not HASH.match(after)
        ]
        assert [line for line in bare if not COMMENT.match(line)] == []


def test_the_layers_agree(members: dict[str, Member], root: Path) -> None:
    everything = read(root / "requirements/all.txt")
    for name in lock_names(members):
        pins = read(root / f"requirements/{name}.txt")
        differing = {
            key: found for key, found in pins.items() if key in everything and found != everything[key]
        }
        assert differing == {}, name
        if name not in {"all", "build", "dev"}:
            assert set(pins) <= set(everything), name


def test_wheels_are_built_with_the_same_tools_everywhere(root: Path) -> None:
    assert read(root / "requirements/build.txt").items() <= read(root / "requirements/dev.txt").items()


def test_members_are_never_looked_up(members: dict[str, Member], root: Path) -> None:
    for name in lock_names(members):
        assert set(read(root / f"requirements/{name}.txt")).isdisjoint(members), name


def test_pins_satisfy_what_is_declared(members: dict[str, Member], root: Path) -> None:
    for member in members.values():
        pins = read(root / f"requirements/{member.lock_name}.txt")
        for part in closure(member, members):
            for need in map(Requirement, part.external):
                found = pins.get(canonicalize_name(need.name), set())
                assert found, f"{member.lock_name}.txt lacks {need}: run `make lock`"
                assert all(need.specifier.contains(version) for version in found), f"{need}: {found}"


@pytest.mark.parametrize("tool", ["ruff", "mypy", "pytest", "hatchling", "uv"])
def test_the_tools_are_locked(tool: str, root: Path) -> None:
    assert tool in read(root / "requirements/dev.txt")
