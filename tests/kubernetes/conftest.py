"""Makes the policies importable (test folders are no packages), and renders what tests look at."""

import copy
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from headroom_policies.manifests import Manifests
from headroom_policies.rendering import ADDRESSES, copy_tree, find_kubectl, render

from scripts.make_secrets import write


@pytest.fixture(scope="session")
def kubectl() -> str:
    """A kubectl that knows components."""
    return find_kubectl()


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of k8s/ with secrets."""
    copied = copy_tree(tmp_path_factory.mktemp("manifests"))
    for overlay in (copied / "overlays").iterdir():
        write(overlay, ADDRESSES)
    return copied


@pytest.fixture(scope="session")
def rendered_production(tree: Path, kubectl: str) -> Manifests:
    return render(tree / "overlays/production", kubectl)


@pytest.fixture(scope="session")
def rendered_dev(tree: Path, kubectl: str) -> Manifests:
    return render(tree / "overlays/dev", kubectl)


@pytest.fixture
def production(rendered_production: Manifests) -> Manifests:
    """The overlay for production, which a test may change."""
    return Manifests(copy.deepcopy(rendered_production.objects))


@pytest.fixture
def dev(rendered_dev: Manifests) -> Manifests:
    """The overlay for development, which a test may change."""
    return Manifests(copy.deepcopy(rendered_dev.objects))
