"""Build every wheel and try each one in an environment of its own.

A development environment holds everything, so it hides what a distribution forgot to declare. Here
each distribution is installed as an image installs it: its hashed requirement file, then the wheels of the
distribution and of the members that it builds on, nothing else. All its modules are imported; the command
line, where there is one, must answer.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

from scripts.lock import ROOT, Member, closure, read_members

DIST = ROOT / "dist"
WALK = """
import importlib, pkgutil, sys
package = importlib.import_module(sys.argv[1])
names = [module.name for module in pkgutil.walk_packages(package.__path__, package.__name__ + ".")]
for name in names:
    if not name.endswith("__main__"):
        importlib.import_module(name)
print(len(names) + 1, "modules import")
"""


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """Run a command and return what it prints; stop with its output when it fails."""
    # Nothing of the environment around it may be seen.
    kept = {key: value for key, value in os.environ.items() if key not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    done = subprocess.run(  # noqa: S603 - no shell
        [str(part) for part in command], check=False, capture_output=True, text=True, cwd=cwd, env=kept
    )
    if done.returncode != 0:
        print(done.stdout, done.stderr, sep="\n")
        shown = " ".join(str(part) for part in command if "\n" not in str(part))
        message = f"failed: {shown}"
        raise SystemExit(message)
    return done.stdout.strip()


def package_name(member: Member) -> str:
    """Return the name of a distribution's top-level package."""
    return next(path for path in (member.folder / "src").iterdir() if (path / "__init__.py").exists()).name


def build(member: Member) -> Path:
    """Build a member's wheel, check that it holds all of its sources and data files, and return its path."""
    before = set(DIST.glob("*.whl"))
    run(Path(sys.executable).parent / "hatchling", "build", "-t", "wheel", "-d", DIST, cwd=member.folder)
    (wheel,) = set(DIST.glob("*.whl")) - before
    names = set(zipfile.ZipFile(wheel).namelist())
    source = member.folder / "src"
    expected = {
        str(path.relative_to(source))
        for path in source.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    missing = expected - names
    if missing:
        message = f"{wheel.name} lacks {sorted(missing)}"
        raise SystemExit(message)
    return wheel


def try_out(member: Member, wheels: dict[str, Path], members: dict[str, Member], folder: Path) -> str:
    """Install a member's wheels in a fresh environment, import all of it, and return what was seen."""
    uv = Path(sys.executable).parent / "uv"
    venv = folder / member.lock_name
    python = venv / "bin" / "python"
    run(uv, "venv", "--quiet", "--python", sys.executable, venv)
    pip = (uv, "pip", "install", "--quiet", "--python", python)
    run(*pip, "--require-hashes", "-r", ROOT / "requirements" / f"{member.lock_name}.txt")
    run(*pip, "--no-deps", *(wheels[part.name] for part in closure(member, members)))
    run(uv, "pip", "check", "--quiet", "--python", python)
    seen = run(python, "-I", "-c", WALK, package_name(member), cwd=folder)
    command = venv / "bin" / "headroom"
    if command.exists():
        seen += f"; {run(command, 'version', cwd=folder).splitlines()[0]}"
    return seen


def main() -> int:
    """Build and try the wheels of all members, or of those named; return the exit status."""
    members = read_members()
    parser = argparse.ArgumentParser(description="Build every wheel and try it in an environment of its own.")
    parser.add_argument("names", nargs="*", help="distributions to try, all unless given")
    options = parser.parse_args()
    unknown = set(options.names) - set(members)
    if unknown:
        parser.error(f"expected some of {', '.join(members)}, found {', '.join(sorted(unknown))}")
    shutil.rmtree(DIST, ignore_errors=True)
    DIST.mkdir()
    wheels = {name: build(member) for name, member in members.items()}
    with tempfile.TemporaryDirectory() as scratch:
        for name in options.names or members:
            started = time.monotonic()
            seen = try_out(members[name], wheels, members, Path(scratch))
            print(f"{wheels[name].name}: {seen} ({time.monotonic() - started:.0f} s)", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
