"""A throw-away Redis: its own directory and port, nothing written to disk."""

import shutil
import socket
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from headroom_servers.processes import Process, ServerError, free_port

_PASSWORD: Final = "tests-only"  # noqa: S105 - of a server that lives as long as a test
_PATIENCE: Final = 1.0


class Redis:
    """One Redis of one node, with a password and without persistence.

    Attributes:
        port: where it listens.
    """

    def __init__(self) -> None:
        program = shutil.which("redis-server")
        if program is None:
            absent = "redis-server: not found; scripts/servers.sh installs it on Debian and Ubuntu"
            raise ServerError(absent)
        self.port = free_port()
        self._directory = Path(tempfile.mkdtemp(prefix="headroom-redis-"))
        options = f"--port {self.port} --bind 127.0.0.1 --appendonly no --requirepass {_PASSWORD}"
        self._server = Process(
            [program, *options.split(), "--save", "", "--dir", str(self._directory)],
            log=self._directory / "redis.log",
            ready=lambda: self._says("PING") == "+PONG",
        )

    @property
    def url(self) -> str:
        """URL with the password."""
        return f"redis://:{_PASSWORD}@127.0.0.1:{self.port}/0"

    @property
    def password(self) -> str:
        """What no log may hold."""
        return _PASSWORD

    def start(self) -> Self:
        """Start it, empty; returns when it answers."""
        self._server.start()
        return self

    def kill(self) -> None:
        """End it at once (SIGKILL); all that it held is gone."""
        self._server.kill()

    def pause(self) -> None:
        """Freeze it: connections stay, and nobody is answered."""
        self._server.pause()

    def resume(self) -> None:
        """Let a frozen one go on."""
        self._server.resume()

    def configure(self, name: str, value: str) -> None:
        """Change a setting of the running server.

        Raises:
            ServerError: it refuses.
        """
        answer = self._says(f"CONFIG SET {name} {value}")
        if answer != "+OK":
            refused = f"CONFIG SET {name} {value}: {answer or 'no answer'}"
            raise ServerError(refused)

    def stop(self) -> None:
        """End it, for good."""
        self._server.kill()
        shutil.rmtree(self._directory, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _says(self, command: str) -> str:
        """What it answers to an inline command; empty when it does not."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=_PATIENCE) as connection:
                connection.sendall(f"AUTH {_PASSWORD}\r\n{command}\r\n".encode())
                answers = connection.makefile(encoding="utf-8")
                return "" if answers.readline() != "+OK\n" else answers.readline().strip()
        except OSError:
            return ""
