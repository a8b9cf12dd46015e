"""The development overlay, as a cluster of tests can take it.

What a cluster lacks (a newer version of the API, storage) is left out or replaced here, in an overlay over
the overlay, and never in k8s/ itself.
"""

import shutil
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import yaml

from headroom_clusters.kubectl import ROOT, Kubectl
from headroom_clusters.nodes import SERVICES, Cluster
from scripts.make_secrets import write

Json = dict[str, Any]

_MIGRATIONS: Final = "app.kubernetes.io/component=migration"


class Overlay:
    """A copy of k8s/ with secrets of its own and an overlay for one namespace.

    Args:
        folder: where the copy goes.
        kubectl: of the cluster and the namespace.
        cluster: what it takes.

    Attributes:
        key: the gateway's admin key.
        keeps_data: whether what servers keep outlives their pods.
    """

    def __init__(self, folder: Path, kubectl: Kubectl, cluster: Cluster) -> None:
        ignored = shutil.ignore_patterns("secrets", ".secrets")
        shutil.copytree(ROOT / "k8s", folder / "k8s", ignore=ignored)
        self._kubectl = kubectl
        self._dev = folder / "k8s/overlays/dev"
        self._own = folder / "k8s/overlays/e2e"
        self._own.mkdir()
        secrets = write(self._dev, {})
        self.key = (secrets / "gateway-admin-key/headroom_authentication__admin_key").read_text("utf-8")
        self.keeps_data = True
        self._document = self._overlay(cluster)

    def render(self, settings: Mapping[str, str] | None = None) -> list[Json]:
        """Return all objects.

        Args:
            settings: of all services, besides those of k8s/, by variable.
        """
        literals = [f"{name}={value}" for name, value in (settings or {}).items()]
        generators = [{"name": "headroom", "behavior": "merge", "literals": literals}] if literals else []
        document = self._document | {"configMapGenerator": generators}
        (self._own / "kustomization.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
        return self._built(self._own)

    def _overlay(self, cluster: Cluster) -> Json:
        objects = self._built(self._dev)
        return {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "namespace": self._kubectl.namespace,
            "resources": ["../dev"],
            "images": [
                {"name": f"headroom/{name}", "newName": f"{cluster.prefix}{name}", "newTag": cluster.tag}
                for name in SERVICES
            ],
            "patches": [*self._left_out(objects), *self._stored(objects), _DOOR],
        }

    def _left_out(self, objects: Sequence[Json]) -> Iterator[Json]:
        """Delete what the cluster has no version of the API for."""
        served = set(self._kubectl("api-versions").split())
        for one in objects:
            if one["apiVersion"] not in served:
                gone = {key: one[key] for key in ("apiVersion", "kind")} | {"$patch": "delete"}
                yield {"patch": yaml.safe_dump(gone | {"metadata": {"name": one["metadata"]["name"]}})}

    def _stored(self, objects: Sequence[Json]) -> Iterator[Json]:
        """Where nobody gives out storage, keep the servers' data on this machine, or else in their pods."""
        classes = self._kubectl.get("storageclasses")["items"]
        default = "storageclass.kubernetes.io/is-default-class"
        if any(one["metadata"].get("annotations", {}).get(default) == "true" for one in classes):
            return
        self.keeps_data = self._is_here()
        for one in objects:
            for claim in one["spec"].get("volumeClaimTemplates", ()) if one["kind"] == "StatefulSet" else ():
                name = one["metadata"]["name"]
                place: Json = {"emptyDir": {}}
                if self.keeps_data:
                    path = self._own.parents[2] / "volumes" / name
                    path.mkdir(parents=True)
                    path.chmod(0o777)  # the servers' own users write there
                    place = {"hostPath": {"path": str(path)}}
                yield _kept_at(name, {"name": claim["metadata"]["name"], **place})

    def _is_here(self) -> bool:
        """Tell whether the cluster's one node is this machine."""
        hosts = [internal_address(node) for node in self._kubectl.get("nodes")["items"]]
        with socket.socket() as mine, suppress(OSError):
            mine.bind((hosts[0], 0))
            return len(hosts) == 1
        return False

    def _built(self, folder: Path) -> list[Json]:
        return list(yaml.safe_load_all(self._kubectl("kustomize", str(folder))))


def migrations(objects: Sequence[Json]) -> list[Json]:
    """Return the Jobs that make the tables."""
    return [one for one in objects if one["kind"] == "Job"]


def internal_address(node: Json) -> str:
    """Return the address of a node in its cluster."""
    return next(one["address"] for one in node["status"]["addresses"] if one["type"] == "InternalIP")


def as_text(objects: Sequence[Json]) -> str:
    """Return objects as a document that kubectl takes."""
    return yaml.safe_dump_all(objects)


def _kept_at(name: str, volume: Json) -> Json:
    operations = [
        {"op": "remove", "path": "/spec/volumeClaimTemplates"},
        {"op": "add", "path": "/spec/template/spec/volumes/-", "value": volume},
    ]
    return {"target": {"kind": "StatefulSet", "name": name}, "patch": yaml.safe_dump(operations)}


_DOOR: Final[Json] = {
    "target": {"kind": "Service", "name": "gateway"},
    "patch": yaml.safe_dump([{"op": "add", "path": "/spec/type", "value": "NodePort"}]),
}
"""The gateway is reached at a port of every node, by connections that no program of ours stands between."""
