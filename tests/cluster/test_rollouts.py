"""New versions: those that come up, those that do not, and what an operator is told."""

from headroom_clusters.nodes import SERVICES
from headroom_clusters.platforms import Platform

BROKEN = "nowhere.invalid/headroom/router:broken"


def test_services_wait_for_the_job_that_makes_their_tables(platform: Platform) -> None:
    told = platform.before_tables
    assert told["ready"] is False
    assert told["state"] in {"starting", "degraded"}
    assert "the database's tables: expected revision" in told["reason"]
    jobs = platform.kubectl.get("jobs")["items"]
    assert {job["metadata"]["labels"]["app.kubernetes.io/component"] for job in jobs} == {"migration"}
    assert [job["status"].get("succeeded") for job in jobs] == [1, 1]


def test_a_complete_platform_is_told_so(complete: Platform) -> None:
    status, document = complete.status()
    assert status == 0, document
    assert document["missing"] == []
    assert {one["state"] for one in document["rollouts"]} == {"complete"}
    assert {pod["state"] for one in document["rollouts"] for pod in one["pods"]} <= {"ready", "leaving"}


def test_an_image_that_is_nowhere_stops_the_rollout_and_users_are_served(complete: Platform) -> None:
    deadline = '{"spec": {"progressDeadlineSeconds": 10}}'
    with complete.load() as load:
        complete.kubectl("patch", "deployment/router", "--patch", deadline)
        complete.kubectl("set", "image", "deployment/router", f"service={BROKEN}")
        complete.kubectl.until(
            lambda: complete.rollout("router")["state"] == "failed", "the end of its patience", seconds=120
        )
        told = complete.rollout("router")
        status, _ = complete.status()
        complete.kubectl("rollout", "undo", "deployment/router")
        complete.until_complete()
    assert status == 3
    assert told["reason"].startswith("no progress within 10 s")
    assert "Err" in told["reason"] or "ImagePullBackOff" in told["reason"]
    assert (told["ready"], told["image"]) == (1, BROKEN)
    assert complete.rollout("router")["state"] == "complete"
    assert complete.rollout("router")["image"] != BROKEN
    load.count.expect_nothing_noticed()
    restored = '{"spec": {"progressDeadlineSeconds": 300}}'
    complete.kubectl("patch", "deployment/router", "--patch", restored)


def test_a_service_that_refuses_its_settings_says_why(complete: Platform) -> None:
    complete.kubectl("set", "env", "deployment/generator", "HEADROOM_LOG_LEVEL=loud")
    complete.kubectl.until(
        lambda: "crashes" in complete.rollout("generator")["reason"], "the crash", seconds=120
    )
    told = complete.rollout("generator")["reason"]
    complete.kubectl("rollout", "undo", "deployment/generator")
    complete.until_complete()
    assert "exit status 2, headroom: HEADROOM_LOG_LEVEL: " in told


def test_another_setting_replaces_all_pods(complete: Platform) -> None:
    before = {pod["metadata"]["name"] for pod in complete.pods("router")}
    with complete.load() as load:
        complete.apply(HEADROOM_LOG_LEVEL="warning")
        complete.until_complete()
        for service in SERVICES:
            complete.settle(service)
    complete.say(f"all replaced at once: {load.count}")
    load.count.expect_nothing_noticed()
    (pod,) = complete.pods("router")
    assert pod["metadata"]["name"] not in before
    name = pod["spec"]["containers"][0]["envFrom"][0]["configMapRef"]["name"]
    assert complete.kubectl.get("configmap", name)["data"]["HEADROOM_LOG_LEVEL"] == "warning"
