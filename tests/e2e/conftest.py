"""The whole of Headroom in containers: built and brought up once, for one test process."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from headroom_stacks.engine import answers
from headroom_stacks.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def built() -> Iterator[Stack]:
    """The project with its images built, and nothing of it left in the end."""
    wish = os.environ.get("HEADROOM_E2E")
    if wish == "skip" or not answers():
        reason = "there is no container engine with Compose (scripts/containers.sh finds one)"
        if wish == "require":
            pytest.fail(reason)
        pytest.skip(reason)
    stack = Stack()
    stack.build()
    stack.down("--volumes", "--remove-orphans")
    try:
        yield stack
    finally:
        stack.down("--volumes", "--remove-orphans")


@pytest.fixture
def stack(built: Stack) -> Stack:
    """All containers, healthy; a test may do to them what it likes."""
    built.up()
    return built
