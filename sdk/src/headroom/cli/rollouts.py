"""How the Deployments of a platform on Kubernetes are, read from the objects that its API returned.

Nothing is asked here. An object is the API's JSON as Python's plain data.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from headroom.cli.pods import Pod, pod_of, seconds_since

SERVICES: Final = ("gateway", "generator", "router", "server-model", "analysis")
"""The services that a platform consists of; their Deployments have the same names."""

_VERSION: Final = "app.kubernetes.io/version"
_CONDITIONS: Final = "autoscaling.alpha.kubernetes.io/conditions"
_PODS_TOLD: Final = 2

Json = Mapping[str, Any]
"""An object of the API, or a part of one."""


class RolloutState(StrEnum):
    """How far a Deployment is."""

    COMPLETE = "complete"
    PROGRESSING = "progressing"
    PAUSED = "paused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ClusterObjects:
    """What the API returned of one namespace.

    Attributes:
        deployments: of the platform.
        pods: of the platform.
        autoscalers: all of the namespace, as autoscaling/v1.
    """

    deployments: Sequence[Json]
    pods: Sequence[Json]
    autoscalers: Sequence[Json]


@dataclass(frozen=True, slots=True)
class Autoscaler:
    """Who decides about the number of pods.

    Attributes:
        least: fewest pods.
        most: most pods.
        wanted: pods that it wants now.
        reason: why it cannot decide; empty when it can.
    """

    least: int
    most: int
    wanted: int
    reason: str


@dataclass(frozen=True, slots=True)
class Rollout:
    """One Deployment.

    Attributes:
        service: its name.
        image: of its pods.
        version: of its pods, as they are labelled; the image's tag where they are not.
        state: how far it is.
        reason: why it is not complete; empty when it is.
        desired: pods that it should have.
        updated: pods of its newest template.
        ready: pods that are ready.
        restarts: how often containers of its pods were started again.
        age: seconds since it was made.
        autoscaler: who decides about ``desired``; None when nobody does.
        pods: all of them, oldest first.
    """

    service: str
    image: str
    version: str
    state: RolloutState
    reason: str
    desired: int
    updated: int
    ready: int
    restarts: int
    age: float
    autoscaler: Autoscaler | None
    pods: Sequence[Pod]

    @property
    def as_wanted(self) -> bool:
        """Whether nobody has to look after it."""
        return self.state is RolloutState.COMPLETE and not (self.autoscaler and self.autoscaler.reason)


def rollouts_of(objects: ClusterObjects, now: datetime) -> list[Rollout]:
    """Return the Deployments, in the order of the services and then of their names.

    Args:
        objects: what the API returned.
        now: the time, with its zone.
    """
    order = {name: place for place, name in enumerate(SERVICES)}
    found = [_rollout(one, objects, now) for one in objects.deployments]
    return sorted(found, key=lambda one: (order.get(one.service, len(order)), one.service))


def missing(rollouts: Sequence[Rollout]) -> list[str]:
    """Return the services that have no Deployment."""
    there = {one.service for one in rollouts}
    return [name for name in SERVICES if name not in there]


def _rollout(deployment: Json, objects: ClusterObjects, now: datetime) -> Rollout:
    metadata, spec, status = deployment["metadata"], deployment["spec"], deployment.get("status", {})
    template = spec["template"]
    image = template["spec"]["containers"][0]["image"]
    selector = spec["selector"].get("matchLabels", {}).items()
    own = [one for one in objects.pods if selector <= one["metadata"].get("labels", {}).items()]
    pods = sorted((pod_of(one, now) for one in own), key=lambda pod: -pod.age)
    state, reasons = _state(deployment)
    if state is not RolloutState.COMPLETE:
        troubles = dict.fromkeys(pod.reason for pod in pods if pod.reason)
        reasons = [*reasons, *list(troubles)[:_PODS_TOLD]]
    return Rollout(
        service=metadata["name"],
        image=image,
        version=template["metadata"].get("labels", {}).get(_VERSION) or _tag(image),
        state=state,
        reason="; ".join(reasons),
        desired=spec.get("replicas", 1),
        updated=status.get("updatedReplicas", 0),
        ready=status.get("readyReplicas", 0),
        restarts=sum(pod.restarts for pod in pods),
        age=seconds_since(metadata["creationTimestamp"], now),
        autoscaler=_autoscaler(metadata["name"], objects.autoscalers),
        pods=pods,
    )


def _state(deployment: Json) -> tuple[RolloutState, list[str]]:
    """Tell how far a Deployment is, and why it is no farther."""
    spec, status = deployment["spec"], deployment.get("status", {})
    desired = spec.get("replicas", 1)
    conditions = {one["type"]: one for one in status.get("conditions", [])}
    reasons = list(_lacking(deployment, desired))
    refused = conditions.get("ReplicaFailure", {})
    if refused.get("status") == "True":
        reasons.insert(0, refused.get("message", "pods are refused"))
    progress = conditions.get("Progressing", {})
    if spec.get("paused"):
        return RolloutState.PAUSED, ["paused", *reasons]
    if not reasons:
        return RolloutState.COMPLETE, []
    if progress.get("status") == "False":
        limit = spec.get("progressDeadlineSeconds", 600)
        return RolloutState.FAILED, [f"no progress within {limit} s", *reasons]
    return RolloutState.PROGRESSING, reasons


def _lacking(deployment: Json, desired: int) -> Iterator[str]:
    """Return what a Deployment lacks until its rollout is complete."""
    status = deployment.get("status", {})
    updated, total = status.get("updatedReplicas", 0), status.get("replicas", 0)
    if status.get("observedGeneration", 0) < deployment["metadata"].get("generation", 0):
        yield "the cluster has not seen its newest version yet"
    elif updated < desired:
        yield f"{updated} of {desired} pods are updated"
    elif total > updated:
        yield f"older pods that have not ended: {total - updated}"
    elif (available := status.get("availableReplicas", 0)) < desired:
        yield f"{available} of {desired} pods are available"


def _autoscaler(service: str, autoscalers: Sequence[Json]) -> Autoscaler | None:
    for one in autoscalers:
        spec, status = one["spec"], one.get("status", {})
        target = spec["scaleTargetRef"]
        if target["kind"] == "Deployment" and target["name"] == service:
            return Autoscaler(
                least=spec.get("minReplicas", 1),
                most=spec["maxReplicas"],
                wanted=status.get("desiredReplicas", 0),
                reason=_why_idle(one),
            )
    return None


def _why_idle(autoscaler: Json) -> str:
    """Say why an autoscaler cannot decide; in autoscaling/v1 its conditions are an annotation.

    One whose pods were all taken away on purpose rests, and nothing is wrong.
    """
    conditions = json.loads(autoscaler["metadata"].get("annotations", {}).get(_CONDITIONS, "[]"))
    for condition in conditions:
        stuck = condition["type"] in {"AbleToScale", "ScalingActive"} and condition["status"] == "False"
        if stuck and condition.get("reason") != "ScalingDisabled":
            return str(condition.get("message") or condition.get("reason", "it cannot scale"))
    return ""


def _tag(image: str) -> str:
    """Return the tag of an image's name; empty when it has none."""
    name = image.partition("@")[0].rpartition("/")[2]
    return name.partition(":")[2]
