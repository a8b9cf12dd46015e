"""Runs as a user types them, at a gateway and in one process."""

import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from headroom_stacks.stack import ROOT, Stack

HEADROOM: Final = Path(sys.executable).with_name("headroom")
PATIENCE: Final = 600.0
"""Seconds that a run may take, whatever is killed meanwhile and whatever else the machine does."""


def command(example: str, trials: int, output: Path, *more: str) -> "subprocess.Popen[str]":
    """Start ``headroom run`` of an example."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("HEADROOM_")}
    return subprocess.Popen(
        [
            HEADROOM,
            "run",
            str(ROOT / "examples" / f"{example}.yaml"),
            f"--replications={trials}",
            f"--output={output}",
            *more,
        ],
        env=inherited,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def ended(run: "subprocess.Popen[str]", output: Path) -> bytes:
    """Wait for the end of a run and return its result."""
    with run:
        try:
            told, _ = run.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            run.kill()
            told, _ = run.communicate()
        assert run.returncode == 0, told
    return output.read_bytes()


def at_gateway(stack: Stack, example: str, trials: int, output: Path) -> "subprocess.Popen[str]":
    """Start a run at the stack's gateway, which simulates it even if it knows the result."""
    return command(example, trials, output, f"--gateway={stack.url}", "--no-cache")


@cache
def embedded(example: str, trials: int) -> bytes:
    """Return the result of the same run in one process."""
    with TemporaryDirectory() as folder:
        output = Path(folder) / "embedded.json"
        return ended(command(example, trials, output), output)
