"""Compile the hashed requirement files in layers, or check that they are up to date.

Layers, so that every file agrees on every version:

1. ``requirements/all.txt``: what all distributions need together;
2. ``requirements/<distribution>.txt``: what one distribution and the members that it depends on need,
   constrained by ``all.txt``; container images and the wheel tests install these;
3. ``requirements/build.txt``: what builds the members' wheels, for container images;
4. ``requirements/dev.txt``: all of the above and the tools of ``dev.in``, constrained by ``all.txt``.

The members themselves never appear: they are installed from this repository with ``--no-deps``, so their
names are never looked up anywhere. Versions already locked are kept unless ``--upgrade`` is given.
"""

from __future__ import annotations

import argparse
import difflib
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "requirements"
PYTHON_VERSION = "3.11"


@dataclass(frozen=True)
class Member:
    """One distribution of the repository: its name, its outside needs and the members it builds on."""

    name: str
    folder: Path
    external: tuple[str, ...]
    internal: tuple[str, ...]
    build: tuple[str, ...]

    @property
    def lock_name(self) -> str:
        """The stem of its requirement file: ``generator`` for ``headroom-generator``."""
        return self.folder.name


def requirement_name(requirement: str) -> str:
    """Return the normalised project name that a requirement string starts with."""
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    if found is None:
        message = f"expected a requirement that starts with a name, found {requirement!r}"
        raise ValueError(message)
    return re.sub(r"[-_.]+", "-", found.group()).lower()


def read_members(root: Path = ROOT) -> dict[str, Member]:
    """Read every distribution's pyproject.toml; the result is keyed and ordered by name."""
    files = [*root.glob("*/pyproject.toml"), *root.glob("microservices/*/pyproject.toml")]
    documents = {path.parent: tomllib.loads(path.read_text(encoding="utf-8")) for path in files}
    names = {document["project"]["name"] for document in documents.values()}
    members = []
    for folder, document in documents.items():
        project = document["project"]
        needs = project.get("dependencies", [])
        external = tuple(need for need in needs if requirement_name(need) not in names)
        internal = tuple(requirement_name(need) for need in needs if requirement_name(need) in names)
        build = tuple(document["build-system"]["requires"])
        members.append(Member(project["name"], folder, external, internal, build))
    return {member.name: member for member in sorted(members, key=lambda member: member.name)}


def closure(member: Member, members: dict[str, Member]) -> list[Member]:
    """Return the member and every member that it builds on, directly or not, ordered by name."""
    found = {member.name}
    waiting = [member]
    while waiting:
        for name in waiting.pop().internal:
            if name not in found:
                found.add(name)
                waiting.append(members[name])
    return [members[name] for name in sorted(found)]


def compile_layer(folder: Path, inputs: list[str], output: str, *, constrained: bool, upgrade: bool) -> None:
    """Run ``uv pip compile`` in a folder; annotations then name the inputs and no path of the machine."""
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if uv is None:
        message = "uv is not installed: run `make setup` first"
        raise SystemExit(message)
    command = [uv, "pip", "compile", *inputs, "--output-file", output, "--universal", "--generate-hashes"]
    command += ["--no-header", "--python-version", PYTHON_VERSION, "--quiet"]
    if constrained:
        command += ["--constraints", "all.txt"]
    if upgrade:
        command.append("--upgrade")
    subprocess.run(command, cwd=folder, check=True)  # noqa: S603 - a fixed command, no shell


def compile_all(folder: Path, *, upgrade: bool) -> list[str]:
    """Compile every layer into ``folder``, which may hold earlier locks; return the files' names."""
    members = read_members()
    for member in members.values():
        (folder / f"{member.name}.in").write_text("".join(f"{need}\n" for need in member.external), "utf-8")
    build = {need for member in members.values() for need in member.build}
    (folder / "build.in").write_text("".join(f"{need}\n" for need in sorted(build)), "utf-8")
    shutil.copy(REQUIREMENTS / "dev.in", folder / "dev.in")
    everyone = [f"{name}.in" for name in members]
    compile_layer(folder, everyone, "all.txt", constrained=False, upgrade=upgrade)
    names = ["all.txt"]
    for member in members.values():
        output = f"{member.lock_name}.txt"
        inputs = [f"{part.name}.in" for part in closure(member, members)]
        compile_layer(folder, inputs, output, constrained=True, upgrade=False)
        names.append(output)
    compile_layer(folder, ["build.in"], "build.txt", constrained=True, upgrade=upgrade)
    compile_layer(folder, [*everyone, "build.in", "dev.in"], "dev.txt", constrained=True, upgrade=upgrade)
    return [*names, "build.txt", "dev.txt"]


def show_drift(name: str, before: str, after: str) -> None:
    """Print which lines of a lock would change, hashes left out."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), name, name, lineterm="", n=0)
    print("\n".join([line for line in lines if "--hash" not in line][:40]))


def compare(fresh: Path, names: list[str], *, check: bool) -> bool:
    """Compare locks with fresh ones and, unless only checking, take them over; tell whether any differed."""
    drifted = False
    for name in names:
        path = REQUIREMENTS / name
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        after = (fresh / name).read_text(encoding="utf-8")
        if before != after:
            drifted = True
            show_drift(name, before, after)
            if not check:
                path.write_text(after, encoding="utf-8")
    for name in sorted({path.name for path in REQUIREMENTS.glob("*.txt")} - set(names)):
        drifted = True
        print(f"requirements/{name}: no distribution has this name")
        if not check:
            (REQUIREMENTS / name).unlink()
    return drifted


def main() -> int:
    """Write the locks, or with ``--check`` compare them; return the exit status."""
    parser = argparse.ArgumentParser(description="Compile the hashed requirement files.")
    parser.add_argument("--check", action="store_true", help="change nothing, fail when a file would change")
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions that fit")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for path in REQUIREMENTS.glob("*.txt"):
            shutil.copy(path, folder / path.name)
        names = compile_all(folder, upgrade=options.upgrade)
        drifted = compare(folder, names, check=options.check)
    if options.check and drifted:
        print("The locks do not match the pyproject.toml files: run `make lock` and commit the result.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
