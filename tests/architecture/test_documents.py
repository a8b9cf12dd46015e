"""Documents, workflows and commands say the same."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from headroom_common.scenario.loading import load_scenario

if TYPE_CHECKING:
    from pathlib import Path

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
PINNED = re.compile(r"^[\w.-]+/[\w./-]+@[0-9a-f]{40}$")
WRITTEN = {
    ("release.yaml", "publish"): {"id-token"},
    ("release.yaml", "release"): {"contents", "id-token", "attestations"},
}
"""The rights to write that jobs have; all others only read."""

SCENARIO_BLOCK = re.compile(r"^```yaml\n(apiVersion: headroom\..*?)^```", flags=re.MULTILINE | re.DOTALL)


def workflows(root: Path) -> dict[str, dict[str, Any]]:
    paths = sorted((root / ".github/workflows").glob("*.y*ml"))
    # Strings only: YAML 1.1 would read the key `on` as true.
    return {path.name: yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader) for path in paths}  # noqa: S506 - BaseLoader makes strings only


def steps(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def targets(root: Path) -> set[str]:
    makefile = (root / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z0-9-]+):", makefile, flags=re.MULTILINE))


def links_inside(texts: dict[str, str]) -> list[tuple[str, str]]:
    """The pages' links to other files of the repository, with the page that has them."""
    pages = {name: text for name, text in texts.items() if name.endswith(".md")}
    links = [(name, link) for name, text in pages.items() for link in LINK.findall(text)]
    return [
        (name, link) for name, link in links if "://" not in link and not link.startswith(("#", "mailto:"))
    ]


def test_links_lead_somewhere(texts: dict[str, str], root: Path) -> None:
    found = links_inside(texts)
    assert found
    assert [
        pair for pair in found if not ((root / pair[0]).parent / pair[1].partition("#")[0]).exists()
    ] == []


def test_every_page_and_decision_is_listed(root: Path) -> None:
    index = (root / "docs/README.md").read_text(encoding="utf-8")
    decisions = (root / "docs/adr/README.md").read_text(encoding="utf-8")
    pages = {path.name for path in (root / "docs").glob("*.md")} - {"README.md"}
    assert [page for page in sorted(pages) if f"({page})" not in index] == []
    adrs = {path.name for path in (root / "docs/adr").glob("*.md")} - {"README.md"}
    assert [page for page in sorted(adrs) if f"({page})" not in decisions] == []


def test_decisions_have_all_their_parts(root: Path) -> None:
    for path in sorted((root / "docs/adr").glob("0*.md")):
        text = path.read_text(encoding="utf-8")
        assert text.startswith(f"# ADR {int(path.name[:4])}: "), path.name
        for part in (
            "Status: ",
            "## Context",
            "## Decision",
            "## Consequences",
            "## Alternatives considered",
        ):
            assert part in text, f"{path.name} lacks {part!r}"


def test_every_make_command_in_the_documents_exists(texts: dict[str, str], root: Path) -> None:
    known = targets(root)
    for name, text in texts.items():
        if name.endswith((".md", ".yaml", ".yml")) or name == ".ci/run":
            named = set(re.findall(r"`make ([a-z][a-z0-9 -]*)`", text)) | set(
                re.findall(r"^make ([a-z0-9-]+)", text, re.MULTILINE)
            )
            unknown = {word for words in named for word in words.split()} - known
            assert unknown == set(), f"{name}: make {unknown}"


def test_the_machine_runs_what_the_readme_names(root: Path) -> None:
    script = (root / ".ci/run").read_text(encoding="utf-8")
    commands = re.findall(r"^make [a-z-]+$", script, flags=re.MULTILINE)
    readme = (root / "README.md").read_text(encoding="utf-8")
    assert commands == ["make lint", "make test"]
    assert all(command in readme for command in commands)


def test_workflow_actions_are_pinned_by_commit(root: Path) -> None:
    used = [
        step["uses"] for workflow in workflows(root).values() for step in steps(workflow) if "uses" in step
    ]
    assert used
    assert [action for action in used if not PINNED.match(action)] == []


def test_workflows_have_least_rights_and_an_end(root: Path) -> None:
    for name, workflow in workflows(root).items():
        assert workflow["permissions"] == {}, name
        assert "concurrency" in workflow, name
        for key, job in workflow["jobs"].items():
            assert int(job["timeout-minutes"]) <= 60, f"{name}: {key}"
            written = {right for right, kind in job.get("permissions", {}).items() if kind != "read"}
            assert written == WRITTEN.get((name, key), set()), f"{name}: {key}"


def test_git_flow_has_its_workflows(root: Path) -> None:
    found = workflows(root)
    assert found["quick.yaml"]["on"] == {"pull_request": {"branches": ["develop"]}}
    assert found["full.yaml"]["on"] == {"push": {"branches": ["develop", "main", "release/*", "hotfix/*"]}}
    assert any(step.get("run") == ".ci/run" for step in steps(found["full.yaml"]))
    assert found["release.yaml"]["on"] == {"push": {"branches": ["release/*", "hotfix/*"], "tags": ["v*"]}}


def test_only_a_tag_reaches_the_secrets(root: Path) -> None:
    for name, workflow in workflows(root).items():
        for key, job in workflow["jobs"].items():
            secret = "secrets." in str(job)
            assert secret == ("environment" in job), f"{name}: {key}: secrets stand in an environment"
            if secret or WRITTEN.get((name, key)):
                assert job["if"].startswith("github.ref_type == 'tag'"), f"{name}: {key}"
                assert "pull_request" not in workflow["on"], name


def test_what_is_published_was_tested_and_scanned(root: Path) -> None:
    jobs = workflows(root)["release.yaml"]["jobs"]
    assert set(jobs["publish"]["needs"]) == set(jobs) - {"images", "publish", "release"}
    assert {"compose", "kubernetes", "scan"} <= set(jobs["publish"]["needs"])
    assert jobs["release"]["needs"] == "publish"
    builds = [key for key, job in jobs.items() if "release_images.sh build" in str(job)]
    assert builds == ["images"], "images are built once"


def test_examples_are_valid_and_without_warnings(root: Path) -> None:
    examples = sorted((root / "examples").glob("*.yaml"))
    assert len(examples) >= 6
    for path in examples:
        assert load_scenario(path).warnings == (), path.name


def test_every_example_says_what_to_look_at(root: Path) -> None:
    for path in sorted((root / "examples").glob("*.yaml")):
        text = path.read_text(encoding="utf-8")
        assert text.startswith("# yaml-language-server: $schema=../docs/scenario.schema.json\n"), path.name
        assert f"headroom run examples/{path.name}" in text, path.name


def test_scenarios_in_the_documents_are_valid(texts: dict[str, str]) -> None:
    blocks = [
        block
        for name, text in texts.items()
        if name.endswith(".md")
        for block in SCENARIO_BLOCK.findall(text)
    ]
    assert blocks
    for block in blocks:
        assert load_scenario(block).warnings == ()
