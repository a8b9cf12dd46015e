"""A platform on a real cluster, for all tests of this folder."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from headroom_clusters.nodes import SERVICES, absent, cluster, required
from headroom_clusters.platforms import Platform, platform_on


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """The development overlay, in a namespace of its own; every test leaves it as it was."""
    if why := absent():
        if required():
            pytest.fail(f"no cluster: {why}")
        pytest.skip(f"no cluster: {why}")
    with cluster() as found, platform_on(found, tmp_path_factory.mktemp("cluster")) as made:
        yield made
        for service in SERVICES:
            starts = sorted(made.starts[service].values())
            made.say(f"{service}: from made to ready in {starts} s")


@pytest.fixture
def complete(platform: Platform) -> Platform:
    """The platform with one pod of everything, whatever an earlier test has left."""
    platform.until_complete()
    return platform
