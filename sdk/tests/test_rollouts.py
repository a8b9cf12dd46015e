"""How Deployments on Kubernetes are, read from objects as its API returns them."""

from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest
from kubernetes_testing.objects import (
    MADE,
    autoscaler,
    crashing,
    deployment,
    not_pulled,
    pod,
    replica_failure,
    stalled,
    unschedulable,
)

from headroom.cli.rollouts import ClusterObjects, Rollout, RolloutState, missing, rollouts_of

NOW = datetime(2026, 11, 22, 0, 10, tzinfo=UTC)
"""Ten minutes after everything was made."""

Json = dict[str, Any]


def read(*pods: Json, autoscalers: tuple[Json, ...] = (), **of_deployment: Any) -> Rollout:
    objects = ClusterObjects([deployment("router", **of_deployment)], pods, autoscalers)
    (rollout,) = rollouts_of(objects, NOW)
    return rollout


def test_a_rollout_that_is_complete() -> None:
    one = read(pod("router-1", ready_after=7), pod("router-2", restarts=2, ready_after=9), replicas=2)
    assert (one.service, one.image, one.version) == ("router", "headroom/router:1.2.3", "1.2.3")
    assert (one.state, one.reason, one.as_wanted) == (RolloutState.COMPLETE, "", True)
    assert (one.desired, one.updated, one.ready, one.restarts, one.age) == (2, 2, 2, 2, 600.0)
    assert one.autoscaler is None
    assert [(each.name, each.state, each.start, each.reason) for each in one.pods] == [
        ("router-1", "ready", 7.0, ""),
        ("router-2", "ready", 9.0, ""),
    ]


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ({"updatedReplicas": 1}, "1 of 3 pods are updated"),
        ({"replicas": 4}, "older pods that have not ended: 1"),
        ({"availableReplicas": 2}, "2 of 3 pods are available"),
        ({"observedGeneration": 0}, "the cluster has not seen its newest version yet"),
    ],
)
def test_a_rollout_that_goes_on_says_what_it_lacks(status: Json, reason: str) -> None:
    one = read(replicas=3, status=status)
    assert (one.state, one.reason, one.as_wanted) == (RolloutState.PROGRESSING, reason, False)


def test_a_rollout_without_progress_has_failed() -> None:
    one = read(not_pulled("router-2"), pod("router-1"), replicas=1, status=stalled())
    assert one.state is RolloutState.FAILED
    assert one.reason == (
        "no progress within 120 s; older pods that have not ended: 1; "
        'ImagePullBackOff: Back-off pulling image "headroom/router:9.9.9"'
    )


def test_a_pod_that_crashes_says_its_last_words() -> None:
    line = '{"event": "service cannot start", "reason": "HEADROOM_PORT: taken"}'
    one = read(crashing("router-1", message=f"{{}}\n{line}\n"), replicas=1, status={"availableReplicas": 0})
    assert one.pods[0].state == "running"
    assert one.pods[0].reason == "it crashes: exit status 1, service cannot start: HEADROOM_PORT: taken"
    assert one.reason.endswith(one.pods[0].reason)
    assert one.restarts == 5


@pytest.mark.parametrize(
    ("end", "said"),
    [
        ({"exitCode": 137, "reason": "OOMKilled"}, "exit status 137 (OOMKilled)"),
        ({"exitCode": 2, "reason": "Error", "message": "a\nlast line\n\n"}, "exit status 2, last line"),
        ({"exitCode": 2, "reason": "Error", "message": "[1]"}, "exit status 2, [1]"),
        ({"exitCode": 1, "reason": "Error", "message": "x" * 300}, f"exit status 1, {'x' * 200}…"),
    ],
)
def test_how_a_container_ended(end: Json, said: str) -> None:
    crashed = crashing("router-1")
    crashed["status"]["containerStatuses"][0]["lastState"] = {"terminated": end}
    assert read(crashed).pods[0].reason == f"it crashes: {said}"


def test_a_container_that_ended_once_and_runs_again_is_told_apart() -> None:
    ended = crashing("router-1", message="")
    ended["status"]["containerStatuses"][0]["state"] = {"running": {"startedAt": MADE}}
    assert read(ended).pods[0].reason == "it ended: exit status 1"


def test_a_pod_that_no_node_takes() -> None:
    one = read(unschedulable("router-1"))
    assert one.pods[0].state == "pending"
    assert one.pods[0].reason == "no node takes it: 0/1 nodes are available: 1 Insufficient cpu."


def test_a_pod_that_was_evicted() -> None:
    evicted = pod("router-1", ready_after=None)
    evicted["status"] = {"phase": "Failed", "reason": "Evicted", "message": "The node was low on memory."}
    assert read(evicted).pods[0].reason == "Evicted: The node was low on memory."


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ({"running": {"startedAt": MADE}}, "it runs and is not ready"),
        ({"waiting": {"reason": "ContainerCreating"}}, "it is being started"),
        ({}, "it is being started"),
    ],
)
def test_a_pod_that_is_on_its_way(state: Json, reason: str) -> None:
    coming = pod("router-1", ready_after=None)
    coming["status"]["containerStatuses"][0]["state"] = state
    assert read(coming).pods[0].reason == reason


def test_a_pod_that_leaves_is_no_trouble() -> None:
    leaving = pod("router-1", ready_after=None)
    leaving["metadata"]["deletionTimestamp"] = MADE
    one = read(leaving, replicas=1, status={"replicas": 2})
    assert (one.pods[0].state, one.pods[0].reason) == ("leaving", "")
    assert one.reason == "older pods that have not ended: 1"


def test_a_bare_pod_is_read() -> None:
    bare = {key: value for key, value in pod("router-1").items() if key != "status"}
    one = read(bare)
    assert (one.pods[0].state, one.pods[0].reason, one.pods[0].restarts) == ("pending", "", 0)


def test_pods_that_a_quota_refuses() -> None:
    one = read(replicas=2, status=replica_failure("exceeded quota: pods=10"))
    assert one.reason == "exceeded quota: pods=10; 1 of 2 pods are updated"


def test_a_paused_rollout() -> None:
    one = read(replicas=2, status={"updatedReplicas": 0}, paused=True)
    assert (one.state, one.reason) == (RolloutState.PAUSED, "paused; 0 of 2 pods are updated")
    assert not one.as_wanted


def test_none_of_none_is_complete() -> None:
    one = read(replicas=0)
    assert (one.state, one.desired, one.ready) == (RolloutState.COMPLETE, 0, 0)


def test_pods_of_others_are_left_out() -> None:
    other = pod("gateway-1")
    other["metadata"]["labels"]["app.kubernetes.io/name"] = "gateway"
    assert read(other).pods == []


def test_the_newest_deployment_may_have_no_status_at_all() -> None:
    made = deployment("router")
    del made["status"]
    (one,) = rollouts_of(ClusterObjects([made], [], []), NOW)
    assert (one.state, one.ready) == (RolloutState.PROGRESSING, 0)


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("registry.example:5000/headroom/router:1.2@sha256:ab", "1.2"),
        ("registry.example:5000/headroom/router", ""),
        ("headroom/router:dev", "dev"),
    ],
)
def test_without_a_label_the_version_is_the_tag(image: str, version: str) -> None:
    made = deployment("router", image=image)
    made["spec"]["template"]["metadata"]["labels"].pop("app.kubernetes.io/version")
    (one,) = rollouts_of(ClusterObjects([made], [], []), NOW)
    assert one.version == version


def test_an_autoscaler_that_works() -> None:
    one = read(pod("router-1"), autoscalers=(autoscaler("gateway"), autoscaler("router", wanted=3)))
    assert one.autoscaler is not None
    assert (one.autoscaler.least, one.autoscaler.most, one.autoscaler.wanted) == (1, 10, 3)
    assert one.as_wanted


def test_an_autoscaler_that_knows_nothing_is_not_as_wanted() -> None:
    stuck = autoscaler("router", condition="the HPA was unable to compute the replica count")
    one = read(pod("router-1"), autoscalers=(stuck,))
    assert (one.state, one.as_wanted) == (RolloutState.COMPLETE, False)
    assert one.autoscaler is not None
    assert one.autoscaler.reason == "the HPA was unable to compute the replica count"


def test_an_autoscaler_that_rests_is_as_wanted() -> None:
    resting = autoscaler("router", condition="scaling is disabled", reason="ScalingDisabled")
    assert read(pod("router-1"), autoscalers=(resting,)).as_wanted


def test_deployments_come_in_the_order_of_the_services() -> None:
    names = ["zeta", "analysis", "router", "gateway", "alpha"]
    found = rollouts_of(ClusterObjects([deployment(name) for name in names], [], []), NOW)
    assert [one.service for one in found] == ["gateway", "router", "analysis", "alpha", "zeta"]
    assert missing(found) == ["generator", "server-model"]


def test_reading_changes_nothing() -> None:
    objects = ClusterObjects([deployment("router")], [pod("router-1")], [autoscaler("router")])
    before = deepcopy(objects)
    rollouts_of(objects, NOW)
    assert objects == before
