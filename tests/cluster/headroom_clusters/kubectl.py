"""kubectl, as a user types it, for one namespace."""

import json
import subprocess
import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[3]
_CALL_SECONDS: Final = 120.0


class KubectlError(Exception):
    """A command of kubectl failed, or what it should bring about did not come in time."""


class Kubectl:
    """Runs kubectl in one namespace.

    Args:
        namespace: where.
    """

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace

    @cached_property
    def _program(self) -> str:
        found = subprocess.run(  # noqa: S603 - our own script
            [ROOT / "scripts/kubectl.sh"], check=True, capture_output=True, text=True
        )
        return found.stdout.strip()

    def __call__(self, *arguments: str, stdin: str | None = None, timeout: float = _CALL_SECONDS) -> str:
        """Return what a command prints.

        Raises:
            KubectlError: it failed.
        """
        done = subprocess.run(  # noqa: S603 - our own arguments
            [self._program, "--namespace", self.namespace, *arguments],
            check=False,
            capture_output=True,
            text=True,
            input=stdin,
            timeout=timeout,
        )
        if done.returncode != 0:
            message = f"kubectl {' '.join(arguments)}: {done.stderr.strip()}"
            raise KubectlError(message)
        return done.stdout

    def get(self, *what: str) -> Any:
        """Return objects as plain data."""
        return json.loads(self("get", *what, "--output", "json"))

    def until(self, condition: Callable[[], bool], what: str, *, seconds: float) -> None:
        """Wait until a condition holds.

        Raises:
            KubectlError: it does not in time; what is in the namespace is told.
        """
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                there = self("get", "all,events", "--output", "wide")
                message = f"{what}: not within {seconds:g} s\n{there}"
                raise KubectlError(message)
            time.sleep(0.5)
