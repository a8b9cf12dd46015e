"""Create ``.venv`` with every tool and every distribution of the repository, installed editable.

Only the standard library is used: this runs before anything is installed. Running it again is instant,
for a stamp remembers a digest of what the environment was made from. A lock makes parallel runs safe: the
second waits for the first and then finds the work done.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
MINIMUM = (3, 11)
LOCK_FILE = "requirements/dev.txt"
MEMBERS = (
    "common",
    "microservices/generator",
    "microservices/router",
    "microservices/server-model",
    "microservices/analysis",
    "microservices/gateway",
    "sdk",
)


def say(text: str) -> None:
    """Print one line of progress at once."""
    print(text, flush=True)


def digest() -> str:
    """Return a digest of all that decides what the environment holds."""
    state = hashlib.sha256(f"{platform.python_version()} {platform.machine()} {ROOT}".encode())
    for name in (LOCK_FILE, *(f"{member}/pyproject.toml" for member in MEMBERS)):
        state.update((ROOT / name).read_bytes())
    return state.hexdigest()


@contextlib.contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold an advisory lock on a file; the operating system frees it if this process dies."""
    with path.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another `make` is setting up; waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def run(*command: str | Path) -> None:
    """Run a command in the repository's root; stop with its exit status and its name when it fails."""
    done = subprocess.run([str(part) for part in command], cwd=ROOT, check=False)  # noqa: S603 - no shell
    if done.returncode != 0:
        shown = " ".join(str(part) for part in command[:4])
        say(f"setup failed: `{shown} …` ended with status {done.returncode}")
        raise SystemExit(done.returncode)


def has_venv() -> bool:
    """Tell whether this interpreter can make virtual environments (Debian packages that apart)."""
    probe = subprocess.run([sys.executable, "-c", "import ensurepip, venv"], check=False, capture_output=True)
    return probe.returncode == 0


def make_venv(venv: Path) -> None:
    """Create the virtual environment, installing Debian's package for it when it is missing."""
    if not has_venv():
        say("this Python cannot make virtual environments: installing python3-venv")
        run(ROOT / "scripts" / "apt_install.sh", "python3-venv")
    say(f"creating {venv.name} with Python {platform.python_version()}")
    run(sys.executable, "-m", "venv", "--clear", venv)


def usable(venv: Path) -> bool:
    """Tell whether the environment exists, still runs and has the version of this interpreter."""
    python = venv / "bin" / "python"
    if not python.exists():
        return False
    code = "import platform, pip; print(platform.python_version())"
    probe = subprocess.run([python, "-c", code], check=False, capture_output=True, text=True)  # noqa: S603 - no shell
    return probe.returncode == 0 and probe.stdout.strip() == platform.python_version()


def install(venv: Path) -> None:
    """Install the locked packages by their hashes, then the members as they lie here."""
    pip: list[str | Path] = [
        venv / "bin" / "python",
        "-m",
        "pip",
        "--disable-pip-version-check",
        "install",
        "--quiet",
    ]
    say("installing the locked packages (a minute or two the first time)")
    run(*pip, "--require-hashes", "--requirement", LOCK_FILE)
    say("installing the distributions of this repository")
    editable = [part for member in MEMBERS for part in ("--editable", f"./{member}")]
    run(*pip, "--no-deps", "--no-build-isolation", *editable)


def main() -> int:
    """Bring the environment up to date; return the exit status."""
    parser = argparse.ArgumentParser(description="Create or update the development environment.")
    parser.add_argument(
        "--venv", default=".venv", help="the environment's folder, relative to the repository"
    )
    options = parser.parse_args()
    if sys.version_info < MINIMUM:
        wanted = ".".join(map(str, MINIMUM))
        say(f"Headroom needs Python {wanted} or newer, found {platform.python_version()} ({sys.executable}).")
        say("Name another one: `make setup PYTHON=python3.12`")
        return 2
    venv = ROOT / options.venv
    stamp = venv / ".setup-stamp"
    wanted = digest()
    started = time.monotonic()
    with exclusive(ROOT / f"{options.venv}.lock"):
        if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
            return 0
        if not usable(venv):
            make_venv(venv)
        install(venv)
        stamp.write_text(wanted, encoding="utf-8")
    say(f"environment ready in {time.monotonic() - started:.0f} s: {options.venv}/bin/headroom --help")
    return 0


if __name__ == "__main__":
    sys.exit(main())
