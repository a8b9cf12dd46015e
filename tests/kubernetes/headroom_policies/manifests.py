"""Rendered manifests, and questions that policies ask about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Object = dict[str, Any]

NAME: Final = "app.kubernetes.io/name"
PART_OF: Final = "app.kubernetes.io/part-of"
COMPONENT: Final = "app.kubernetes.io/component"
VERSION: Final = "app.kubernetes.io/version"

SERVICES: Final = ("gateway", "generator", "router", "server-model", "analysis")
"""Our own; what else runs is bought in."""

WORKLOADS: Final = ("Deployment", "StatefulSet", "Job")


def told(obj: Object) -> str:
    """Return how messages call an object."""
    return f"{obj['kind']}/{obj['metadata']['name']}"


@dataclass(frozen=True)
class Workload:
    """Something that makes pods."""

    object: Object

    @property
    def kind(self) -> str:
        """Its kind."""
        kind: str = self.object["kind"]
        return kind

    @property
    def name(self) -> str:
        """Its name."""
        name: str = self.object["metadata"]["name"]
        return name

    @property
    def told(self) -> str:
        """How messages call it."""
        return told(self.object)

    @property
    def spec(self) -> Object:
        """Its specification."""
        spec: Object = self.object["spec"]
        return spec

    @property
    def labels(self) -> dict[str, str]:
        """Labels of its pods."""
        labels: dict[str, str] = self.spec["template"]["metadata"].get("labels", {})
        return labels

    @property
    def pod(self) -> Object:
        """Specification of its pods."""
        pod: Object = self.spec["template"]["spec"]
        return pod

    @property
    def containers(self) -> list[Object]:
        """All containers of its pods, those that run first included."""
        return [*self.pod.get("initContainers", []), *self.pod["containers"]]

    @property
    def ours(self) -> bool:
        """Whether its pods are one of our services."""
        return self.kind == "Deployment" and self.name in SERVICES

    def volumes(self, kind: str) -> Iterator[Object]:
        """Yield the sources of a kind among its volumes, projected ones included."""
        for volume in self.pod.get("volumes", []):
            if kind in volume:
                yield volume[kind]
            for source in volume.get("projected", {}).get("sources", []):
                if kind in source:
                    yield source[kind]


class Manifests:
    """What a kustomization renders to.

    Args:
        objects: the rendered objects.
    """

    def __init__(self, objects: list[Object]) -> None:
        self.objects = objects

    def of(self, *kinds: str) -> list[Object]:
        """Return the objects of these kinds."""
        return [obj for obj in self.objects if obj["kind"] in kinds]

    def named(self, kind: str, name: str) -> Object | None:
        """Return an object, None if there is none of that name."""
        return next((obj for obj in self.of(kind) if obj["metadata"]["name"] == name), None)

    def starting(self, kind: str, name: str) -> Object | None:
        """Return the object that a generator made of a name, None if there is none."""
        return next(
            (obj for obj in self.of(kind) if obj["metadata"]["name"].rpartition("-")[0] == name), None
        )

    @property
    def workloads(self) -> list[Workload]:
        """What makes pods."""
        return [Workload(obj) for obj in self.of(*WORKLOADS)]

    @property
    def services(self) -> list[Workload]:
        """Deployments of our own services."""
        return [workload for workload in self.workloads if workload.ours]

    def environment(self, workload: Workload) -> dict[str, str]:
        """Return the literal variables that a workload's containers get, directly or from ConfigMaps."""
        found: dict[str, str] = {}
        for container in workload.containers:
            for source in container.get("envFrom", []):
                values = self.named("ConfigMap", source.get("configMapRef", {}).get("name", ""))
                found |= (values or {}).get("data", {})
            found |= {entry["name"]: entry["value"] for entry in container.get("env", []) if "value" in entry}
        return found


def selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Tell whether a label selector selects labels; an empty one selects all."""
    wanted = selector.get("matchLabels", {}).items() <= labels.items()
    return wanted and all(_meets(expression, labels) for expression in selector.get("matchExpressions", []))


def _meets(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    value, values = labels.get(expression["key"]), expression.get("values", [])
    operators = {
        "In": value in values,
        "NotIn": value not in values,
        "Exists": value is not None,
        "DoesNotExist": value is None,
    }
    return operators[expression["operator"]]
