"""Settings of all test suites: generated examples may take their time, for the machine may be busy.

They are the same in every run, so that a change is what broke a test; `make soak` looks at other ones.
"""

import os
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from xdist.scheduler import LoadScopeScheduling

ON_CONTAINERS = ("tests/e2e/", "tests/cluster/")
"""Folders of tests that work on the container engine."""

settings.register_profile(
    "busy-machine",
    deadline=None,
    derandomize="HEADROOM_SOAK" not in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("busy-machine")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that work on the container engine, so that they can be left out."""
    for item in items:
        if item.nodeid.startswith(ON_CONTAINERS):
            item.add_marker(pytest.mark.e2e)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> "LoadScopeScheduling":  # noqa: ANN401 - xdist's own
    """Give the tests on the container engine to one process, and every other test to whoever is free.

    xdist's own groups (3.8) do not hold with this pytest. The largest group is begun first, which suits, for
    these tests take longest.
    """
    from xdist.scheduler import LoadScopeScheduling  # noqa: PLC0415 - only where there are several processes

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return "containers" if nodeid.startswith(ON_CONTAINERS) else nodeid

    return Scheduling(config, log)
