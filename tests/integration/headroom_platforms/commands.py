"""The commands of a platform and of its users, as one types them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

HEADROOM = Path(sys.executable).with_name("headroom")
PATIENCE = 120.0


class CommandLine:
    """Runs commands in an environment of their own.

    Args:
        settings: variables besides the inherited ones.
        home: takes what a user's home folder does: logins, databases.
    """

    def __init__(self, settings: Mapping[str, str], home: Path) -> None:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("HEADROOM_")}
        homes = {"XDG_STATE_HOME": str(home / "state"), "XDG_CONFIG_HOME": str(home / "config")}
        self.environment = {**inherited, **homes, **settings, "COLUMNS": "200"}

    def __call__(self, *arguments: str, status: int = 0) -> str:
        """Run a command that ends with this status, and return all that it says."""
        done = subprocess.run(  # noqa: S603 - our own command
            [HEADROOM, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == status, done.stderr
        return done.stdout + done.stderr

    def up(self, log: Path, port: int, *more: str) -> "subprocess.Popen[bytes]":
        """Start a platform whose gateway has the port, and whose services the following ones."""
        command = [HEADROOM, "up", "--gateway-port", str(port), "--port", str(port + 1), *more]
        with log.open("wb") as output:
            return subprocess.Popen(  # noqa: S603 - our own command
                command, env=self.environment, stdout=output, stderr=subprocess.STDOUT
            )


@contextmanager
def ready(
    process: "subprocess.Popen[bytes]", log: Path, *, killed: bool = False
) -> Iterator["subprocess.Popen[bytes]"]:
    """Wait until a platform says that it is ready, and end it as Ctrl-C does, unless it is killed."""
    deadline = time.monotonic() + PATIENCE
    while "Ctrl-C ends the platform" not in log.read_text():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        status = process.wait(PATIENCE)
    assert status == (-signal.SIGKILL if killed else 0), log.read_text()
    assert "at once" not in log.read_text()
