"""How one pod on Kubernetes is, and why it is not ready, read from the API's object."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

_COMING: Final = frozenset({"ContainerCreating", "PodInitializing"})
_LONGEST: Final = 200


@dataclass(frozen=True, slots=True)
class Pod:
    """One pod.

    Attributes:
        name: its name.
        state: ``ready``, ``leaving``, or its phase in lower case.
        reason: why it is not ready; empty when it is, or is leaving.
        restarts: how often its containers were started again.
        age: seconds since it was made.
        start: seconds from being made to being ready the last time; None when it is not.
        node: where it runs; empty before that is decided.
        image: of its first container.
    """

    name: str
    state: str
    reason: str
    restarts: int
    age: float
    start: float | None
    node: str
    image: str


def pod_of(pod: Mapping[str, Any], now: datetime) -> Pod:
    """Read the API's object of a pod.

    Args:
        pod: the object, as Python's plain data.
        now: the time, with its zone.
    """
    metadata, spec, status = pod["metadata"], pod["spec"], pod.get("status", {})
    conditions = {one["type"]: one for one in status.get("conditions", [])}
    readiness = conditions.get("Ready", {})
    is_ready = readiness.get("status") == "True"
    is_leaving = "deletionTimestamp" in metadata
    state = "leaving" if is_leaving else "ready" if is_ready else status.get("phase", "Pending").lower()
    age = seconds_since(metadata["creationTimestamp"], now)
    return Pod(
        name=metadata["name"],
        state=state,
        reason="" if is_ready or is_leaving else "; ".join(_troubles(pod, conditions)),
        restarts=sum(one.get("restartCount", 0) for one in _containers(status)),
        age=age,
        start=age - seconds_since(readiness["lastTransitionTime"], now) if is_ready else None,
        node=spec.get("nodeName", ""),
        image=spec["containers"][0]["image"],
    )


def seconds_since(timestamp: str, now: datetime) -> float:
    """Return the seconds between a time stamp of the API and now."""
    return (now - datetime.fromisoformat(timestamp)).total_seconds()


def _containers(status: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for kind in ("initContainerStatuses", "containerStatuses"):
        yield from status.get(kind) or ()


def _troubles(pod: Mapping[str, Any], conditions: Mapping[str, Any]) -> Iterator[str]:
    """Return what keeps a pod from being ready."""
    status = pod.get("status", {})
    scheduled = conditions.get("PodScheduled", {})
    if scheduled.get("status") == "False":
        yield f"no node takes it: {scheduled.get('message', '')}"
    if status.get("reason"):
        yield f"{status['reason']}: {status.get('message', '')}"
    for container in _containers(status):
        if not container.get("ready"):
            yield from _trouble(container)


def _trouble(container: Mapping[str, Any]) -> Iterator[str]:
    now, before = container.get("state", {}), container.get("lastState", {})
    waiting = now.get("waiting", {}).get("reason", "")
    end = now.get("terminated") or before.get("terminated")
    if end is not None and end.get("exitCode") != 0:
        yield f"{'it crashes' if waiting else 'it ended'}: {_end(end)}"
    elif waiting and waiting not in _COMING:
        yield f"{waiting}: {_cut(now['waiting'].get('message', ''))}"
    elif "running" in now:
        yield "it runs and is not ready"
    else:
        yield "it is being started"


def _end(terminated: Mapping[str, Any]) -> str:
    """Say how a container ended: exit status, Kubernetes' word for it, and the last that it said."""
    reason = terminated.get("reason", "Error")
    word = "" if reason == "Error" else f" ({reason})"
    said = _last_words(terminated.get("message", ""))
    return f"exit status {terminated['exitCode']}{word}{f', {said}' if said else ''}"


def _last_words(message: str) -> str:
    """Return the last line that a container wrote; of a log line in JSON, what happened and why."""
    lines = [line for line in message.splitlines() if line.strip()]
    if not lines:
        return ""
    try:
        line = json.loads(lines[-1])
        return _cut(": ".join(str(line[key]) for key in ("event", "reason") if line.get(key)))
    except (ValueError, AttributeError, TypeError):
        return _cut(lines[-1])


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
