"""Objects as the API of a cluster returns them, cut down to what anybody reads."""

import json
from datetime import datetime, timedelta
from typing import Any, Final

Json = dict[str, Any]

MADE: Final = "2026-11-22T00:00:00Z"
"""When everything was made."""


def deployment(
    name: str,
    *,
    replicas: int = 1,
    status: Json | None = None,
    paused: bool = False,
    image: str | None = None,
) -> Json:
    """Return a Deployment, complete but for the given part of its status."""
    labels = {"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "headroom"}
    counts = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
    return {
        "metadata": {"name": name, "labels": labels, "generation": 3, "creationTimestamp": MADE},
        "spec": {
            "replicas": replicas,
            "progressDeadlineSeconds": 120,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels | {"app.kubernetes.io/version": "1.2.3"}},
                "spec": {"containers": [{"name": "service", "image": image or f"headroom/{name}:1.2.3"}]},
            },
            **({"paused": True} if paused else {}),
        },
        # The API leaves out counts that are 0.
        "status": {
            "observedGeneration": 3,
            **(dict.fromkeys(counts, replicas) if replicas else {}),
            "conditions": [
                {"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable"},
                {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"},
            ],
            **(status or {}),
        },
    }


def stalled() -> Json:
    """Return the status of a Deployment whose new pod never comes up."""
    message = 'ReplicaSet "router-abc" has timed out progressing.'
    return {
        "replicas": 2,
        "updatedReplicas": 1,
        "conditions": [
            {
                "type": "Progressing",
                "status": "False",
                "reason": "ProgressDeadlineExceeded",
                "message": message,
            }
        ],
    }


def replica_failure(message: str) -> Json:
    """Return the status of a Deployment that may not have more pods."""
    refused = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}
    return {"updatedReplicas": 1, "conditions": [refused]}


def pod(name: str, *, restarts: int = 0, ready_after: float | None = 5, image: str | None = None) -> Json:
    """Return a pod of router, ready so many seconds after it was made."""
    labels = {"app.kubernetes.io/name": "router", "app.kubernetes.io/part-of": "headroom"}
    condition = {
        "type": "Ready",
        "status": "False",
        "reason": "ContainersNotReady",
        "lastTransitionTime": MADE,
    }
    if ready_after is not None:
        since = datetime.fromisoformat(MADE) + timedelta(seconds=ready_after)
        condition |= {"status": "True", "lastTransitionTime": since.isoformat()}
    return {
        "metadata": {"name": name, "labels": labels, "creationTimestamp": MADE},
        "spec": {
            "nodeName": "node-1",
            "containers": [{"name": "service", "image": image or "headroom/router:1.2.3"}],
        },
        "status": {
            "phase": "Running",
            "conditions": [condition, {"type": "PodScheduled", "status": "True"}],
            "containerStatuses": [
                {
                    "name": "service",
                    "ready": ready_after is not None,
                    "restartCount": restarts,
                    "state": {"running": {"startedAt": MADE}},
                    "lastState": {},
                }
            ],
        },
    }


def crashing(name: str, *, message: str = "") -> Json:
    """Return a pod whose container ends again and again, having written the message at last."""
    made = pod(name, restarts=5, ready_after=None)
    wait = {"reason": "CrashLoopBackOff", "message": "back-off 5m0s restarting failed container"}
    end = {"exitCode": 1, "reason": "Error", "message": message}
    made["status"]["containerStatuses"][0] |= {"state": {"waiting": wait}, "lastState": {"terminated": end}}
    return made


def not_pulled(name: str) -> Json:
    """Return a pod whose image is nowhere."""
    made = pod(name, ready_after=None, image="headroom/router:9.9.9")
    made["status"]["phase"] = "Pending"
    wait = {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "headroom/router:9.9.9"'}
    made["status"]["containerStatuses"][0] |= {"state": {"waiting": wait}}
    return made


def unschedulable(name: str) -> Json:
    """Return a pod that fits nowhere."""
    made = pod(name, ready_after=None)
    del made["spec"]["nodeName"]
    message = "0/1 nodes are available: 1 Insufficient cpu."
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    made["status"] = {"phase": "Pending", "conditions": [condition]}
    return made


def autoscaler(name: str, *, wanted: int = 1, condition: str = "", reason: str = "FailedGetScale") -> Json:
    """Return an autoscaler of a Deployment, with a message of why it cannot scale."""
    annotations = {}
    if condition:
        found = {"type": "ScalingActive", "status": "False", "reason": reason, "message": condition}
        able = {"type": "AbleToScale", "status": "True", "reason": "SucceededGetScale"}
        annotations["autoscaling.alpha.kubernetes.io/conditions"] = json.dumps([able, found])
    return {
        "metadata": {"name": f"keda-hpa-{name}", "annotations": annotations},
        "spec": {"scaleTargetRef": {"kind": "Deployment", "name": name}, "maxReplicas": 10},
        "status": {"currentReplicas": wanted, "desiredReplicas": wanted},
    }
