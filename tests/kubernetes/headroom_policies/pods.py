"""Policies for pods: what they may do, what they are given, how they are asked and how they end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headroom_common.service import ServiceSettings
from headroom_policies.manifests import NAME, PART_OF, Manifests, Object, Workload, selects, told
from headroom_policies.quantities import memory
from headroom_policies.rules import rule

if TYPE_CHECKING:
    from collections.abc import Iterator

HIGHEST_RESOURCES = {"cpu", "memory"}
BROKER = "rabbitmq"
READERS = {"alloy"}
"""What may ask the Kubernetes API."""


def _containers(manifests: Manifests) -> Iterator[tuple[Workload, Object, str]]:
    for workload in manifests.workloads:
        for container in workload.containers:
            yield workload, container, f"{workload.told}, container {container['name']}"


def _lasting(manifests: Manifests) -> Iterator[tuple[Workload, Object, str]]:
    for workload, container, where in _containers(manifests):
        if workload.kind != "Job":
            yield workload, container, where


@rule(14)
def liveness_asks_the_process_alone(manifests: Manifests) -> Iterator[str]:
    """A broker or database that is away must not have everything restarted that waits for it."""
    expected = {
        "startupProbe": "/health/live",
        "livenessProbe": "/health/live",
        "readinessProbe": "/health/ready",
    }
    for workload in manifests.services:
        for container in workload.containers:
            for probe, path in expected.items():
                found = container.get(probe, {}).get("httpGet", {}).get("path")
                if found != path:
                    yield f"{workload.told}: {probe}: expected a GET of {path}, found {found}"


@rule(15)
def every_container_has_all_probes(manifests: Manifests) -> Iterator[str]:
    """Slow starts are the start probe's business, so that the others may be strict."""
    for _, container, where in _lasting(manifests):
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            if probe not in container:
                yield f"{where}: {probe}: expected one, found none"
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            if container.get(probe, {}).get("timeoutSeconds", 1) < 2:
                yield f"{where}: {probe}.timeoutSeconds: expected at least 2, for a busy machine"


@rule(16)
def the_broker_is_not_probed_by_its_command_line(manifests: Manifests) -> Iterator[str]:
    """Its command line starts an Erlang machine for each question."""
    for workload, container, where in _lasting(manifests):
        if workload.labels.get(NAME) != BROKER:
            continue
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            if "exec" in container.get(probe, {}):
                yield f"{where}: {probe}: expected tcpSocket or httpGet, found exec"


@rule(17)
def load_balancers_have_time_to_learn(manifests: Manifests) -> Iterator[str]:
    """A pod that leaves goes on answering for longer than it takes until nobody sends to it any more."""
    for workload in manifests.services:
        grace = _seconds(manifests, workload, "readiness_grace")
        for container in workload.containers:
            probe = container.get("readinessProbe", {})
            noticed = probe.get("periodSeconds", 10) * probe.get("failureThreshold", 3)
            if grace <= noticed:
                yield (
                    f"{workload.told}: HEADROOM_READINESS_GRACE: expected more than the {noticed} s in which "
                    f"readiness is noticed, found {grace:g}"
                )


@rule(18)
def the_grace_period_covers_an_orderly_end(manifests: Manifests) -> Iterator[str]:
    """What is killed before it has ended in order loses nothing, but has its work done again."""
    for workload in manifests.services:
        needed = longest_end(manifests, workload) + _before_the_signal(workload)
        found = workload.pod.get("terminationGracePeriodSeconds", 30)
        if found <= needed:
            yield (
                f"{workload.told}: terminationGracePeriodSeconds: expected more than {needed:g}, "
                f"found {found}"
            )


def longest_end(manifests: Manifests, workload: Workload) -> float:
    """Return the seconds that an orderly end of a service takes when each of its steps takes all of its time.

    The steps are those of ``headroom_common.service.process``: the start left, the grace, the work beside,
    the drain, the farewell, HTTP (twice), threads, the service, the inbox and the traces.
    """
    limit = _seconds(manifests, workload, "shutdown_timeout")
    spans = ("readiness_grace", "event_manager.drain_timeout", "event_manager.farewell_timeout")
    return 11 * limit + sum(_seconds(manifests, workload, span) for span in spans)


def _seconds(manifests: Manifests, workload: Workload, setting: str) -> float:
    variable = "HEADROOM_" + setting.upper().replace(".", "__")
    given = manifests.environment(workload).get(variable)
    if given is not None:
        return float(given)
    default: object = {name: field.get_default() for name, field in ServiceSettings.model_fields.items()}
    for part in setting.split("."):
        default = default[part] if isinstance(default, dict) else getattr(default, part)
    return float(str(default))


def _before_the_signal(workload: Workload) -> int:
    hooks = [container.get("lifecycle", {}).get("preStop", {}) for container in workload.containers]
    return max(int(hook.get("sleep", {}).get("seconds", 0)) for hook in hooks)


@rule(19)
def rollouts_take_nothing_away_before_there_is_more(manifests: Manifests) -> Iterator[str]:
    """A pod goes when another has been ready for a while, and a rollout that gets nowhere says so."""
    for workload in manifests.workloads:
        if workload.kind != "Deployment":
            continue
        strategy = workload.spec.get("strategy", {}).get("rollingUpdate", {})
        if strategy.get("maxUnavailable") != 0 or strategy.get("maxSurge", 0) in (0, "0%"):
            yield f"{workload.told}: strategy: expected maxUnavailable 0, maxSurge above 0, found {strategy}"
        if workload.spec.get("minReadySeconds", 0) < 1:
            yield f"{workload.told}: minReadySeconds: expected at least 1"
        starts = [container.get("startupProbe", {}) for container in workload.containers]
        start = max(probe.get("periodSeconds", 10) * probe.get("failureThreshold", 3) for probe in starts)
        if workload.spec.get("progressDeadlineSeconds", 0) <= start:
            yield f"{workload.told}: progressDeadlineSeconds: expected more than a start's {start}"
        if not 1 <= workload.spec.get("revisionHistoryLimit", 10) <= 5:
            yield f"{workload.told}: revisionHistoryLimit: expected 1 to 5"


@rule(20)
def pods_run_as_nobody_special(manifests: Manifests) -> Iterator[str]:
    """A numeric user who is not root, and the container runtime's filter of system calls."""
    for workload in manifests.workloads:
        context = workload.pod.get("securityContext", {})
        if context.get("runAsNonRoot") is not True or not context.get("runAsUser"):
            yield f"{workload.told}: expected runAsNonRoot and a numeric runAsUser that is not 0"
        if context.get("seccompProfile", {}).get("type") != "RuntimeDefault":
            yield f"{workload.told}: seccompProfile: expected RuntimeDefault"
        for key in ("hostNetwork", "hostPID", "hostIPC"):
            if workload.pod.get(key):
                yield f"{workload.told}: {key}: expected none"


@rule(21)
def containers_can_gain_nothing(manifests: Manifests) -> Iterator[str]:
    """No more rights than at the start, no capabilities, and nothing to write but volumes of bounded size."""
    for _, container, where in _containers(manifests):
        context = container.get("securityContext", {})
        if context.get("allowPrivilegeEscalation") is not False or context.get("privileged"):
            yield f"{where}: expected allowPrivilegeEscalation false and no privileges"
        if context.get("capabilities") != {"drop": ["ALL"]}:
            yield f"{where}: capabilities: expected all dropped and none added"
        if context.get("readOnlyRootFilesystem") is not True:
            yield f"{where}: readOnlyRootFilesystem: expected true"
        if any(context.get(key) == 0 for key in ("runAsUser", "runAsGroup")):
            yield f"{where}: expected a user who is not root"
    for workload in manifests.workloads:
        if any("sizeLimit" not in source for source in workload.volumes("emptyDir")):
            yield f"{workload.told}: emptyDir: expected a sizeLimit"
        if any(True for _ in workload.volumes("hostPath")):
            yield f"{workload.told}: hostPath: expected none"


@rule(22)
def the_namespace_enforces_the_restricted_standard(manifests: Manifests) -> Iterator[str]:
    """The cluster itself refuses pods that could do more."""
    namespaces = manifests.of("Namespace")
    if len(namespaces) != 1:
        yield f"expected one Namespace, found {len(namespaces)}"
    for namespace in namespaces:
        labels = namespace["metadata"].get("labels", {})
        for mode in ("enforce", "audit", "warn"):
            if labels.get(f"pod-security.kubernetes.io/{mode}") != "restricted":
                yield f"{told(namespace)}: pod-security.kubernetes.io/{mode}: expected restricted"
    names = {namespace["metadata"]["name"] for namespace in namespaces}
    for obj in manifests.objects:
        if obj["kind"] != "Namespace" and obj["metadata"].get("namespace") not in names:
            yield f"{told(obj)}: namespace: expected {', '.join(names)}"


@rule(23)
def nobody_gets_a_token(manifests: Manifests) -> Iterator[str]:
    """Nothing here asks the Kubernetes API anything, but what reads logs, with a token that expires."""
    for account in manifests.of("ServiceAccount"):
        if account.get("automountServiceAccountToken") is not False:
            yield f"{told(account)}: automountServiceAccountToken: expected false"
    for workload in manifests.workloads:
        if workload.pod.get("automountServiceAccountToken") is not False:
            yield f"{workload.told}: automountServiceAccountToken: expected false"
        if any(True for _ in workload.volumes("serviceAccountToken")) and workload.name not in READERS:
            yield f"{workload.told}: serviceAccountToken: expected none"
        if workload.pod.get("enableServiceLinks") is not False:
            yield f"{workload.told}: enableServiceLinks: expected false"


@rule(23)
def roles_are_for_reading_in_the_namespace(manifests: Manifests) -> Iterator[str]:
    """Whoever gets in by one of our pods can change nothing in the cluster."""
    for role in manifests.of("ClusterRole", "ClusterRoleBinding"):
        yield f"{told(role)}: expected none"
    for role in manifests.of("Role"):
        verbs = {verb for entry in role["rules"] for verb in entry["verbs"]}
        resources = {resource for entry in role["rules"] for resource in entry["resources"]}
        if not verbs <= {"get", "list", "watch"} or not resources <= {"pods", "pods/log"}:
            yield f"{told(role)}: expected to read pods, found {sorted(verbs)} of {sorted(resources)}"


@rule(24)
def every_workload_has_its_own_service_account(manifests: Manifests) -> Iterator[str]:
    """So that rights can be given to one without the others."""
    used: dict[str, str] = {}
    for workload in manifests.workloads:
        name = workload.pod.get("serviceAccountName", "default")
        if manifests.named("ServiceAccount", name) is None:
            yield f"{workload.told}: serviceAccountName: expected one of the manifests', found {name}"
        if name in used:
            yield f"{workload.told}: serviceAccountName: {name} is {used[name]}'s"
        used[name] = workload.told


@rule(26)
def services_may_be_disrupted_one_pod_at_a_time(manifests: Manifests) -> Iterator[str]:
    """A drained node takes one pod of a service at a time; a pod that is broken holds up nobody."""
    budgets = manifests.of("PodDisruptionBudget")
    for workload in manifests.services:
        mine = [one for one in budgets if selects(one["spec"]["selector"], workload.labels)]
        if len(mine) != 1 or mine[0]["spec"].get("maxUnavailable") != 1:
            yield f"{workload.told}: expected one PodDisruptionBudget, of maxUnavailable 1"
        elif mine[0]["spec"].get("unhealthyPodEvictionPolicy") != "AlwaysAllow":
            yield f"{told(mine[0])}: unhealthyPodEvictionPolicy: expected AlwaysAllow"


@rule(28)
def replicas_spread_over_nodes_and_zones(manifests: Manifests) -> Iterator[str]:
    """One node or zone that fails takes no service with it."""
    for workload in manifests.services:
        spread = workload.pod.get("topologySpreadConstraints", [])
        keys = {one["topologyKey"] for one in spread if selects(one["labelSelector"], workload.labels)}
        if keys != {"kubernetes.io/hostname", "topology.kubernetes.io/zone"}:
            yield f"{workload.told}: topologySpreadConstraints: expected its own pods over nodes and zones"
        for one in spread:
            if set(one["labelSelector"].get("matchLabels", {})) != {NAME, PART_OF}:
                yield f"{workload.told}: topologySpreadConstraints: expected its own selector"


@rule(29)
def memory_is_limited_and_resources_requested(manifests: Manifests) -> Iterator[str]:
    """The scheduler knows what a pod needs, and one that needs more memory harms itself alone."""
    for _, container, where in _containers(manifests):
        resources = container.get("resources", {})
        requests, limits = resources.get("requests", {}), resources.get("limits", {})
        if not requests.keys() >= HIGHEST_RESOURCES:
            yield f"{where}: resources.requests: expected cpu and memory, found {sorted(requests)}"
        if "memory" not in limits:
            yield f"{where}: resources.limits: expected memory"
        elif "memory" in requests and memory(requests["memory"]) > memory(limits["memory"]):
            yield f"{where}: resources: expected a memory limit of at least what is requested"
