"""The container engine, as its command line tells of it."""

import json
import os
import subprocess
from collections.abc import Mapping
from typing import Any, Final

PATIENCE: Final = 900.0
"""Seconds that a command may take: the longest builds everything for the first time on a busy machine."""


class EngineError(RuntimeError):
    """A command of the engine failed; the message carries what it said."""


def docker(*arguments: str, environment: Mapping[str, str] | None = None) -> str:
    """Run a command of the engine and return what it prints.

    Raises:
        EngineError: it failed.
    """
    done = subprocess.run(
        ["docker", *arguments],
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    if done.returncode != 0:
        message = f"docker {' '.join(arguments)}: status {done.returncode}\n{done.stdout}{done.stderr}"
        raise EngineError(message)
    return done.stdout


def answers() -> bool:
    """Tell whether there is an engine, with Compose."""
    try:
        docker("info")
        docker("compose", "version")
    except (OSError, EngineError):
        return False
    return True


def inspected(*names: str) -> list[dict[str, Any]]:
    """Return what the engine knows of containers."""
    found: list[dict[str, Any]] = json.loads(docker("inspect", *names)) if names else []
    return found


def kill(image: str, process: int) -> None:
    """Kill a process of the machine that the engine runs on, as running out of memory would.

    ``docker kill`` is another thing: after it the engine does not start a container again by itself.
    """
    code = f"import os; os.kill({process}, 9)"
    docker(
        "run", "--rm", "--network=none", "--pid=host", "--user=0:0", "--entrypoint=python", image, "-c", code
    )
