"""``scripts/containers.sh``: which engine it finds, and what it says where there is none."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

EXPORT = "export DOCKER_HOST=unix:///somewhere"


def executable(path: Path, body: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(0o755)


@pytest.fixture
def machine(tmp_path: Path, root: Path) -> Path:
    """A repository with this script, on a machine with bash and no engine."""
    scripts = tmp_path / "repository/scripts"
    scripts.mkdir(parents=True)
    for name in ("containers.sh", "with_engine.sh"):
        shutil.copy(root / "scripts" / name, scripts)
    for name in ("bash", "dirname", "cat", "grep", "mv"):
        found = shutil.which(name)
        assert found is not None
        (tmp_path / "bin").mkdir(exist_ok=True)
        (tmp_path / "bin" / name).symlink_to(found)
    executable(tmp_path / "bin/docker", "exit 1")
    executable(tmp_path / "bin/pgrep", f'test -e "{tmp_path}/engine"')
    return tmp_path


def search(
    machine: Path, *command: str, script: str = "containers.sh", **wish: str
) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "HEADROOM_E2E"}
    return subprocess.run(  # noqa: S603 - our own script
        [machine / "repository/scripts" / script, *command],
        env={**environment, "PATH": str(machine / "bin"), **wish},
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_engine_that_answers_is_used_as_it_is(machine: Path) -> None:
    executable(machine / "bin/docker", "echo something")
    found = search(machine, HEADROOM_E2E="require")
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")


def test_the_tool_beside_the_repository_brings_one_up(machine: Path) -> None:
    executable(machine / "shared/tools/containers/up", f"echo '{EXPORT}'")
    found = search(machine)
    assert (found.returncode, found.stdout, found.stderr) == (0, f"{EXPORT}\n", "")


@pytest.mark.parametrize(("wish", "status"), [("", 0), ("require", 1)])
@pytest.mark.parametrize("broken", [False, True], ids=["no tool", "a tool that fails"])
def test_where_there_is_none_it_is_said_aloud(machine: Path, wish: str, status: int, *, broken: bool) -> None:
    if broken:
        executable(machine / "shared/tools/containers/up", "exit 1")
    found = search(machine, HEADROOM_E2E=wish)
    assert (found.returncode, found.stdout) == (status, "")
    assert "tests/e2e are SKIPPED" in found.stderr


def test_nothing_is_looked_for_where_none_is_wanted(machine: Path) -> None:
    found = search(machine, HEADROOM_E2E="skip")
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")


def test_packages_are_installed_where_there_are_some(machine: Path) -> None:
    executable(machine / "bin/apt-cache", '[ "$2" = docker-compose ] && echo "Version: 2.26.1-4"')
    installer = f'echo "$@" >"{machine}/asked"; printf "#!/bin/sh\\n" >"{machine}/bin/docker"'
    executable(machine / "repository/scripts/apt_install.sh", installer)
    found = search(machine, HEADROOM_E2E="require")
    assert (found.returncode, found.stdout) == (0, "")
    assert (machine / "asked").read_text() == "docker.io docker-buildx docker-compose\n"


def test_an_old_compose_is_not_installed(machine: Path) -> None:
    executable(machine / "bin/apt-cache", 'echo "Version: 1.29.2-3"')
    executable(machine / "repository/scripts/apt_install.sh", "echo never >&2")
    found = search(machine)
    assert "tests/e2e are SKIPPED" in found.stderr
    assert "never" not in found.stderr


@pytest.mark.parametrize("status", [0, 3])
def test_what_was_started_for_a_command_is_stopped_after_it(machine: Path, status: int) -> None:
    executable(machine / "shared/tools/containers/up", f"echo >\"{machine}/engine\"; echo '{EXPORT}'")
    executable(machine / "shared/tools/containers/down", f'mv "{machine}/engine" "{machine}/stopped"')
    command = ("bash", "-c", f"echo $DOCKER_HOST; exit {status}")
    found = search(machine, *command, script="with_engine.sh")
    assert (found.returncode, found.stdout) == (status, "unix:///somewhere\n")
    assert (machine / "stopped").exists()


def test_an_engine_that_was_there_stays(machine: Path) -> None:
    (machine / "engine").touch()
    executable(machine / "bin/docker", "exit 0")
    executable(machine / "shared/tools/containers/down", "echo never")
    found = search(machine, "bash", "-c", "echo done", script="with_engine.sh")
    assert (found.returncode, found.stdout) == (0, "done\n")
