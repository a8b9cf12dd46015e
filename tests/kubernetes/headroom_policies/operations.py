"""Policies for what runs by itself: autoscaling and monitoring."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headroom_common.contracts.registry import CONTRACTS
from headroom_policies.manifests import COMPONENT, SERVICES, Manifests, Object, selects, told
from headroom_policies.rules import rule

if TYPE_CHECKING:
    from collections.abc import Iterator

STAGES = SERVICES[1:]
SIGNALS = {"headroom.run.cancelled.v1", "headroom.run.deleted.v1", "headroom.service.polled.v1"}
"""Events that cost nothing to handle: their queues ask for no replicas."""


def work_queues(service: str) -> set[str]:
    """Return the names of the queues that a service's replicas share, and that hold work."""
    return {
        f"{service}.{name}"
        for name, contract in CONTRACTS.items()
        if service in contract.consumers and service not in contract.private and name not in SIGNALS
    }


@rule(27)
def stages_scale_on_their_queues(manifests: Manifests) -> Iterator[str]:
    """On all queues with work, what is in hand counted, between bounds, also when nothing can be asked."""
    scalers = manifests.of("ScaledObject")
    if scalers and {one["spec"]["scaleTargetRef"]["name"] for one in scalers} != set(STAGES):
        yield f"expected a ScaledObject for each of {', '.join(STAGES)}"
    for scaler in scalers:
        spec, target = scaler["spec"], scaler["spec"]["scaleTargetRef"]["name"]
        low, high = spec.get("minReplicaCount", 0), spec.get("maxReplicaCount", 100)
        if not 2 <= low < high <= 50:
            yield f"{told(scaler)}: expected 2 <= minimum < maximum <= 50 replicas, found {low}, {high}"
        if not low <= spec.get("fallback", {}).get("replicas", 0) <= high:
            yield f"{told(scaler)}: fallback.replicas: expected {low} to {high}"
        queues = {trigger["metadata"]["queueName"] for trigger in spec["triggers"]}
        if queues != work_queues(target):
            yield f"{told(scaler)}: triggers: expected {sorted(work_queues(target))}, found {sorted(queues)}"
        for trigger in spec["triggers"]:
            if trigger["metadata"].get("protocol") != "http":
                yield f"{told(scaler)}: protocol: expected http, which counts unacknowledged messages"
            reference = trigger.get("authenticationRef", {}).get("name", "")
            if manifests.named("TriggerAuthentication", reference) is None:
                yield f"{told(scaler)}: authenticationRef: expected one of the manifests'"
        yield from _left_alone(manifests, scaler, target)


@rule(27)
def the_gateway_scales_between_bounds(manifests: Manifests) -> Iterator[str]:
    """On its processor time, and one pod at a time down."""
    for scaler in manifests.of("HorizontalPodAutoscaler"):
        spec = scaler["spec"]
        if not 2 <= spec.get("minReplicas", 1) < spec["maxReplicas"]:
            yield f"{told(scaler)}: expected 2 <= minReplicas < maxReplicas"
        policies = spec.get("behavior", {}).get("scaleDown", {}).get("policies", [])
        if {"type": "Pods", "value": 1, "periodSeconds": 60} not in policies:
            yield f"{told(scaler)}: behavior.scaleDown: expected one pod a minute"
        yield from _left_alone(manifests, scaler, spec["scaleTargetRef"]["name"])


def _left_alone(manifests: Manifests, scaler: Object, target: str) -> Iterator[str]:
    """An autoscaler's Deployment must have no number of replicas: applying it again would set it back."""
    found = manifests.named("Deployment", target)
    if found is None:
        yield f"{told(scaler)}: scaleTargetRef: expected a Deployment of the manifests, found {target}"
    elif "replicas" in found["spec"]:
        yield f"{told(found)}: replicas: expected none beside {told(scaler)}"


@rule(36)
def everything_with_metrics_is_asked(manifests: Manifests) -> Iterator[str]:
    """By a port that its Service has; and there are rules and dashboards."""
    monitors = manifests.of("ServiceMonitor")
    if not monitors:
        return
    for service in manifests.of("Service"):
        name, labels = service["metadata"]["name"], service["metadata"]["labels"]
        asked = [one for one in monitors if selects(one["spec"]["selector"], labels)]
        if name in (*SERVICES, "rabbitmq") and not asked:
            yield f"{told(service)}: expected a ServiceMonitor that selects it, found {labels.get(COMPONENT)}"
        ports = {port["name"] for port in service["spec"]["ports"]}
        for monitor in asked:
            for endpoint in monitor["spec"]["endpoints"]:
                if endpoint["port"] not in ports:
                    yield f"{told(monitor)}: port: expected one of {sorted(ports)}, found {endpoint['port']}"
    if not any(rule_["spec"]["groups"] for rule_ in manifests.of("PrometheusRule")):
        yield "expected a PrometheusRule with groups"
    if not [
        one for one in manifests.of("ConfigMap") if "grafana_dashboard" in one["metadata"].get("labels", {})
    ]:
        yield "expected dashboards"
