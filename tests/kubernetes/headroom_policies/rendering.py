"""Renders the overlays, and combinations of components, in a copy of the tree that has secrets of its own."""

from __future__ import annotations

import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations, product
from pathlib import Path
from typing import TYPE_CHECKING, Final

import yaml

from headroom_policies.manifests import Manifests
from scripts.make_secrets import write
from scripts.version import current

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parents[3]
OVERLAYS: Final = ("dev", "staging", "production")

AXES: Final[tuple[tuple[tuple[str, ...], ...], ...]] = (
    (("rabbitmq",), ("rabbitmq-cluster",)),
    (("postgresql",), ()),
    (("redis",), ()),
    (("migrations",), ()),
    (("network-policies",), ()),
    ((), ("ingress",), ("gateway-api",)),
    (("monitoring",), ()),
    (("logs",), ()),
    (("autoscaling-keda",), ()),
    (("autoscaling-hpa",), ()),
)
"""What may be chosen independently of the rest, in the order in which an overlay lists components."""

ADDRESSES: Final = {
    "GATEWAY_DATABASE_URL": "postgresql+psycopg://gateway:made-up@database.example.org/gateway",
    "ANALYSIS_DATABASE_URL": "postgresql+psycopg://analysis:made-up@database.example.org/analysis",
    "REDIS_URL": "rediss://:made-up@redis.example.org:6379/0",
}
"""Of servers outside of the cluster."""

Choice = tuple[tuple[str, ...], ...]


class RenderingError(Exception):
    """A kustomization does not render."""


def pairwise(axes: Choice | tuple[Choice, ...] = AXES) -> list[Choice]:
    """Return choices, one of each axis, so that any two values of two axes meet in at least one of them."""
    every = list(product(*axes))
    open_pairs = {pair for choice in every for pair in _pairs(choice)}
    chosen = []
    while open_pairs:
        best = max(every, key=lambda choice: len(open_pairs & _pairs(choice)))
        open_pairs -= _pairs(best)
        chosen.append(best)
    return chosen


def _pairs(choice: Choice) -> set[tuple[object, ...]]:
    return {(i, a, j, b) for (i, a), (j, b) in combinations(enumerate(choice), 2)}


def copy_tree(target: Path) -> Path:
    """Copy what kustomizations read, without secrets, and return its k8s/."""
    for name in ("k8s", "observability"):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns("secrets", ".secrets"))
    return target / "k8s"


def add_combinations(tree: Path) -> list[Path]:
    """Write an overlay for each pairwise combination of components, and return their folders."""
    model = yaml.safe_load((tree / "overlays/staging/kustomization.yaml").read_text(encoding="utf-8"))
    dev = yaml.safe_load((tree / "overlays/dev/kustomization.yaml").read_text(encoding="utf-8"))
    made = []
    for choice in pairwise():
        components = [name for names in choice for name in names]
        folder = tree / "overlays" / f"base+{'+'.join(components)}"
        folder.mkdir()
        content = model | {
            "components": [f"../../components/{name}" for name in components],
            "images": dev["images"],
            "patches": [
                patch | {"patch": patch["patch"].replace(f"value: {current()}", "value: dev")}
                for patch in model["patches"]
                if "patch" in patch
            ],
            "secretGenerator": [one for one in model["secretGenerator"] if _needed(one["name"], components)],
        }
        (folder / "kustomization.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
        made.append(folder)
    return made


def _needed(secret: str, components: list[str]) -> bool:
    owners = {
        "rabbitmq": {"rabbitmq", "rabbitmq-cluster"},
        "postgresql": {"postgresql"},
        "redis-server": {"redis"},
        "broker-management": {"autoscaling-keda"},
    }
    return secret not in owners or not owners[secret].isdisjoint(components)


def find_kubectl() -> str:
    """Return the path of a kubectl whose kustomize knows components."""
    script = str(ROOT / "scripts/kubectl.sh")
    done = subprocess.run([script], capture_output=True, text=True, check=True)  # noqa: S603 - our own, no shell
    return done.stdout.strip()


def render(folder: Path, kubectl: str) -> Manifests:
    """Return what a kustomization renders to.

    Raises:
        RenderingError: it does not render.
    """
    done = subprocess.run(  # noqa: S603 - our own kubectl, no shell
        [kubectl, "kustomize", str(folder)], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        msg = f"{folder.name}: {done.stderr.strip()}"
        raise RenderingError(msg)
    return Manifests([obj for obj in yaml.load_all(done.stdout, Loader=yaml.CSafeLoader) if obj])


def render_all(target: Path) -> Iterator[tuple[str, Manifests]]:
    """Render every overlay and every pairwise combination of components, each with its name.

    Args:
        target: an empty folder for the copy of the tree.

    Raises:
        RenderingError: one does not render.
    """
    kubectl = find_kubectl()
    tree = copy_tree(target)
    folders = [tree / "overlays" / name for name in OVERLAYS] + add_combinations(tree)
    for folder in folders:
        write(folder, ADDRESSES)
    with ThreadPoolExecutor(2) as pool:
        rendered = pool.map(lambda folder: render(folder, kubectl), folders)
        yield from zip((folder.name for folder in folders), rendered, strict=True)
