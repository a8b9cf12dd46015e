"""Services of Headroom as processes, as a user starts them."""

import json
import os
import signal
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from headroom_servers.processes import Process, wait_until

SERVICES: Final = ("generator", "router", "server-model", "analysis")
"""The services of the ring."""

_PATIENCE: Final = 10.0


def module(service: str) -> str:
    """Return the name of a service's package."""
    return f"headroom_{service.replace('-', '_')}"


class ServiceProcess:
    """One instance of a service, on a free port.

    Args:
        service: name of the service.
        settings: environment variables without their prefix, such as ``BROKER__URL``.

    Attributes:
        service: as given.
        log: path of what it logs.
    """

    def __init__(self, service: str, settings: Mapping[str, str]) -> None:
        self.service = service
        handle, name = tempfile.mkstemp(prefix=f"headroom-{service}-", suffix=".log")
        os.close(handle)
        self.log = Path(name)
        self._process = Process(
            [sys.executable, "-m", module(service)],
            log=self.log,
            ready=self._answers,
            environment={
                "HEADROOM_PORT": "0",
                **{f"HEADROOM_{key}": value for key, value in settings.items()},
            },
        )

    @property
    def pid(self) -> int:
        """Id of its process."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process.alive

    @property
    def port(self) -> int:
        """Port of its HTTP interface; 0 before it tells."""
        started = [line for line in self.lines if line.get("event") == "service starting"]
        return int(started[-1]["port"]) if started else 0

    @property
    def lines(self) -> list[dict[str, Any]]:
        """What it logged so far."""
        text = self.log.read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines() if line.startswith("{") and line.endswith("}")]

    def start(self) -> Self:
        """Start it, or start it again; returns when HTTP answers."""
        self.log.write_text("", encoding="utf-8")
        self._process.start()
        return self

    def wait_ready(self) -> None:
        """Wait until it is ready."""
        wait_until(lambda: self.get("/health/ready")[0] == 200, what=f"{self.service} is ready")

    def get(self, path: str) -> tuple[int, str]:
        """Ask its HTTP interface; returns status and body, 0 when it does not answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=_PATIENCE) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def kill(self) -> None:
        """End it at once (SIGKILL)."""
        self._process.kill()

    def terminate(self) -> int:
        """Ask it to end (SIGTERM), wait until it has, and return its exit status."""
        return self._process.terminate()

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send(number)

    def wait(self) -> int:
        """Wait until it has ended, and return its exit status."""
        return self._process.wait()

    def stop(self) -> None:
        """End it and forget its log."""
        self._process.kill()
        self.log.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _answers(self) -> bool:
        return bool(self.port) and self.get("/health/live")[0] == 200
