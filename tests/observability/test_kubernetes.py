"""What the kustomize components of observability/ bring to a cluster."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any, Final

import kubernetes_validate
import pytest
import yaml

ROOT: Final = Path(__file__).resolve().parents[2]
VERSION: Final = "1.32"
LARGEST_ANNOTATION: Final = 262_144
"""Bytes; `kubectl apply` keeps what it applied in an annotation."""

Json = dict[str, Any]


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Json]:
    """Everything that both components render to, by kind and name without its hash."""
    folder = tmp_path_factory.mktemp("overlay")
    # Kustomize takes relative paths alone.
    root = f"{'../' * (len(folder.parts) - 1)}{ROOT.relative_to(ROOT.root)}"
    overlay = {
        "namespace": "headroom",
        "components": [f"{root}/observability", f"{root}/observability/alloy"],
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(overlay), encoding="utf-8")
    command = [ROOT / "scripts/kubectl.sh", "kustomize", folder]
    rendered = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603 - no shell
    return {f"{one['kind']}/{one['metadata']['name']}": one for one in yaml.safe_load_all(rendered)}


def test_what_kubernetes_knows_is_valid(objects: dict[str, Json]) -> None:
    for name, found in objects.items():
        if not name.startswith("PrometheusRule/"):
            kubernetes_validate.validate(found, VERSION, strict=True)


def test_rules_are_those_of_prometheus(objects: dict[str, Json]) -> None:
    rules = yaml.safe_load((ROOT / "observability/prometheus/rules.yaml").read_text(encoding="utf-8"))
    assert objects["PrometheusRule/headroom"]["spec"] == rules


def test_dashboards_are_found_by_their_label_and_can_be_applied(objects: dict[str, Json]) -> None:
    dashboards = objects["ConfigMap/grafana-dashboards"]
    assert dashboards["metadata"]["labels"]["grafana_dashboard"] == "1"
    pages = {json.loads(text)["uid"]: name for name, text in dashboards["data"].items()}
    assert pages == {uid: f"{uid}.json" for uid in ("headroom-platform", "headroom-runs", "headroom-logs")}
    assert len(json.dumps(dashboards)) < LARGEST_ANNOTATION


def test_alloy_may_read_logs_of_its_namespace_and_nothing_else(objects: dict[str, Json]) -> None:
    assert not [name for name in objects if name.startswith("ClusterRole")]
    assert objects["Role/alloy"]["rules"] == [
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
    ]
    pod = objects["Deployment/alloy"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert "memory" in container["resources"]["limits"]
    assert not [volume for volume in pod["volumes"] if "hostPath" in volume]
    image = yaml.safe_load((ROOT / "observability/compose.yaml").read_text(encoding="utf-8"))["services"][
        "alloy"
    ]
    assert container["image"] == image["image"], "one version of Alloy"
