"""Server processes: started, waited for until they answer, killed and ended, each by its own id."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

START_DEADLINE: Final = 90.0
"""Seconds that a server may take until it answers; a busy machine needs many times the usual."""

STOP_DEADLINE: Final = 30.0
"""Seconds that a server may take to end when it is asked to, before it is killed."""


class ServerError(RuntimeError):
    """A server did not start, or ended by itself; the message carries the end of its log."""


def free_port() -> int:
    """Return a port of the loopback interface that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def accepts_connections(port: int) -> bool:
    """Tell whether somebody listens on a port of the loopback interface."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def wait_until(
    condition: Callable[[], bool], *, within: float = START_DEADLINE, what: str = "condition"
) -> None:
    """Poll a condition until it holds.

    Raises:
        TimeoutError: it did not hold within so many seconds.
    """
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            late = f"{what}: not so within {within:g} s"
            raise TimeoutError(late)
        time.sleep(0.02)


class Process:
    """One server process; a log file takes what it prints.

    Args:
        command: program and arguments.
        log: path of the log; what is there already is kept.
        ready: tells whether the server answers.
        environment: variables besides the inherited ones.
        directory: where it runs.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        log: Path,
        ready: Callable[[], bool],
        environment: Mapping[str, str] | None = None,
        directory: Path | None = None,
    ) -> None:
        self._command = list(command)
        self._log = log
        self._ready = ready
        self._environment = {**os.environ, **(environment or {})}
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Id of the running process."""
        if self._process is None:
            absent = f"{self._command[0]} is not running"
            raise ServerError(absent)
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    def start(self, *, within: float = START_DEADLINE) -> None:
        """Start the process and wait until the server answers.

        Raises:
            ServerError: it ended, or does not answer in time.
        """
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment,
                cwd=self._directory,
                start_new_session=True,
            )
        try:
            wait_until(lambda: self._ready() or not self.alive, within=within)
        except TimeoutError:
            self.kill()
        if not self.alive:
            end = self._log.read_text(encoding="utf-8", errors="replace")[-3000:]
            failed = f"{self._command[0]} did not start; the end of {self._log}:\n{end}"
            raise ServerError(failed)

    def kill(self) -> None:
        """End it at once, with all processes of its session (SIGKILL)."""
        self.send(signal.SIGKILL)
        self.wait()

    def terminate(self) -> int:
        """Ask it to end (SIGTERM), wait, and return its exit status; killed when it does not."""
        if self._process is not None and self.alive:
            self._process.terminate()
        try:
            return self.wait()
        except subprocess.TimeoutExpired:
            self.kill()
            return -signal.SIGKILL

    def pause(self) -> None:
        """Stop it where it is (SIGSTOP): it keeps its connections and answers nobody."""
        self.send(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused process go on."""
        self.send(signal.SIGCONT)

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, and to all processes of its session."""
        if self._process is not None and self._process.returncode is None:
            # The session's leader: its group holds what it started, as long as that has not left it.
            os.killpg(self._process.pid, number)

    def wait(self, within: float = STOP_DEADLINE) -> int:
        """Wait until it has ended, and return its exit status.

        Raises:
            subprocess.TimeoutExpired: it did not end within so many seconds.
        """
        status = 0
        if self._process is not None:
            status = self._process.wait(within)
            self._process = None
        return status
