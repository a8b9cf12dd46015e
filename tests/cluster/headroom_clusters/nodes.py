"""Which cluster there is: the one of KUBECONFIG, or the node of the tool beside this repository."""

import os
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from headroom_clusters.kubectl import ROOT

SERVICES: Final = ("gateway", "generator", "router", "server-model", "analysis")
SERVERS: Final = ("rabbitmq:3-management", "postgres:15", "redis:7")
TAG: Final = "e2e"
"""Of the images that are built for the tool's node."""

_TOOLS: Final = ROOT.parent / "shared" / "tools"
_PROGRAMS: Final = (
    "etcd",
    *(f"kube-{name}" for name in ("apiserver", "controller-manager", "scheduler", "proxy")),
    "kubelet",
)
_BUILD_SECONDS: Final = 1800.0


@dataclass(frozen=True)
class Cluster:
    """What has to be known of a cluster, besides its KUBECONFIG.

    Attributes:
        prefix: what stands before a service's name in the name of its image.
        tag: of the services' images.
    """

    prefix: str
    tag: str


def required() -> bool:
    """Whether a cluster was asked for: `make e2e-k8s`."""
    return os.environ.get("HEADROOM_E2E_K8S") == "require"


def absent() -> str:
    """Say why there is no cluster; empty when there is one, or one can be had.

    The cluster of KUBECONFIG is somebody's, and perhaps in use: only who asks for it has tests run there.
    """
    if os.environ.get("KUBECONFIG"):
        return "" if required() else "KUBECONFIG is set, and only `make e2e-k8s` works on that cluster"
    if not (_TOOLS / "k8s-node" / "up").exists():
        return "KUBECONFIG is not set"
    folder = Path(os.environ.get("TOOLS_DIR") or _cache() / "headroom-tools") / "k8s" / "bin"
    if not all((folder / name).exists() for name in _PROGRAMS):
        return f"KUBECONFIG is not set, and {_TOOLS / 'k8s-node' / 'build'} has not been run"
    return ""


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Bring a cluster up, if none is given, with images of this state of the sources."""
    if os.environ.get("KUBECONFIG"):
        prefix = os.environ.get("HEADROOM_E2E_IMAGES", "headroom/")
        yield Cluster(prefix, os.environ.get("HEADROOM_E2E_TAG", "dev"))
        return
    environment = _exported(_TOOLS / "containers" / "up")
    images = [f"headroom/{service}:{TAG}" for service in SERVICES]
    for service, image in zip(SERVICES, images, strict=True):
        _build(service, image, environment)
    os.environ |= _exported(_TOOLS / "k8s-node" / "up", *SERVERS, *images, environment=environment)
    try:
        yield Cluster("headroom/", TAG)
    finally:
        del os.environ["KUBECONFIG"]
        _run(str(_TOOLS / "k8s-node" / "down"), environment={})


def _build(service: str, image: str, environment: Mapping[str, str]) -> None:
    file = f"microservices/{service}/Dockerfile"
    kernels = () if service == "gateway" else ("--build-arg", "KERNEL_TARGETS=here")
    _run("docker", "build", "--quiet", *kernels, "--file", file, "--tag", image, ".", environment=environment)


def _exported(program: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the variables that a tool prints as lines of a shell."""
    printed = _run(str(program), *arguments, environment=environment or {})
    words = [word for line in printed.splitlines() for word in shlex.split(line) if "=" in word]
    return dict(word.split("=", 1) for word in words)


def _run(*command: str, environment: Mapping[str, str]) -> str:
    done = subprocess.run(  # noqa: S603 - our own commands
        command,
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=_BUILD_SECONDS,
        env={**os.environ, **environment},
    )
    if done.returncode != 0:
        message = f"{' '.join(command)}: {done.stderr[-4000:]}"
        raise RuntimeError(message)
    return done.stdout


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
