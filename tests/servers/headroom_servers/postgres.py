"""A throw-away PostgreSQL: its own directory, port and user; started by root, it runs as somebody else."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from headroom_servers.processes import Process, ServerError, free_port, wait_until

_PROGRAMS: Final = Path("/usr/lib/postgresql")
_CALL_DEADLINE: Final = 60.0
_USERS: Final = ("postgres", "nobody")
"""Whom root lets run the server, which refuses to run as root."""


def program(name: str) -> str:
    """Return the path of one of PostgreSQL's programs, of the newest version on the machine.

    Raises:
        ServerError: there is none.
    """
    versions = sorted(_PROGRAMS.glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    found = shutil.which(name, path=os.pathsep.join([*map(str, versions), os.environ.get("PATH", "")]))
    if found is None:
        absent = f"{name}: not found; scripts/servers.sh installs it on Debian and Ubuntu"
        raise ServerError(absent)
    return found


class Postgres:
    """One server with an empty database, on a port of the loopback interface.

    Args:
        durable: whether commits wait for the disk, which a killed machine needs and a killed server does not.
    """

    def __init__(self, *, durable: bool = False) -> None:
        self._directory = Path(tempfile.mkdtemp(prefix="headroom-postgres-"))
        self._as_user = self._other_user()
        self._data = self._directory / "data"
        self.port = free_port()
        arguments = [
            "-D",
            self._data,
            "-A",
            "trust",
            "-U",
            "headroom",
            "-E",
            "UTF8",
            "--no-locale",
            "--no-sync",
        ]
        subprocess.run(
            [*self._as_user, program("initdb"), *arguments],
            check=True,
            capture_output=True,
            timeout=_CALL_DEADLINE,
            cwd=self._directory,
        )
        options = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": self._directory,
            "fsync": "on" if durable else "off",
            "max_connections": 50,
        }
        self._server = Process(
            [
                *(*self._as_user, program("postgres"), "-D", str(self._data), "-p", str(self.port)),
                *(part for name, value in options.items() for part in ("-c", f"{name}={value}")),
            ],
            log=self._directory / "log",
            ready=lambda: self._client("pg_isready"),
            directory=self._directory,
        )

    def url(self, database: str) -> str:
        """Return the address of a database for SQLAlchemy."""
        return f"postgresql+psycopg://headroom@127.0.0.1:{self.port}/{database}"

    def create_database(self, name: str) -> str:
        """Make an empty database and return its address.

        Raises:
            ServerError: it exists, or the server does not answer.
        """
        if not self._client("createdb", name):
            failed = f"createdb {name}: failed"
            raise ServerError(failed)
        return self.url(name)

    def start(self) -> None:
        """Start it and wait until it answers.

        Raises:
            ServerError: it ended, or does not answer in time.
        """
        self._server.start()

    def kill(self) -> None:
        """End it and its children at once (SIGKILL), and wait until their shared memory is free."""
        children = _children(self._server.pid)
        self._server.kill()
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        wait_until(
            lambda: not any(Path(f"/proc/{child}").exists() for child in children),
            what="the end of PostgreSQL's processes",
        )

    def stop(self) -> None:
        """End it and remove its directory; clients are cut off (SIGINT), for whom SIGTERM would wait."""
        if self._server.alive:
            os.kill(self._server.pid, signal.SIGINT)
        self._server.terminate()
        shutil.rmtree(self._directory, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _other_user(self) -> list[str]:
        """Give the directory to another user when root runs this; return what starts programs as them."""
        if os.getuid() != 0:
            return []
        names = {entry.pw_name for entry in pwd.getpwall()}
        user = pwd.getpwnam(next(name for name in _USERS if name in names))
        os.chown(self._directory, user.pw_uid, user.pw_gid)
        return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]

    def _client(self, name: str, *arguments: str) -> bool:
        """Run one of PostgreSQL's clients; tell whether it succeeded."""
        place = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "headroom"]
        done = subprocess.run(
            [program(name), *place, *arguments], check=False, capture_output=True, timeout=_CALL_DEADLINE
        )
        return done.returncode == 0


def _children(pid: int) -> list[int]:
    """Return the ids of the processes that a process has started."""
    listed = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)],
        check=False,
        capture_output=True,
        text=True,
        timeout=_CALL_DEADLINE,
    )
    return [int(child) for child in listed.stdout.split()]
