"""What the Kubernetes manifests of an overlay say, read from the files that its kustomization names.

Patches are not applied: the diagrams show what stands in the resources themselves, and `pod.yaml`, which base
puts into each Deployment, apart from them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
K8S = ROOT / "k8s"
NAME = "app.kubernetes.io/name"
NAMESPACE = "kubernetes.io/metadata.name"
Manifest = dict[str, Any]


@dataclass(frozen=True, order=True)
class Arrow:
    """A connection that the network policies allow.

    Attributes:
        source: the name of a service, or `namespace/` and the name of a namespace.
        target: the name of what is connected to.
        port: its port.
    """

    source: str
    target: str
    port: int


def read(path: Path) -> list[Manifest]:
    """Return the documents of a file."""
    return [one for one in yaml.safe_load_all(path.read_text(encoding="utf-8")) if one]


def manifests(folder: Path) -> list[Manifest]:
    """Return the resources of a kustomization and of all that it builds on, in the order of the files."""
    kustomization = read(folder / "kustomization.yaml")[0]
    found: list[Manifest] = []
    for name in [*kustomization.get("resources", []), *kustomization.get("components", [])]:
        path = (folder / name).resolve()
        found += manifests(path) if path.is_dir() else read(path)
    return found


def overlay(name: str) -> list[Manifest]:
    """Return the resources of an overlay."""
    return manifests(K8S / "overlays" / name)


def of_kind(kind: str, found: list[Manifest]) -> dict[str, Manifest]:
    """Return the resources of a kind by name."""
    return {one["metadata"]["name"]: one for one in found if one["kind"] == kind}


def selected(selector: Manifest) -> list[str]:
    """Return the names that a selector of pods takes."""
    names = [selector["matchLabels"][NAME]] if NAME in selector.get("matchLabels", {}) else []
    for expression in selector.get("matchExpressions", []):
        if expression["key"] == NAME:
            names += expression["values"]
    return names


def arrows(found: list[Manifest]) -> list[Arrow]:
    """Return what the policies let in: who connects to what at which port."""
    allowed = set()
    for policy in of_kind("NetworkPolicy", found).values():
        for rule in policy["spec"].get("ingress", []):
            for peer in rule["from"]:
                space = peer.get("namespaceSelector", {}).get("matchLabels", {}).get(NAMESPACE)
                sources = [f"namespace/{space}"] if space else selected(peer["podSelector"])
                allowed |= {
                    Arrow(source, target, port["port"])
                    for source in sources
                    for target in selected(policy["spec"]["podSelector"])
                    for port in rule["ports"]
                }
    return sorted(arrow for arrow in allowed if arrow.source != arrow.target)


def secrets(workload: Manifest) -> list[str]:
    """Return the names of the Secrets that are mounted into a workload's pods."""
    volumes = workload["spec"]["template"]["spec"].get("volumes", [])
    names = [volume["secret"]["secretName"] for volume in volumes if "secret" in volume]
    for volume in volumes:
        sources = volume.get("projected", {}).get("sources", [])
        names += [source["secret"]["name"] for source in sources if "secret" in source]
    return names
