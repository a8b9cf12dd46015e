"""The platform on Kubernetes, drawn from the manifests of `staging`, the overlay with all parts inside."""

from __future__ import annotations

from diagrams.manifests import K8S, Arrow, Manifest, arrows, of_kind, overlay, read
from diagrams.palette import BAND, CONTROL, DATA, PLANNED, SERVICE, SHARED, box, facts, header, key, zone

STAGES = ("generator", "router", "server-model", "analysis")
OUTSIDE = {
    "ingress-nginx": ("ingress or Gateway API", "TLS ends here; /api and\n/openapi.json, nothing else"),
    "monitoring": ("Prometheus", "asks every pod for /metrics;\nalerts, dashboards"),
    "keda": ("KEDA", "reads lengths of queues,\nscales the stages"),
}
"""What stands in namespaces of its own, with what it does."""
KEEPERS = {
    "rabbitmq": ("RabbitMQ", "quorum queues"),
    "postgresql": ("PostgreSQL", "databases gateway, analysis;\nin production outside"),
    "redis": ("Redis", "handled events, rate limits,\nresults asked for often"),
}
FRACTIONS = {"250m": "¼", "500m": "½"}


def replicas(found: list[Manifest]) -> dict[str, str]:
    """Return how many pods each Deployment has, and on what that depends."""
    told = {}
    for one in of_kind("HorizontalPodAutoscaler", found).values():
        spec = one["spec"]
        use = spec["metrics"][0]["resource"]["target"]["averageUtilization"]
        range_ = f"{spec['minReplicas']} to {spec['maxReplicas']}"
        told[spec["scaleTargetRef"]["name"]] = f"{range_}, by processor ({use} %)"
    shared = read(K8S / "components/autoscaling-keda/scaling.yaml")[0]["spec"]
    for one in of_kind("ScaledObject", found).values():
        spec = one["spec"]
        range_ = f"{shared['minReplicaCount']} to {spec['maxReplicaCount']}"
        told[spec["scaleTargetRef"]["name"]] = f"{range_}, by queue"
    return told


def size(deployment: Manifest) -> str:
    """Return what a pod is promised and what it may use at most."""
    given = deployment["spec"]["template"]["spec"]["containers"][0]["resources"]
    asked = given["requests"]
    cores = FRACTIONS.get(asked["cpu"], asked["cpu"])
    return f"{cores} core, {asked['memory']}, at most {given['limits']['memory']}"


def deployment_line(deployment: Manifest, scaled: dict[str, str]) -> str:
    """Return a Deployment with the number of its pods and their size."""
    name = deployment["metadata"]["name"]
    return box(name, name, scaled[name], size(deployment), colours=SERVICE)


def keeper_line(name: str, found: list[Manifest]) -> str:
    """Return a server that keeps something, with the kind that makes it."""
    title, what = KEEPERS[name]
    kind = next(k for k in ("RabbitmqCluster", "StatefulSet", "Deployment") if name in of_kind(k, found))
    count = of_kind(kind, found)[name]["spec"]["replicas"]
    return box(name, title, f"{kind}, {count} {'pods' if count > 1 else 'pod'}", what, colours=SHARED)


def migrations_line(found: list[Manifest]) -> str:
    """Return the migrations as one node."""
    names = sorted(name.split("-migrate-")[0] for name in of_kind("Job", found))
    return box(
        "migrations",
        "migrations",
        f"a Job each of {' and '.join(names)},\nonce per version; services wait",
        colours=CONTROL,
    )


def every_pod() -> str:
    """Return what all pods of the services have in common, as base/pod.yaml says it."""
    spec = read(K8S / "base/pod.yaml")[0]["spec"]
    pod = spec["template"]["spec"]
    rolling = spec["strategy"]["rollingUpdate"]
    rows = []
    for kind in ("startup", "readiness", "liveness"):
        probe = pod["containers"][0][f"{kind}Probe"]
        often = f"every {probe['periodSeconds']} s, {probe['failureThreshold']} failures"
        rows.append((kind, f"{probe['httpGet']['path']} {often}"))
    rows += [
        ("rollout", f"maxUnavailable {rolling['maxUnavailable']}, maxSurge {rolling['maxSurge']}"),
        ("end", f"not ready, wait, drain, close, within {pod['terminationGracePeriodSeconds']} s"),
        ("disruption", "at most one pod of a service at a time"),
        ("place", "spread over nodes and zones"),
    ]
    return facts("every_pod", "every pod of a service", rows)


def arrow_lines(drawn: list[Arrow]) -> list[str]:
    """Return the allowed connections; those that all stages have as one arrow from their frame."""
    lines = [
        f'  router -> {key(name)} [ltail=cluster_stages, label=" {port}"]'
        for name, port in (("rabbitmq", 5672), ("redis", 6379))
        if all(Arrow(stage, name, port) in drawn for stage in STAGES)
    ]
    for arrow in drawn:
        if arrow.source in STAGES and arrow.target in ("rabbitmq", "redis"):
            continue
        space = arrow.source.removeprefix("namespace/")
        if space in ("monitoring", "keda"):
            # They stand below what they look at. That Prometheus asks every pod is said in its note.
            if arrow.target == "rabbitmq":
                look = f'dir=back, style=dashed, label=" {arrow.port}"'
                lines.append(f"  rabbitmq -> {key(arrow.source)} [{look}]")
        elif space in (*OUTSIDE, *STAGES, "gateway"):
            lines.append(f'  {key(arrow.source)} -> {key(arrow.target)} [label=" {arrow.port}"]')
    return lines


def source() -> str:
    """Return the DOT source."""
    found = overlay("staging")
    scaled = replicas(found)
    deployments = of_kind("Deployment", found)
    stages = [deployment_line(deployments[name], scaled) for name in STAGES]
    inside = [
        deployment_line(deployments["gateway"], scaled),
        migrations_line(found),
        every_pod(),
        *zone("stages", "the ring: any replica takes any event", stages, fill=BAND),
        *(keeper_line(name, found) for name in KEEPERS),
    ]
    lines = [
        *header("microservices_deployment", "Headroom on Kubernetes", rankdir="TB"),
        "  graph [compound=true, nodesep=0.4, ranksep=0.55]",
        box("callers", "callers", "browsers, pipelines,\nheadroom run --gateway", colours=PLANNED),
        *(box(f"namespace_{space}", *told, colours=DATA) for space, told in OUTSIDE.items()),
        *zone("namespace", "namespace headroom", inside),
        '  callers -> namespace_ingress_nginx [label=" 443"]',
        *arrow_lines(arrows(found)),
        '  migrations -> postgresql [label=" 5432"]',
        "  migrations -> every_pod [style=invis]",
    ]
    return "\n".join([*lines, "}"]) + "\n"
