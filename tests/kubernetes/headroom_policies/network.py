"""Policies for who may talk to whom: Services, network policies, and what is seen from outside."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

from headroom_common.contracts.registry import CONTRACTS
from headroom_policies.configuration import settings_of
from headroom_policies.manifests import COMPONENT, NAME, PART_OF, Manifests, Object, Workload, selects, told
from headroom_policies.rules import rule

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMESPACE = "kubernetes.io/metadata.name"
PUBLIC_PATHS = {"/api", "/openapi.json"}
DNS = {("UDP", 53), ("TCP", 53)}
UNBOUNDED = {"rabbitmq-nodes", "alloy"}
"""Policies that may allow ports at any address: the Kubernetes API has no label."""
BROUGHT = {"alloy"}
"""Policies that a component brings for its own pods, with the others or without."""

Arrow = tuple[str, str, int]
"""Who asks, a pod's name or `namespace:<name>`; who is asked; at which port."""


@dataclass(frozen=True)
class Pod:
    """A kind of pods that runs in the namespace."""

    name: str
    labels: dict[str, str]
    ports: frozenset[int]


def pods(manifests: Manifests) -> dict[str, Pod]:
    """Return the kinds of pods, by name; those that RabbitMQ's operator makes included."""
    found = {workload.labels[NAME]: _pod(workload) for workload in manifests.workloads}
    for cluster in manifests.of("RabbitmqCluster"):
        name = cluster["metadata"]["name"]
        labels = {NAME: name, COMPONENT: "rabbitmq", PART_OF: "rabbitmq"}
        found[name] = Pod(name, labels, frozenset({5672, 15672, 15692}))
    return found


def _pod(workload: Workload) -> Pod:
    ports = {port["containerPort"] for one in workload.containers for port in one.get("ports", [])}
    return Pod(workload.labels[NAME], workload.labels, frozenset(ports))


def expected(manifests: Manifests) -> set[Arrow]:
    """Return the arrows that the architecture draws: contracts and settings say who needs what."""
    there = pods(manifests)
    services = {
        name for contract in CONTRACTS.values() for name in (*contract.producers, *contract.consumers)
    }
    arrows: set[Arrow] = {("namespace:monitoring", "rabbitmq", 15692), ("namespace:keda", "rabbitmq", 15672)}
    for service in services:
        fields = settings_of(service).model_fields
        arrows |= {(service, "rabbitmq", 5672), (service, "redis", 6379)}
        arrows.add(("namespace:monitoring", service, 8080))
        if "database_url" in fields:
            arrows |= {(name, "postgresql", 5432) for name in (service, f"{service}-migrate")}
        if "analysis_url" in fields:
            arrows.add((service, "analysis", 8080))
        if "authentication" in fields:
            arrows.add((f"namespace:{_proxy(manifests)}", service, 8080))
    return {arrow for arrow in arrows if arrow[1] in there and (arrow[0] in there or ":" in arrow[0])}


def _proxy(manifests: Manifests) -> str:
    routes = manifests.of("HTTPRoute")
    return routes[0]["spec"]["parentRefs"][0]["namespace"] if routes else "ingress-nginx"


def allowed(manifests: Manifests, direction: str) -> set[Arrow]:
    """Return the arrows that policies of one direction, `ingress` or `egress`, allow between pods.

    What the nodes of an operator's broker do among themselves is left out, and so are addresses outside.
    """
    there = pods(manifests)
    found = set()
    for policy in manifests.of("NetworkPolicy"):
        for near in there.values():
            if not selects(policy["spec"]["podSelector"], near.labels):
                continue
            for entry in policy["spec"].get(direction, []):
                peers = entry.get("from" if direction == "ingress" else "to", [])
                for far in (name for peer in peers for name in _named(peer, there)):
                    ends = (far, near.name) if direction == "ingress" else (near.name, far)
                    found |= {(*ends, port["port"]) for port in entry["ports"] if ends[0] != ends[1]}
    return {
        arrow
        for arrow in found
        if arrow[1] in there and arrow[:2] != ("namespace:rabbitmq-system", "rabbitmq")
    }


def _named(peer: Object, there: dict[str, Pod]) -> Iterator[str]:
    if "namespaceSelector" in peer:
        yield "namespace:" + peer["namespaceSelector"].get("matchLabels", {}).get(NAMESPACE, "any")
    elif "podSelector" in peer:
        yield from (pod.name for pod in there.values() if selects(peer["podSelector"], pod.labels))


@rule(25)
def nothing_is_allowed_by_default(manifests: Manifests) -> Iterator[str]:
    """Where there are policies at all, one denies everything, and none opens more than it names."""
    policies = manifests.of("NetworkPolicy")
    if {policy["metadata"]["name"] for policy in policies} <= BROUGHT:
        return
    denied = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    if denied not in [policy["spec"] for policy in policies]:
        yield "expected a NetworkPolicy that denies everything"
    for policy in policies:
        for side, peers in (("ingress", "from"), ("egress", "to")):
            for entry in policy["spec"].get(side, []):
                if not entry.get("ports"):
                    yield f"{told(policy)}: {side}: expected ports"
                open_peers = not entry.get(peers) or any(_open(peer) for peer in entry[peers])
                if open_peers and policy["metadata"]["name"] not in UNBOUNDED:
                    yield f"{told(policy)}: {side}: expected peers that are named"
            if side in policy["spec"] and side.capitalize() not in policy["spec"]["policyTypes"]:
                yield f"{told(policy)}: policyTypes: expected {side.capitalize()}"


def _open(peer: dict[str, Any]) -> bool:
    return any(not value for value in peer.values()) or peer.get("ipBlock", {}).get("cidr") == "0.0.0.0/0"


@rule(25)
def the_arrows_are_those_of_the_architecture(manifests: Manifests) -> Iterator[str]:
    """Each is allowed where it starts and where it ends, and there are no others."""
    if manifests.named("NetworkPolicy", "deny-all") is None:
        return
    wanted = expected(manifests)
    inside = {arrow for arrow in wanted if ":" not in arrow[0]}
    for direction, arrows in (("ingress", wanted), ("egress", inside)):
        found = allowed(manifests, direction)
        for arrow in sorted(arrows - found):
            yield f"{direction}: expected {arrow[0]} to reach {arrow[1]} at {arrow[2]}, found no policy"
        for arrow in sorted(found - arrows):
            yield f"{direction}: expected nobody to let {arrow[0]} reach {arrow[1]} at {arrow[2]}"
    for one in pods(manifests).values():
        if not _may_look_up_names(manifests, one):
            yield f"{one.name}: expected to reach DNS"


def _may_look_up_names(manifests: Manifests, pod: Pod) -> bool:
    found: set[tuple[str, int]] = set()
    for policy in manifests.of("NetworkPolicy"):
        if selects(policy["spec"]["podSelector"], pod.labels):
            for entry in policy["spec"].get("egress", []):
                if any(
                    peer.get("podSelector", {}).get("matchLabels", {}).get("k8s-app") == "kube-dns"
                    for peer in entry.get("to", [])
                ):
                    found |= {(port.get("protocol", "TCP"), port["port"]) for port in entry["ports"]}
    return found == DNS


@rule(34)
def services_lead_to_pods(manifests: Manifests) -> Iterator[str]:
    """Each selects the pods of one workload, and its ports are theirs."""
    for service in manifests.of("Service"):
        selector = {"matchLabels": service["spec"]["selector"]}
        workloads = [one for one in manifests.workloads if selects(selector, one.labels)]
        if len(workloads) != 1:
            yield f"{told(service)}: selector: expected pods of one workload, found {len(workloads)}"
            continue
        ports = {port["name"] for one in workloads[0].containers for port in one.get("ports", [])}
        for port in service["spec"]["ports"]:
            if port.get("targetPort") not in ports:
                yield f"{told(service)}: port {port['name']}: expected a targetPort of {sorted(ports)}"
    for workload in manifests.services:
        if manifests.named("Service", workload.name) is None:
            yield f"{workload.told}: expected a Service of its name"
    for workload in manifests.workloads:
        if (
            workload.kind == "StatefulSet"
            and manifests.named("Service", workload.spec["serviceName"]) is None
        ):
            yield f"{workload.told}: serviceName: expected one of the manifests' Services"


@rule(34)
def labels_are_the_standard_ones(manifests: Manifests) -> Iterator[str]:
    """Everything says what it belongs to; selectors are small, for they can never be changed."""
    for obj in manifests.objects:
        labels = obj["metadata"].get("labels", {})
        if labels.get(PART_OF) != "headroom" or "app.kubernetes.io/managed-by" not in labels:
            yield f"{told(obj)}: labels: expected {PART_OF} and app.kubernetes.io/managed-by"
    for workload in manifests.workloads:
        if not {NAME, COMPONENT, PART_OF} <= workload.labels.keys():
            yield f"{workload.told}: labels of its pods: expected {NAME}, {COMPONENT} and {PART_OF}"
        if workload.kind == "Job":
            continue
        selector = workload.spec["selector"].get("matchLabels", {})
        if selector != {NAME: workload.name, PART_OF: "headroom"}:
            yield f"{workload.told}: selector: expected {NAME} and {PART_OF}, found {selector}"
        if not selects(workload.spec["selector"], workload.labels):
            yield f"{workload.told}: selector: expected its own pods"


@rule(35)
def only_the_interface_is_public(manifests: Manifests) -> Iterator[str]:
    """Health and metrics stay inside; what is public leads to the gateway's Service."""
    for obj in manifests.of("Ingress", "HTTPRoute"):
        for path, name, port in _ways_in(obj):
            if path not in PUBLIC_PATHS:
                yield f"{told(obj)}: path: expected one of {sorted(PUBLIC_PATHS)}, found {path}"
            if name != "gateway" or not _has_port(manifests, name, port):
                yield f"{told(obj)}: expected the gateway's Service and a port of it, found {name}:{port}"


def _ways_in(obj: Object) -> Iterator[tuple[str, str, str | int]]:
    for entry in obj["spec"]["rules"]:
        if obj["kind"] == "Ingress":
            for path in entry["http"]["paths"]:
                service = path["backend"]["service"]
                yield path["path"], service["name"], service["port"].get("name") or service["port"]["number"]
        else:
            for match, backend in product(entry["matches"], entry["backendRefs"]):
                yield match["path"]["value"], backend["name"], backend["port"]


def _has_port(manifests: Manifests, name: str, port: str | int) -> bool:
    service = manifests.named("Service", name)
    return service is not None and any(port in (one["name"], one["port"]) for one in service["spec"]["ports"])


@rule(35)
def the_way_in_is_encrypted_and_known(manifests: Manifests) -> Iterator[str]:
    """An ingress has TLS, a route its Gateway, and the gateway knows whose word on callers counts."""
    for ingress in manifests.of("Ingress"):
        hosts = {host for one in ingress["spec"].get("tls", []) for host in one["hosts"]}
        if not ingress["spec"].get("ingressClassName"):
            yield f"{told(ingress)}: ingressClassName: expected one"
        for one in ingress["spec"]["rules"]:
            if one.get("host") not in hosts:
                yield f"{told(ingress)}: tls: expected {one.get('host')}"
    for route in manifests.of("HTTPRoute"):
        if not route["spec"].get("parentRefs") or not route["spec"].get("hostnames"):
            yield f"{told(route)}: expected parentRefs and hostnames"
    if manifests.of("Ingress", "HTTPRoute"):
        gateway = next(one for one in manifests.services if one.name == "gateway")
        if manifests.environment(gateway).get("FORWARDED_ALLOW_IPS", "*") == "*":
            yield f"{gateway.told}: FORWARDED_ALLOW_IPS: expected the networks of the proxy's pods"
