"""Whom the platform trusts with what: drawn from the manifests' policies, Secrets and security contexts."""

from __future__ import annotations

from diagrams.manifests import K8S, Arrow, Manifest, arrows, of_kind, overlay, read, secrets
from diagrams.microservices_deployment import STAGES
from diagrams.palette import BAND, DATA, PLANNED, SERVICE, SHARED, box, facts, header, key, zone

WORKERS = tuple(name for name in STAGES if name != "analysis")
"""The stages that keep nothing: they hold the same Secrets, and are drawn as one."""
KEEPERS = {
    "rabbitmq": ("RabbitMQ", "asks for user and password"),
    "redis": ("Redis", "asks for a password"),
    "postgresql": ("PostgreSQL", "a role for each service; none\nmay open the other's database"),
}
"""What keeps something, and what a connection to it has to show."""


def reads(workload: Manifest) -> str:
    """Return the Secrets that a workload's pods can read, two in a line."""
    held = secrets(workload)
    return "reads " + ",\n".join(", ".join(held[at : at + 2]) for at in range(0, len(held), 2))


def workers_line(deployments: dict[str, Manifest]) -> str:
    """Return the stages that keep nothing as one node.

    Raises:
        ValueError: they do not hold the same Secrets any more.
    """
    held = {reads(deployments[name]) for name in WORKERS}
    if len(held) != 1:
        message = f"expected {', '.join(WORKERS)} to mount the same Secrets, found {sorted(held)}"
        raise ValueError(message)
    return box("workers", ",\n".join(WORKERS), "keep nothing", held.pop(), colours=SERVICE)


def every_pod() -> str:
    """Return what holds every pod, as the namespace and base/pod.yaml say it."""
    labels = read(K8S / "base/namespace.yaml")[0]["metadata"]["labels"]
    pod = read(K8S / "base/pod.yaml")[0]["spec"]["template"]["spec"]
    own, container = pod["securityContext"], pod["containers"][0]["securityContext"]
    rows = [
        ("admission", f"Pod Security Standard {labels['pod-security.kubernetes.io/enforce']}"),
        ("user", f"{own['runAsUser']}:{own['runAsGroup']}" + (", never root" if own["runAsNonRoot"] else "")),
        ("system calls", f"seccomp {own['seccompProfile']['type']}"),
        ("capabilities", f"{', '.join(container['capabilities']['drop'])} dropped"),
        ("escalation", "allowed" if container["allowPrivilegeEscalation"] else "not allowed"),
        ("root file system", "read-only" if container["readOnlyRootFilesystem"] else "writable"),
        ("Kubernetes API", "token mounted" if pod["automountServiceAccountToken"] else "no token"),
        ("network", "nothing but the arrows, and DNS"),
        ("images", "signed, with SBOM and provenance"),
    ]
    return facts("every_pod", "every pod of a service", rows)


def arrow_lines(drawn: list[Arrow]) -> list[str]:
    """Return each connection that the policies allow inside the namespace."""
    inside = [
        arrow
        for arrow in drawn
        if not arrow.source.startswith("namespace/") and not arrow.source.endswith("-migrate")
    ]
    ends = {
        ("workers" if arrow.source in WORKERS else key(arrow.source), arrow.target, arrow.port)
        for arrow in inside
    }
    return [f'  {source} -> {key(target)} [label=" {port}"]' for source, target, port in sorted(ends)]


def around(drawn: list[Arrow]) -> list[str]:
    """Return what stands outside of the namespace, with the connections from and to it."""
    asked = sorted({arrow.port for arrow in drawn if "/" in arrow.source and arrow.target == "rabbitmq"})
    door = sorted({arrow.port for arrow in drawn if "/" in arrow.source and arrow.target == "gateway"})
    callers = box("callers", "callers", "API key or OIDC token", colours=PLANNED)
    issuer = box("issuer", "OIDC issuer", "signs tokens;\nits keys over https", colours=PLANNED)
    limits = "TLS; time for headers, size of bodies;\n/api and /openapi.json alone"
    watch = "metrics of services and broker, lengths of\nqueues; from their namespaces alone"
    return [
        *zone("outside", "outside: nobody is trusted", [callers, issuer]),
        *zone("edge", "edge", [box("proxy", "ingress or Gateway API", limits, colours=DATA)]),
        *zone(
            "cluster",
            "other namespaces",
            [box("operators", "Prometheus, KEDA, operators", watch, colours=DATA)],
        ),
        '  callers -> proxy [label=" 443, TLS"]',
        '  issuer -> gateway [dir=back, style=dashed, label=" 443, TLS; a policy\\nof your own"]',
        f'  proxy -> gateway [label=" {", ".join(map(str, door))}"]',
        f'  rabbitmq -> operators [dir=back, style=dashed, label=" {", ".join(map(str, asked))}"]',
    ]


def source() -> str:
    """Return the DOT source."""
    found = overlay("staging")
    drawn = arrows(found)
    deployments = of_kind("Deployment", found)
    gateway = "who, which scope, how often, how much;\nscenarios are data and name no files"
    analysis = "takes requests of the gateway\nwithout a credential: the\narrow alone guards it"
    ring = [
        box("analysis", "analysis", analysis, reads(deployments["analysis"]), colours=SERVICE),
        workers_line(deployments),
    ]
    inside = [
        box("gateway", "gateway", gateway, reads(deployments["gateway"]), colours=SERVICE),
        *zone("ring", "no way in from outside", ring, fill=BAND),
        every_pod(),
        *(box(name, *told, colours=SHARED) for name, told in KEEPERS.items()),
    ]
    lines = [
        *header("security_architecture", "Who is trusted with what", rankdir="TB"),
        "  graph [compound=true, nodesep=0.5, ranksep=0.6]",
        *zone("namespace", "namespace headroom", inside),
        *around(drawn),
        *arrow_lines(drawn),
    ]
    return "\n".join([*lines, "}"]) + "\n"
