"""`make images` and `make push`: what they run, and what is not published."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from scripts.images import SERVICES, Refused, build_commands, main, push_commands

if TYPE_CHECKING:
    from pathlib import Path

PROJECT = '[build-system]\nrequires = ["hatchling"]\n[project]\nname = "headroom"\nversion = "0.3.0"\n'


def git(root: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "tag.gpgsign=false"]
    command = ["git", "-C", str(root), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()  # noqa: S603 - no shell


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A committed tree of version 0.3.0."""
    (tmp_path / "sdk").mkdir()
    (tmp_path / "sdk/pyproject.toml").write_text(PROJECT, encoding="utf-8")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "x", "--date", "2026-12-01T00:00:00Z")
    return tmp_path


def test_every_image_is_built_with_its_labels(repository: Path) -> None:
    commands = [" ".join(command) for command in build_commands("dev", "headroom", repository)]
    assert len(commands) == len(SERVICES)
    for service, command in zip(SERVICES, commands, strict=True):
        assert f"--file microservices/{service}/Dockerfile --tag headroom/{service}:dev" in command
        assert "--build-arg VERSION=0.3.0" in command
        assert f"--build-arg REVISION={git(repository, 'rev-parse', 'HEAD')} " in command
        assert "--build-arg CREATED=20" in command


def test_a_tree_with_changes_says_so_in_its_revision(repository: Path) -> None:
    (repository / "new").touch()
    assert all("-dirty" in " ".join(command) for command in build_commands("dev", "headroom", repository))


@pytest.mark.parametrize("tag", ["0.3.0", "0.3.0-rc.1"])
def test_a_tagged_commit_is_published_as_the_workflow_does(tag: str, repository: Path) -> None:
    git(repository, "tag", f"v{tag}")
    steps = [command[1:] for command in push_commands(tag, repository)]
    assert steps == [["build", tag], ["scan"], ["push", tag]]


def test_anything_else_is_refused(repository: Path) -> None:
    with pytest.raises(Refused, match=r"expected one that this commit is tagged with, found 0\.3\.0"):
        push_commands("0.3.0", repository)
    git(repository, "tag", "v0.4.0")
    with pytest.raises(Refused, match=r"expected v0\.3\.0 .*found v0\.4\.0"):
        push_commands("0.4.0", repository)
    git(repository, "tag", "v0.3.0")
    (repository / "new").touch()
    with pytest.raises(Refused, match="the tree has changes"):
        push_commands("0.3.0", repository)


def test_a_dry_run_only_tells(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["build", "--dry-run", "--tag", "x", "--prefix", "registry.example/y"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("--tag ")[1].split()[0] for line in lines] == [
        f"registry.example/y/{service}:x" for service in SERVICES
    ]


def test_a_refusal_has_a_status_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["push", "--dry-run", "--tag", "99.0.0"]) == 2
    assert capsys.readouterr().err.startswith("refused: ")
