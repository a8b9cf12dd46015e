"""``scripts/kubectl.sh`` finds a kubectl that knows components, or says what to install."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from headroom_policies.rendering import ROOT

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = ROOT / "scripts/kubectl.sh"


def program(folder: Path, name: str, body: str) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = f"{folder}:/usr/bin:/bin"
    return subprocess.run(  # noqa: S603 - our own script, no shell
        [SCRIPT, *arguments],
        env=os.environ | {"PATH": path, "XDG_CACHE_HOME": str(folder / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )


def test_one_that_is_new_enough_is_taken(tmp_path: Path) -> None:
    found = program(tmp_path, "kubectl", 'echo "Kustomize Version: v5.0.1"; echo "$*"')
    assert run(tmp_path).stdout.strip() == str(found)
    assert run(tmp_path, "get", "pods").stdout.splitlines()[-1] == "get pods"


def test_one_that_is_too_old_is_named(tmp_path: Path) -> None:
    found = program(tmp_path, "kubectl", 'echo "Client Version: v1.20.2"')
    program(tmp_path, "apt-get", "exit 1")
    done = run(tmp_path, "get", "pods")
    assert done.returncode == 1
    assert f"expected 1.27 or newer, found {found}" in done.stderr


def test_one_that_was_fetched_is_used_again(tmp_path: Path) -> None:
    program(tmp_path, "kubectl", 'echo "Client Version: v1.20.2"')
    cache = tmp_path / "cache/headroom"
    cache.mkdir(parents=True)
    borrowed = program(cache, "kubectl-trixie", "exit 0")
    assert run(tmp_path).stdout.strip() == str(borrowed)
