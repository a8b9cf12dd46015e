"""What the architecture tests look at: the repository's files and its distributions."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from scripts.lock import Member, read_members

ROOT = Path(__file__).resolve().parents[2]
IGNORED = {
    ".git",
    ".venv",
    "__pycache__",
    ".hypothesis",
    ".mypy_cache",
    ".ruff_cache",
    ".pytest_cache",
    "out",
    "dist",
}


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository's folder."""
    return ROOT


@pytest.fixture(scope="session")
def files() -> list[Path]:
    """Every file of the repository: what Git tracks or would; all files where there is no Git."""
    command = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        listing = subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - a fixed command, no shell
    except (OSError, subprocess.CalledProcessError):
        paths = [path for path in ROOT.rglob("*") if not IGNORED.intersection(path.relative_to(ROOT).parts)]
    else:
        paths = [ROOT / name for name in listing.stdout.decode().split("\0") if name]
    return sorted(path for path in paths if path.is_file())


@pytest.fixture(scope="session")
def python_files(files: list[Path]) -> list[Path]:
    """The repository's Python files."""
    return [path for path in files if path.suffix == ".py"]


@pytest.fixture(scope="session")
def texts(files: list[Path]) -> dict[str, str]:
    """The repository's text files by their path from the root."""
    found = {}
    for path in files:
        try:
            found[str(path.relative_to(ROOT))] = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
    return found


@pytest.fixture(scope="session")
def members() -> dict[str, Member]:
    """The distributions by name."""
    return read_members(ROOT)
