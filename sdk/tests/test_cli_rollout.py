"""`headroom rollout status`, asking a small cluster over real HTTP."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from kubernetes_testing.cluster import SmallCluster
from kubernetes_testing.objects import autoscaler, crashing, deployment, pod
from typer.testing import CliRunner, Result

from headroom.cli.main import app
from headroom.cli.rollout import age
from headroom.cli.rollouts import SERVICES

NAMESPACE = "/api/v1/namespaces/headroom"


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallCluster]:
    """A cluster with a platform that is as wanted; KUBECONFIG leads to it."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with SmallCluster() as made:
        made.objects["deployments"] = [deployment(name) for name in SERVICES]
        made.objects["pods"] = [pod("router-7f-1", ready_after=7)]
        monkeypatch.setenv("KUBECONFIG", str(made.kubeconfig(tmp_path)))
        yield made


def status(*options: str) -> Result:
    return CliRunner().invoke(app, ["rollout", "status", *options])


def said(result: Result) -> str:
    return " ".join(result.stderr.split())


def test_a_platform_that_is_as_wanted(cluster: SmallCluster) -> None:
    cluster.objects["autoscalers"] = [autoscaler("gateway", wanted=2)]
    result = status()
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert [line.split()[0] for line in lines[1:6]] == list(SERVICES)
    assert "1 to 10, wants 2" in lines[1]
    assert lines[-1].split() == ["router-7f-1", "ready", "0", *lines[-1].split()[3:5], "7", "s", "node-1"]


def test_it_only_reads_what_belongs_to_the_platform(cluster: SmallCluster) -> None:
    status()
    assert cluster.asked == [
        ("GET", "/apis/apps/v1/namespaces/headroom/deployments", "app.kubernetes.io/part-of=headroom"),
        ("GET", f"{NAMESPACE}/pods", "app.kubernetes.io/part-of=headroom"),
        ("GET", "/apis/autoscaling/v1/namespaces/headroom/horizontalpodautoscalers", ""),
    ]


def test_what_is_not_as_wanted_is_said_with_its_reason(cluster: SmallCluster) -> None:
    cluster.objects["deployments"][2] = deployment("router", replicas=2, status={"updatedReplicas": 1})
    cluster.objects["pods"] = [crashing("router-1", message="no broker")]
    result = status()
    assert result.exit_code == 3
    assert "router: 1 of 2 pods are updated; it crashes: exit status 1, no broker" in result.stdout


def test_a_service_without_a_deployment_is_missed(cluster: SmallCluster) -> None:
    del cluster.objects["deployments"][1]
    result = status()
    assert result.exit_code == 3
    assert said(result) == "missing: generator"


def test_as_json(cluster: SmallCluster) -> None:
    cluster.objects["autoscalers"] = [autoscaler("router", condition="no metrics")]
    result = status("--json")
    assert result.exit_code == 3
    document = json.loads(result.stdout)
    assert (document["namespace"], document["missing"]) == ("headroom", [])
    assert [one["service"] for one in document["rollouts"]] == list(SERVICES)
    router = document["rollouts"][2]
    assert router["autoscaler"] == {"least": 1, "most": 10, "wanted": 1, "reason": "no metrics"}
    assert (router["pods"][0]["name"], router["pods"][0]["start"]) == ("router-7f-1", 7.0)


def test_the_kubeconfig_and_its_context_may_be_named(
    cluster: SmallCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KUBECONFIG")
    result = status("--kubeconfig", str(cluster.kubeconfig(tmp_path)), "--context", "there")
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--context", "elsewhere"], "context: expected one of here, there, found elsewhere"),
        (["--kubeconfig", "/nowhere"], "kubeconfig: expected a file, found none at /nowhere"),
        (
            ["--namespace", "other"],
            "namespace: expected one with a platform, found no such namespace in other",
        ),
    ],
)
@pytest.mark.usefixtures("cluster")
def test_what_cannot_be_used_is_said(options: list[str], message: str) -> None:
    result = status(*options)
    assert result.exit_code == 2
    assert message in said(result)


@pytest.mark.parametrize(
    ("refusals", "found"),
    [({}, "no Deployment labelled"), ({NAMESPACE: (403, "forbidden")}, "no Deployment labelled")],
)
def test_a_namespace_without_a_platform(
    cluster: SmallCluster, refusals: dict[str, tuple[int, str]], found: str
) -> None:
    cluster.objects["deployments"] = []
    cluster.refusals = refusals
    result = status()
    assert result.exit_code == 2
    assert f"found {found} app.kubernetes.io/part-of=headroom in headroom" in said(result)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{a", "kubeconfig: expected a valid one, found that"),
        ("", "kubeconfig: expected a valid one, found that"),
        ("current-context: none", "kubeconfig: expected a valid one, found that"),
    ],
)
def test_a_kubeconfig_that_is_none(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(text)
    result = status("--kubeconfig", str(path))
    assert result.exit_code == 2
    assert message in said(result)


@pytest.mark.parametrize("kind", ["deployments", "pods", "autoscalers"])
def test_who_may_not_ask_is_told_what_it_takes(cluster: SmallCluster, kind: str) -> None:
    cluster.refusals[kind] = (403, f'{kind} is forbidden: User "ann" cannot list resource')
    result = status()
    assert result.exit_code == 3
    assert f'cluster: {kind} is forbidden: User "ann" cannot list resource' in said(result)
    assert "docs/cli.md has the role" in said(result)
    assert "very-secret" not in result.output


def test_a_user_that_the_cluster_does_not_know(cluster: SmallCluster) -> None:
    cluster.refusals["deployments"] = (401, "Unauthorized")
    result = status()
    assert result.exit_code == 3
    assert "expected a user that http://127.0.0.1:" in said(result)


def test_a_cluster_that_fails(cluster: SmallCluster) -> None:
    cluster.refusals["pods"] = (500, "etcdserver: request timed out")
    result = status()
    assert result.exit_code == 3
    assert "cluster: etcdserver: request timed out" in said(result)


def test_a_cluster_that_is_away(tmp_path: Path) -> None:
    with SmallCluster() as cluster:
        kubeconfig = cluster.kubeconfig(tmp_path)
    result = status("--kubeconfig", str(kubeconfig))
    assert result.exit_code == 3
    assert "cluster: expected an answer of http://127.0.0.1:" in said(result)
    assert "very-secret" not in result.output


def test_help_does_not_import_the_clusters_client() -> None:
    before = set(sys.modules)
    assert status("--help").exit_code == 0
    assert "kubernetes" not in set(sys.modules) - before


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59, "59 s"), (60, "1 min"), (7199, "1 h"), (86_400, "1 d"), (8_640_000, "100 d")],
)
def test_ages(seconds: float, text: str) -> None:
    assert age(seconds) == text
