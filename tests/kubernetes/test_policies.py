"""Each policy finds what it is for: manifests that are right are broken in one place."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

import pytest
from headroom_policies.manifests import Manifests, Object, Workload
from headroom_policies.network import allowed, expected
from headroom_policies.pods import longest_end
from headroom_policies.quantities import memory
from headroom_policies.rules import RULES

from headroom_common.service import composition
from headroom_common.service.process import Process

Break = Callable[[Manifests], object]


def deployment(manifests: Manifests, name: str = "gateway") -> Workload:
    return next(workload for workload in manifests.services if workload.name == name)


def container(manifests: Manifests, name: str = "gateway") -> Object:
    return deployment(manifests, name).containers[0]


def named(manifests: Manifests, kind: str, name: str) -> Any:
    found = manifests.named(kind, name)
    assert found is not None
    return found


def spec(manifests: Manifests, kind: str, name: str) -> Any:
    return named(manifests, kind, name)["spec"]


def labels(manifests: Manifests, kind: str, name: str) -> Any:
    return named(manifests, kind, name)["metadata"]["labels"]


def rabbitmq(manifests: Manifests) -> Object:
    found: Object = spec(manifests, "StatefulSet", "rabbitmq")["template"]["spec"]["containers"][0]
    return found


def configuration(manifests: Manifests, name: str) -> dict[str, str]:
    found = manifests.starting("ConfigMap", name)
    assert found is not None
    data: dict[str, str] = found["data"]
    return data


def without(objects: Manifests, kind: str, name: str) -> None:
    objects.objects.remove(named(objects, kind, name))


def role(kind: str, **rules: list[str]) -> Object:
    return {"kind": kind, "metadata": {"name": "reader"}, "rules": [rules]}


def peer(manifests: Manifests, policy: str, direction: str) -> Any:
    return spec(manifests, "NetworkPolicy", policy)[direction][0]


BROKEN: list[tuple[str, str, Break]] = [
    ("liveness_asks_the_process_alone", "production",
     lambda m: container(m)["livenessProbe"]["httpGet"].update(path="/health/ready")),
    ("liveness_asks_the_process_alone", "production",
     lambda m: container(m, "router")["startupProbe"]["httpGet"].update(path="/health/ready")),
    ("every_container_has_all_probes", "dev", lambda m: rabbitmq(m).pop("startupProbe")),
    ("every_container_has_all_probes", "dev", lambda m: container(m)["readinessProbe"].pop("timeoutSeconds")),
    ("the_broker_is_not_probed_by_its_command_line", "dev",
     lambda m: rabbitmq(m)["readinessProbe"].update(exec={"command": ["rabbitmq-diagnostics", "ping"]})),
    ("load_balancers_have_time_to_learn", "dev",
     lambda m: configuration(m, "headroom").update(HEADROOM_READINESS_GRACE="3")),
    ("the_grace_period_covers_an_orderly_end", "production",
     lambda m: deployment(m).pod.update(terminationGracePeriodSeconds=97)),
    ("the_grace_period_covers_an_orderly_end", "production",
     lambda m: container(m).update(lifecycle={"preStop": {"sleep": {"seconds": 30}}})),
    ("the_grace_period_covers_an_orderly_end", "production",
     lambda m: configuration(m, "headroom").update(HEADROOM_EVENT_MANAGER__DRAIN_TIMEOUT="60")),
    ("rollouts_take_nothing_away_before_there_is_more", "production",
     lambda m: deployment(m).spec["strategy"]["rollingUpdate"].update(maxUnavailable=1)),
    ("rollouts_take_nothing_away_before_there_is_more", "production",
     lambda m: spec(m, "Deployment", "redis").pop("minReadySeconds")),
    ("rollouts_take_nothing_away_before_there_is_more", "production",
     lambda m: deployment(m).spec.update(progressDeadlineSeconds=60)),
    ("rollouts_take_nothing_away_before_there_is_more", "production",
     lambda m: deployment(m).spec.pop("revisionHistoryLimit")),
    ("pods_run_as_nobody_special", "production",
     lambda m: deployment(m).pod["securityContext"].pop("runAsNonRoot")),
    ("pods_run_as_nobody_special", "production",
     lambda m: deployment(m).pod["securityContext"].update(runAsUser=0)),
    ("pods_run_as_nobody_special", "production",
     lambda m: deployment(m).pod["securityContext"]["seccompProfile"].update(type="Unconfined")),
    ("pods_run_as_nobody_special", "production", lambda m: deployment(m).pod.update(hostNetwork=True)),
    ("containers_can_gain_nothing", "production",
     lambda m: container(m)["securityContext"].update(allowPrivilegeEscalation=True)),
    ("containers_can_gain_nothing", "production",
     lambda m: container(m)["securityContext"]["capabilities"].update(add=["NET_ADMIN"])),
    ("containers_can_gain_nothing", "production",
     lambda m: container(m)["securityContext"].pop("readOnlyRootFilesystem")),
    ("containers_can_gain_nothing", "production",
     lambda m: deployment(m).pod["volumes"].append({"name": "more", "emptyDir": {}})),
    ("containers_can_gain_nothing", "production",
     lambda m: deployment(m).pod["volumes"].append({"name": "node", "hostPath": {"path": "/"}})),
    ("the_namespace_enforces_the_restricted_standard", "production",
     lambda m: labels(m, "Namespace", "headroom").update({"pod-security.kubernetes.io/enforce": "baseline"})),
    ("the_namespace_enforces_the_restricted_standard", "production",
     lambda m: named(m, "Service", "gateway")["metadata"].update(namespace="default")),
    ("nobody_gets_a_token", "production",
     lambda m: named(m, "ServiceAccount", "router").pop("automountServiceAccountToken")),
    ("nobody_gets_a_token", "production",
     lambda m: deployment(m).pod.update(automountServiceAccountToken=True)),
    ("nobody_gets_a_token", "production", lambda m: deployment(m).pod.pop("enableServiceLinks")),
    ("nobody_gets_a_token", "production",
     lambda m: deployment(m).pod["volumes"].append(
         {"name": "token", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}})),
    ("roles_are_for_reading_in_the_namespace", "production",
     lambda m: m.objects.append(role("Role", verbs=["get"], resources=["secrets"]))),
    ("roles_are_for_reading_in_the_namespace", "production",
     lambda m: m.objects.append(role("Role", verbs=["create"], resources=["pods"]))),
    ("roles_are_for_reading_in_the_namespace", "production",
     lambda m: m.objects.append(role("ClusterRole", verbs=["get"], resources=["pods"]))),
    ("every_workload_has_its_own_service_account", "production",
     lambda m: deployment(m).pod.update(serviceAccountName="router")),
    ("every_workload_has_its_own_service_account", "production",
     lambda m: deployment(m).pod.pop("serviceAccountName")),
    ("nothing_is_allowed_by_default", "production", lambda m: without(m, "NetworkPolicy", "deny-all")),
    ("nothing_is_allowed_by_default", "production", lambda m: peer(m, "to-redis", "egress").pop("ports")),
    ("nothing_is_allowed_by_default", "production", lambda m: peer(m, "to-redis", "egress").pop("to")),
    ("nothing_is_allowed_by_default", "production",
     lambda m: peer(m, "gateway-from-ingress", "ingress").update({"from": [{"namespaceSelector": {}}]})),
    ("nothing_is_allowed_by_default", "production",
     lambda m: spec(m, "NetworkPolicy", "to-redis").update(policyTypes=["Ingress"])),
    ("the_arrows_are_those_of_the_architecture", "production",
     lambda m: without(m, "NetworkPolicy", "analysis-from-services")),
    ("the_arrows_are_those_of_the_architecture", "production",
     lambda m: without(m, "NetworkPolicy", "to-redis")),
    ("the_arrows_are_those_of_the_architecture", "production",
     lambda m: spec(m, "NetworkPolicy", "analysis-from-services").update(
         ingress=[{"from": [{"podSelector": {}}], "ports": [{"port": 8080}]}])),
    ("the_arrows_are_those_of_the_architecture", "production",
     lambda m: peer(m, "to-rabbitmq", "egress")["ports"].append({"port": 15672})),
    ("the_arrows_are_those_of_the_architecture", "production",
     lambda m: peer(m, "gateway-from-ingress", "ingress")["from"][0]["namespaceSelector"].update(
         matchLabels={"kubernetes.io/metadata.name": "default"})),
    ("the_arrows_are_those_of_the_architecture", "production",
     lambda m: spec(m, "NetworkPolicy", "to-dns").update(podSelector={"matchLabels": {"a": "b"}})),
    ("services_may_be_disrupted_one_pod_at_a_time", "production",
     lambda m: without(m, "PodDisruptionBudget", "router")),
    ("services_may_be_disrupted_one_pod_at_a_time", "production",
     lambda m: spec(m, "PodDisruptionBudget", "router").update(maxUnavailable=0)),
    ("services_may_be_disrupted_one_pod_at_a_time", "production",
     lambda m: spec(m, "PodDisruptionBudget", "router").pop("unhealthyPodEvictionPolicy")),
    ("stages_scale_on_their_queues", "production", lambda m: without(m, "ScaledObject", "router")),
    ("stages_scale_on_their_queues", "production",
     lambda m: spec(m, "ScaledObject", "router").pop("maxReplicaCount")),
    ("stages_scale_on_their_queues", "production",
     lambda m: spec(m, "ScaledObject", "router").pop("fallback")),
    ("stages_scale_on_their_queues", "production",
     lambda m: spec(m, "ScaledObject", "router")["triggers"][0]["metadata"].update(protocol="amqp")),
    ("stages_scale_on_their_queues", "production",
     lambda m: spec(m, "ScaledObject", "router")["triggers"][0]["metadata"].update(queueName="router.work")),
    ("stages_scale_on_their_queues", "production",
     lambda m: spec(m, "ScaledObject", "router")["triggers"][0].update(authenticationRef={"name": "other"})),
    ("stages_scale_on_their_queues", "production", lambda m: deployment(m, "router").spec.update(replicas=2)),
    ("the_gateway_scales_between_bounds", "production",
     lambda m: spec(m, "HorizontalPodAutoscaler", "gateway").update(minReplicas=1)),
    ("the_gateway_scales_between_bounds", "production",
     lambda m: spec(m, "HorizontalPodAutoscaler", "gateway").pop("behavior")),
    ("the_gateway_scales_between_bounds", "production",
     lambda m: spec(m, "HorizontalPodAutoscaler", "gateway")["scaleTargetRef"].update(name="gate")),
    ("replicas_spread_over_nodes_and_zones", "production",
     lambda m: deployment(m).pod["topologySpreadConstraints"].pop()),
    ("replicas_spread_over_nodes_and_zones", "production",
     lambda m: deployment(m).pod["topologySpreadConstraints"][0]["labelSelector"].update(
         matchLabels={"app.kubernetes.io/name": "router"})),
    ("memory_is_limited_and_resources_requested", "production",
     lambda m: container(m)["resources"].pop("limits")),
    ("memory_is_limited_and_resources_requested", "production",
     lambda m: container(m)["resources"]["requests"].pop("cpu")),
    ("memory_is_limited_and_resources_requested", "production",
     lambda m: container(m)["resources"]["limits"].update(memory="64Mi")),
    ("the_broker_knows_its_memory", "dev",
     lambda m: configuration(m, "rabbitmq").update({"10-headroom.conf": "log.console = true"})),
    ("the_broker_knows_its_memory", "dev",
     lambda m: rabbitmq(m)["resources"]["limits"].update(memory="512Mi")),
    ("the_broker_knows_its_memory", "production",
     lambda m: spec(m, "RabbitmqCluster", "rabbitmq")["rabbitmq"].pop("additionalConfig")),
    ("what_is_configured_is_made_by_generators", "production",
     lambda m: m.objects.append({"kind": "ConfigMap", "metadata": {"name": "by-hand"}})),
    ("everything_that_is_named_exists", "production",
     lambda m: container(m)["envFrom"].append({"configMapRef": {"name": "headroom"}})),
    ("everything_that_is_named_exists", "production",
     lambda m: deployment(m).pod["volumes"].append({"name": "x", "secret": {"secretName": "broker"}})),
    ("everything_that_is_named_exists", "dev",
     lambda m: container(m)["env"].append(
         {"name": "X", "valueFrom": {"secretKeyRef": {"name": "broker", "key": "x"}}})),
    ("everything_that_is_named_exists", "production",
     lambda m: spec(m, "TriggerAuthentication", "broker-management")["secretTargetRef"][0].update(key="url")),
    ("everything_that_is_named_exists", "production",
     lambda m: spec(m, "RabbitmqCluster", "rabbitmq")["secretBackend"]["externalSecret"].update(name="x")),
    ("variables_are_settings", "production",
     lambda m: configuration(m, "headroom").update(HEADROOM_READYNESS_GRACE="10")),
    ("variables_are_settings", "production",
     lambda m: container(m)["env"].append({"name": "HEADROOM_BROKER_URL", "value": "amqp://rabbitmq"})),
    ("no_secret_stands_outside_of_secrets", "production",
     lambda m: configuration(m, "headroom").update(HEADROOM_REDIS_URL="redis://redis")),
    ("no_secret_stands_outside_of_secrets", "production",
     lambda m: configuration(m, "redis").update({"redis.conf": "requirepass sesame"})),
    ("no_secret_stands_outside_of_secrets", "production",
     lambda m: container(m)["env"].append({"name": "ADDRESS", "value": "amqp://me:sesame@rabbitmq"})),
    ("no_secret_stands_outside_of_secrets", "production",
     lambda m: container(m)["env"].append({"name": "API_TOKEN", "value": "sesame"})),
    ("no_secret_stands_outside_of_secrets", "production",
     lambda m: container(m).update(args=["--requirepass", "sesame"])),
    ("services_get_the_secrets_that_they_need", "production",
     lambda m: deployment(m, "router").pod["volumes"][-1]["projected"]["sources"].append(
         {"secret": {"name": "gateway-database-0123456789"}})),
    ("services_get_the_secrets_that_they_need", "production",
     lambda m: deployment(m).pod["volumes"][-1]["projected"].update(defaultMode=0o444)),
    ("images_have_one_fixed_version", "production", lambda m: container(m).update(image="headroom/gateway")),
    ("images_have_one_fixed_version", "production",
     lambda m: container(m).update(image="headroom/gateway:latest")),
    ("images_have_one_fixed_version", "production",
     lambda m: container(m).update(image="headroom/gateway:0.0.9")),
    ("images_have_one_fixed_version", "production",
     lambda m: labels(m, "Deployment", "gateway").pop("app.kubernetes.io/version")),
    ("images_have_one_fixed_version", "production", lambda m: container(m).update(imagePullPolicy="Always")),
    ("migrations_are_of_this_version", "production",
     lambda m: m.of("Job")[0]["metadata"].update(name="gateway-migrate-0-0-9")),
    ("migrations_are_of_this_version", "production",
     lambda m: m.of("Job")[0]["spec"].pop("ttlSecondsAfterFinished")),
    ("migrations_are_of_this_version", "production",
     lambda m: Workload(m.of("Job")[0]).containers[0].update(envFrom=[])),
    ("migrations_are_of_this_version", "production",
     lambda m: configuration(m, "headroom").pop("HEADROOM_MIGRATIONS")),
    ("services_lead_to_pods", "production",
     lambda m: spec(m, "Service", "gateway")["selector"].update({"app.kubernetes.io/name": "gate"})),
    ("services_lead_to_pods", "production",
     lambda m: spec(m, "Service", "gateway")["ports"][0].update(targetPort="web")),
    ("services_lead_to_pods", "production", lambda m: without(m, "Service", "router")),
    ("services_lead_to_pods", "dev",
     lambda m: spec(m, "StatefulSet", "rabbitmq").update(serviceName="rabbitmq-nodes")),
    ("labels_are_the_standard_ones", "production",
     lambda m: labels(m, "Service", "gateway").pop("app.kubernetes.io/part-of")),
    ("labels_are_the_standard_ones", "production",
     lambda m: deployment(m).labels.pop("app.kubernetes.io/component")),
    ("labels_are_the_standard_ones", "production",
     lambda m: deployment(m).spec["selector"]["matchLabels"].update({"app.kubernetes.io/version": "0.1.0"})),
    ("labels_are_the_standard_ones", "production",
     lambda m: deployment(m).labels.update({"app.kubernetes.io/name": "gate"})),
    ("only_the_interface_is_public", "production",
     lambda m: spec(m, "Ingress", "gateway")["rules"][0]["http"]["paths"][0].update(path="/")),
    ("only_the_interface_is_public", "production",
     lambda m: spec(m, "Ingress", "gateway")["rules"][0]["http"]["paths"][0]["backend"]["service"].update(
         name="analysis")),
    ("the_way_in_is_encrypted_and_known", "production", lambda m: spec(m, "Ingress", "gateway").pop("tls")),
    ("the_way_in_is_encrypted_and_known", "production",
     lambda m: spec(m, "Ingress", "gateway").pop("ingressClassName")),
    ("the_way_in_is_encrypted_and_known", "production", lambda m: container(m).update(env=[])),
    ("everything_with_metrics_is_asked", "production", lambda m: without(m, "ServiceMonitor", "headroom")),
    ("everything_with_metrics_is_asked", "production",
     lambda m: spec(m, "ServiceMonitor", "headroom")["endpoints"][0].update(port="metrics")),
    ("everything_with_metrics_is_asked", "production",
     lambda m: spec(m, "PrometheusRule", "headroom").update(groups=[])),
    ("everything_with_metrics_is_asked", "production",
     lambda m: without(m, "ConfigMap", "grafana-dashboards")),
]  # fmt: skip


@pytest.mark.parametrize("name", sorted(RULES))
@pytest.mark.parametrize("overlay", ["production", "dev"])
def test_what_is_there_keeps_to_the_policy(name: str, overlay: str, request: pytest.FixtureRequest) -> None:
    manifests: Manifests = request.getfixturevalue(overlay)
    assert list(RULES[name].check(manifests)) == []


@pytest.mark.parametrize(
    ("name", "overlay", "harm"), BROKEN, ids=[f"{name}-{number}" for number, (name, *_) in enumerate(BROKEN)]
)
def test_what_breaks_the_policy_is_found(
    name: str, overlay: str, harm: Break, request: pytest.FixtureRequest
) -> None:
    manifests: Manifests = request.getfixturevalue(overlay)
    harm(manifests)
    assert list(RULES[name].check(manifests)) != []


def test_every_policy_is_seen_to_find_something() -> None:
    assert {name for name, _, _ in BROKEN} == set(RULES)


def test_every_row_of_the_checklist_on_manifests_has_a_policy() -> None:
    rendered_everywhere = {33}
    assert {row for one in RULES.values() for row in one.rows} | rendered_everywhere == set(range(14, 37))


def test_the_arrows_are_found_on_both_sides(production: Manifests) -> None:
    arrows = expected(production)
    assert ("router", "rabbitmq", 5672) in arrows
    assert ("gateway", "analysis", 8080) in arrows
    assert not any(arrow[1] == "postgresql" for arrow in arrows), "it is outside"
    assert allowed(production, "ingress") == arrows
    assert allowed(production, "egress") == {arrow for arrow in arrows if ":" not in arrow[0]}


def test_the_end_takes_its_steps_as_the_settings_say(production: Manifests) -> None:
    assert longest_end(production, deployment(production)) == 10 + 30 + 2 + 11 * 5


def test_no_step_was_added_to_the_end() -> None:
    """A new step, or a longer one, has to get into `longest_end`."""
    steps = re.findall(r"self\._step\(", inspect.getsource(Process._leave))
    limits = re.findall(r"\b(?:2 \* )?limit\b(?! =)", inspect.getsource(Process._leave))
    assert (len(steps), len(limits), limits.count("2 * limit")) == (9, 9, 1)
    closers = re.findall(r"closers\[", inspect.getsource(composition))
    assert len(closers) == 2


@pytest.mark.parametrize(
    ("amount", "number"), [("512Mi", 2**29), ("4GiB", 2**32), ("400M", 4 * 10**8), (7, 7)]
)
def test_amounts_of_memory(amount: str | int, number: int) -> None:
    assert memory(amount) == number


@pytest.mark.parametrize("amount", ["", "many", "1.5Gi", "10Ti"])
def test_other_amounts_are_refused(amount: str) -> None:
    with pytest.raises(ValueError, match="expected an amount of memory such as 512Mi, found"):
        memory(amount)


def test_production_has_at_least_two_of_each_service(production: Manifests) -> None:
    fewest = {one["spec"]["scaleTargetRef"]["name"]: one["spec"] for one in production.of("ScaledObject")}
    fewest |= {one["metadata"]["name"]: one["spec"] for one in production.of("HorizontalPodAutoscaler")}
    for workload in production.services:
        scaler = fewest.get(workload.name, {})
        replicas = workload.spec.get("replicas", scaler.get("minReplicaCount", scaler.get("minReplicas", 1)))
        assert replicas >= 2, workload.name
