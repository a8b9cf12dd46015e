"""What a release says of itself: one version everywhere, a tag that names it, notes that exist."""

from __future__ import annotations

import re
import subprocess
import tomllib
from typing import TYPE_CHECKING

import pytest

from scripts import release_notes, version

if TYPE_CHECKING:
    from pathlib import Path

    from scripts.lock import Member

CHANGELOG = """# Changelog

## [Unreleased]

## [0.2.0] - 2026-12-01

### Added
- Images.

## [0.1.1] -

- A date that nobody wrote.

## [0.1.0] - 2026-11-20

Nothing listed.
"""

BUILT = '[build-system]\nrequires = ["hatchling"]\n\n'


def tree(root: Path) -> Path:
    """A small repository: three distributions and a manifest."""
    projects = {
        "common": ("headroom-common", "redis>=0.1.0"),
        "microservices/router": ("headroom-router", "headroom-common==0.1.0"),
        "sdk": ("headroom", "headroom-router==0.1.0"),
    }
    for folder, (name, needs) in projects.items():
        project = f'[project]\nname = "{name}"\nversion = "0.1.0"\ndependencies = ["{needs}"]\n'
        (root / folder).mkdir(parents=True)
        (root / folder / "pyproject.toml").write_text(BUILT + project, encoding="utf-8")
    manifests = root / "k8s/base"
    manifests.mkdir(parents=True)
    (manifests / "job.yaml").write_text(
        "name: gateway-migrate-0-1-0\nimage: headroom/gateway:0.1.0\nother: redis:7.0.1\n", encoding="utf-8"
    )
    (manifests / "kustomization.yaml").write_text(
        "images:\n  - name: headroom/router\n    newTag: 0.1.0\n  - name: postgres\n    newTag: 15.0.1\n"
        "patches:\n  path: /metadata/labels/app.kubernetes.io~1version\n  value: 0.1.0\n  value: 1.0.0\n",
        encoding="utf-8",
    )
    return root


def test_the_repository_agrees_with_itself(members: dict[str, Member]) -> None:
    assert version.disagreements() == []
    stated = {
        tomllib.loads((member.folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
        for member in members.values()
    }
    assert stated == {version.current()}
    assert len(version.places()) >= 2 * len(members)


def test_a_version_is_written_everywhere_and_nowhere_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tree(tmp_path)
    assert version.main(["0.20.3"], root) == 0
    assert capsys.readouterr().out.splitlines() == [
        "sdk/pyproject.toml: 0.20.3",
        "common/pyproject.toml: 0.20.3",
        "microservices/router/pyproject.toml: 0.20.3",
        "k8s/base/job.yaml: 0.20.3",
        "k8s/base/kustomization.yaml: 0.20.3",
    ]
    assert version.current(root) == "0.20.3"
    assert version.main(["--check"], root) == 0
    assert (root / "k8s/base/job.yaml").read_text(encoding="utf-8") == (
        "name: gateway-migrate-0-20-3\nimage: headroom/gateway:0.20.3\nother: redis:7.0.1\n"
    )
    body = (root / "k8s/base/kustomization.yaml").read_text(encoding="utf-8")
    assert re.findall(r"newTag: (.*)", body) == ["0.20.3", "15.0.1"]
    assert re.findall(r"value: (.*)", body) == ["0.20.3", "1.0.0"]
    assert "redis>=0.1.0" in (root / "common/pyproject.toml").read_text(encoding="utf-8")


def test_a_place_that_disagrees_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tree(tmp_path)
    job = root / "k8s/base/job.yaml"
    job.write_text(job.read_text(encoding="utf-8").replace("0-1-0", "0-0-9"), encoding="utf-8")
    assert version.main(["--check"], root) == 1
    expected = "k8s/base/job.yaml:1: expected version 0.1.0 as in sdk/pyproject.toml, found 0.0.9\n"
    assert capsys.readouterr().out == expected
    assert version.main(["--tag", "v0.1.0"], root) == 1, "no image is tagged while places disagree"


@pytest.mark.parametrize("tag", ["v0.1.0", "v0.1.0-rc.1", "v0.1.0-rc.12"])
def test_a_tag_names_the_images(tag: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert version.main(["--tag", tag], tree(tmp_path)) == 0
    assert capsys.readouterr().out == f"{tag[1:]}\n"


@pytest.mark.parametrize(
    "tag", ["0.1.0", "v0.1.1", "v0.1.0-rc.0", "v0.1.0-rc", "v0.1.0-beta.1", "v0.1.0\n", "v"]
)
def test_another_tag_is_refused(tag: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert version.main(["--tag", tag], tree(tmp_path)) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert f"tag: expected v0.1.0 or v0.1.0-rc.N as in sdk/pyproject.toml, found {tag}" in said.err


@pytest.mark.parametrize("wrong", ["1.2", "v1.2.3", "01.2.3", "1.2.3-rc.1", "1.2.3 "])
def test_a_version_that_is_none_is_refused(
    wrong: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        version.main([wrong], tree(tmp_path))
    assert f"expected three numbers such as 0.2.0, found {wrong!r}" in capsys.readouterr().err
    assert version.current(tmp_path) == "0.1.0"


def test_the_notes_are_the_section() -> None:
    assert release_notes.notes(CHANGELOG, "0.2.0") == "### Added\n- Images."


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("0.3.0", r"expected one section `## \[0.3.0\] - YYYY-MM-DD`, found 0"),
        ("0.1.1", r"expected `## \[0.1.1\] - YYYY-MM-DD`, found `## \[0.1.1\] -`"),
        ("Unreleased", r"expected `## \[Unreleased\] - YYYY-MM-DD`, found `## \[Unreleased\]`"),
        ("0.1.0", r"expected entries \(`- …`\) in the section of 0.1.0, found none"),
    ],
)
def test_a_release_without_notes_is_refused(wanted: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        release_notes.notes(CHANGELOG, wanted)


def test_a_date_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match=r"found `## \[0.2.0\] - 2026-02-30`"):
        release_notes.notes(CHANGELOG.replace("2026-12-01", "2026-02-30"), "0.2.0")


def test_two_sections_of_one_version_are_refused() -> None:
    with pytest.raises(ValueError, match="found 2"):
        release_notes.notes(CHANGELOG + CHANGELOG, "0.2.0")


def test_the_command_prints_notes_or_says_why_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "CHANGELOG.md"
    path.write_text(CHANGELOG, encoding="utf-8")
    assert release_notes.main(["0.2.0", "--changelog", str(path)]) == 0
    assert capsys.readouterr().out == "### Added\n- Images.\n"
    assert release_notes.main(["0.9.0", "--changelog", str(path)]) == 1
    assert capsys.readouterr().err.startswith("changelog: expected one section")


def test_the_released_versions_have_notes(root: Path) -> None:
    changelog = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    released = [found["version"] for found in release_notes.HEADING.finditer(changelog)][1:]
    assert released
    assert all(release_notes.notes(changelog, each) for each in released)


def release_images(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the script with nothing but the system's programs."""
    return subprocess.run(  # noqa: S603 - our own script
        [root / "scripts/release_images.sh", *arguments],
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_release_has_the_image_of_every_service(root: Path) -> None:
    script = (root / "scripts/release_images.sh").read_text(encoding="utf-8")
    named = re.search(r"^services=\((.*)\)$", script, flags=re.MULTILINE)
    assert named is not None
    assert set(named[1].split()) == {path.parent.name for path in root.glob("microservices/*/Dockerfile")}
    base = re.search(r"^python_image=(.*)$", script, flags=re.MULTILINE)
    assert base is not None
    for path in root.glob("microservices/*/Dockerfile"):
        defaults = dict(re.findall(r"^ARG (\w+)=(.*)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE))
        assert defaults["PYTHON_IMAGE"].replace("${PYTHON_VERSION}", defaults["PYTHON_VERSION"]) == base[1]


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        ((), 2, "release_images.sh build TAG"),
        (("publish",), 2, "release_images.sh push TAG"),
        (("load",), 1, "TAG: expected the tag of the images, such as 0.2.0"),
        (("build", "0.2.0"), 1, "BASE: expected the base image with its digest"),
    ],
)
def test_the_steps_of_a_release_say_what_they_need(
    arguments: tuple[str, ...], status: int, told: str, root: Path
) -> None:
    done = release_images(root, *arguments)
    assert done.returncode == status, done.stderr
    assert told in done.stderr
