"""A platform in a namespace of its own, and what a test does to it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from headroom_clusters.kubectl import ROOT, Kubectl, KubectlError
from headroom_clusters.load import Load, embedded_results
from headroom_clusters.nodes import SERVICES, Cluster
from headroom_clusters.overlays import Overlay, as_text, internal_address, migrations

START_BUDGET_SECONDS: Final = 30
"""From the making of a pod to its being ready, on a machine that has its cores to itself."""

_ROLLOUT_SECONDS: Final = 180
_FIRST_SECONDS: Final = 300.0


class Platform:
    """All services on a cluster.

    Args:
        kubectl: of its namespace.
        overlay: its manifests.
        expected: bytes of the results of undisturbed runs, by seed.

    Attributes:
        kubectl: as given.
        starts: seconds from being made to being ready, by service and pod, but for the first ones, which wait
            for their servers and tables.
        keeps_data: whether what servers keep outlives their pods.
        before_tables: state, reason and readiness of the gateway before its tables were made.
    """

    def __init__(self, kubectl: Kubectl, overlay: Overlay, expected: dict[int, str]) -> None:
        self.kubectl = kubectl
        self.starts: dict[str, dict[str, float]] = {service: {} for service in SERVICES}
        self.before_tables: Mapping[str, Any] = {}
        self.keeps_data = overlay.keeps_data
        self._first: set[str] = set()
        self._overlay = overlay
        self._expected = expected

    def install(self) -> None:
        """Apply everything, the Jobs that make the tables last; wait until all is complete."""
        objects = self._overlay.render()
        jobs = migrations(objects)
        others = [one for one in objects if one not in jobs]
        self.kubectl("apply", "--filename", "-", stdin=as_text(others))
        self.kubectl.until(self._awaits_tables, "the gateway looks for its tables", seconds=_FIRST_SECONDS)
        self.kubectl("apply", "--filename", "-", stdin=as_text(jobs))
        self.until_complete(seconds=_FIRST_SECONDS)
        self._first = {pod["metadata"]["name"] for service in SERVICES for pod in self.pods(service)}
        self.starts = {service: {} for service in SERVICES}

    def apply(self, **settings: str) -> None:
        """Apply everything again, with other settings."""
        self.kubectl("apply", "--filename", "-", stdin=as_text(self._overlay.render(settings)))

    @property
    def url(self) -> str:
        """The gateway, at a port of a node."""
        port = self.kubectl.get("service", "gateway")["spec"]["ports"][0]["nodePort"]
        return f"http://{internal_address(self.kubectl.get('nodes')['items'][0])}:{port}"

    def load(self) -> Load:
        """Return users who are at it while a block lasts."""
        return Load(self.url, self._overlay.key, self._expected)

    def status(self) -> tuple[int, Mapping[str, Any]]:
        """Return exit status and document of `headroom rollout status`."""
        command = Path(sys.executable).with_name("headroom")
        done = subprocess.run(  # noqa: S603 - our own command
            [command, "rollout", "status", "--json", "--namespace", self.kubectl.namespace],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)

    def rollout(self, service: str) -> Mapping[str, Any]:
        """Return what `headroom rollout status` tells of a service."""
        _, document = self.status()
        return next(one for one in document["rollouts"] if one["service"] == service)

    def until_complete(self, *, seconds: float = _ROLLOUT_SECONDS) -> None:
        """Wait until all Deployments are as wanted and nothing of older ones is left."""
        for server in ("postgresql", "rabbitmq"):
            self._rolled_out(f"statefulset/{server}", seconds)
        for service in SERVICES:
            self._rolled_out(f"deployment/{service}", seconds)
        self.note_starts()

    def restart(self, service: str) -> None:
        """Replace all pods of a service, one after the other."""
        self.kubectl("rollout", "restart", f"deployment/{service}")
        self._rolled_out(f"deployment/{service}")

    def scale(self, service: str, replicas: int) -> None:
        """Have so many pods of a service; wait until they are there."""
        self.kubectl("scale", f"deployment/{service}", f"--replicas={replicas}")
        self._rolled_out(f"deployment/{service}")

    def kill(self, service: str) -> None:
        """Take a pod away with no grace; wait until there is another one."""
        victim = self.pods(service)[0]["metadata"]
        self.kubectl("delete", "pod", victim["name"], "--grace-period=0", "--force")

        def is_replaced() -> bool:
            pods = self.pods(service)  # one of a StatefulSet has the name of the one before
            others = all(pod["metadata"]["uid"] != victim["uid"] for pod in pods)
            return others and bool(pods) and all(ready(pod) for pod in pods)

        self.kubectl.until(is_replaced, f"another pod of {service}", seconds=_ROLLOUT_SECONDS)
        self.note_starts()

    def settle(self, service: str) -> None:
        """Wait until the pods that leave have gone, however long they say goodbye."""
        selector = f"--selector=app.kubernetes.io/name={service}"
        self.kubectl.until(
            lambda: len(self.kubectl.get("pods", selector)["items"]) == len(self.pods(service)),
            f"the end of the older pods of {service}",
            seconds=_ROLLOUT_SECONDS,
        )

    def pods(self, service: str) -> Sequence[Mapping[str, Any]]:
        """Return the pods of a service that are not leaving."""
        found = self.kubectl.get("pods", "--selector", f"app.kubernetes.io/name={service}")["items"]
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def say(self, figures: str) -> None:
        """Add to the figures of this run, which are kept with its log."""
        path = Path(os.environ.get("HEADROOM_E2E_FIGURES", ROOT / "out" / "cluster.txt"))
        path.parent.mkdir(exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{datetime.now(UTC):%F %T} {figures}\n")

    def note_starts(self) -> None:
        """Note how long the pods that are there took to become ready."""
        for service in SERVICES:
            for pod in self.pods(service):
                if ready(pod) and pod["metadata"]["name"] not in self._first:
                    self.starts[service].setdefault(pod["metadata"]["name"], start_seconds(pod))

    def _rolled_out(self, what: str, seconds: float = _ROLLOUT_SECONDS) -> None:
        timeout = f"--timeout={seconds:g}s"
        self.kubectl("rollout", "status", what, timeout, timeout=seconds + 30)
        self.note_starts()

    def _awaits_tables(self) -> bool:
        """Tell whether the gateway has looked for its tables and found none; notes what it says of itself."""
        for pod in self.pods("gateway"):
            place = f"/api/v1/namespaces/{self.kubectl.namespace}/pods/{pod['metadata']['name']}:8080/proxy"
            with suppress(KubectlError):  # it does not listen yet
                told = json.loads(self.kubectl("get", "--raw", f"{place}/health/live"))
                self.before_tables = told | {"ready": ready(pod)}
        return "expected revision" in self.before_tables.get("reason", "")


def ready(pod: Mapping[str, Any]) -> bool:
    """Tell whether a pod is ready."""
    return _condition(pod, "Ready").get("status") == "True"


def start_seconds(pod: Mapping[str, Any]) -> float:
    """Return the seconds from a pod's making to its being ready; the cluster tells whole ones."""
    since = datetime.fromisoformat(_condition(pod, "Ready")["lastTransitionTime"])
    return (since - datetime.fromisoformat(pod["metadata"]["creationTimestamp"])).total_seconds()


def _condition(pod: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    return next((one for one in pod["status"].get("conditions", ()) if one["type"] == kind), {})


@contextmanager
def platform_on(cluster: Cluster, folder: Path) -> Iterator[Platform]:
    """Bring a platform up in a namespace of its own, and delete both at the end."""
    kubectl = Kubectl(f"headroom-e2e-{uuid4().hex[:8]}")
    platform = Platform(kubectl, Overlay(folder, kubectl, cluster), embedded_results())
    try:
        platform.install()
        yield platform
    finally:
        if os.environ.get("HEADROOM_E2E_KEEP") != "1":
            kubectl("delete", "namespace", kubectl.namespace, "--ignore-not-found", timeout=300)
