"""Overlays and combinations of components: all are looked at, and what is missing is said clearly."""

from __future__ import annotations

import re
import shutil
import subprocess
from itertools import combinations
from typing import TYPE_CHECKING

import pytest
import yaml
from headroom_policies.rendering import (
    ADDRESSES,
    AXES,
    OVERLAYS,
    ROOT,
    RenderingError,
    add_combinations,
    copy_tree,
    pairwise,
    render,
)
from headroom_policies.rules import findings

from scripts.make_secrets import write

if TYPE_CHECKING:
    from pathlib import Path

INDIRECT = {"behind-proxy"}
"""Components that others bring."""


def test_any_two_choices_meet_in_a_combination() -> None:
    chosen = pairwise()
    for (i, one), (j, other) in combinations(enumerate(AXES), 2):
        for a in one:
            for b in other:
                assert any(choice[i] == a and choice[j] == b for choice in chosen), (a, b)
    assert len(chosen) < 16


def test_every_component_and_overlay_is_looked_at() -> None:
    known = {name for axis in AXES for choice in axis for name in choice} | INDIRECT
    assert {path.name for path in (ROOT / "k8s/components").iterdir()} == known
    assert {path.name for path in (ROOT / "k8s/overlays").iterdir()} == set(OVERLAYS)


def test_combinations_follow_the_policies(tmp_path: Path, kubectl: str) -> None:
    folders = add_combinations(copy_tree(tmp_path))
    folder = next(path for path in folders if "gateway-api+monitoring" in path.name)
    write(folder, ADDRESSES)
    manifests = render(folder, kubectl)
    assert manifests.of("HTTPRoute")
    assert findings(manifests) == []


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_secrets_that_are_missing_are_named(overlay: str, tmp_path: Path, kubectl: str) -> None:
    tree = copy_tree(tmp_path)
    with pytest.raises(RenderingError, match=r"overlays/\w+/secrets/broker/headroom_broker__url") as refused:
        render(tree / "overlays" / overlay, kubectl)
    assert "no such file or directory" in str(refused.value)
    about = (
        (tree / "overlays" / overlay / "kustomization.yaml")
        .read_text(encoding="utf-8")
        .partition("\napiV")[0]
    )
    assert f"make k8s-secrets OVERLAY={overlay}" in about


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_secrets_do_not_get_into_the_repository(overlay: str) -> None:
    git = shutil.which("git")
    assert git is not None
    for name in ("secrets/broker/headroom_broker__url", ".secrets/x"):
        path = f"k8s/overlays/{overlay}/{name}"
        done = subprocess.run([git, "-C", ROOT, "check-ignore", "--quiet", path], check=False)  # noqa: S603 - no shell
        assert done.returncode == 0, path


def test_no_manifest_is_a_secret() -> None:
    for path in (ROOT / "k8s").rglob("*.yaml"):
        if "secrets" not in path.parts:
            assert not re.search(r"^kind: Secret$", path.read_text(encoding="utf-8"), re.MULTILINE), path


def test_the_readme_lists_everything() -> None:
    readme = (ROOT / "k8s/README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^  ([a-z-]+)  ", readme, re.MULTILINE)
    folders = {path.name for kind in ("components", "overlays") for path in (ROOT / "k8s" / kind).iterdir()}
    assert folders <= set(listed)


def test_the_base_has_one_file_for_each_service(kubectl: str) -> None:
    base = render(ROOT / "k8s/base", kubectl)
    for workload in base.services:
        path = ROOT / f"k8s/base/{workload.name}.yaml"
        kinds = [obj["kind"] for obj in yaml.safe_load_all(path.read_text(encoding="utf-8"))]
        assert kinds == ["ServiceAccount", "Deployment", "Service", "PodDisruptionBudget"]
    assert len(base.services) == 5
    assert {container["image"].count(":") for one in base.services for container in one.containers} == {0}
