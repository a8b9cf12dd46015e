"""A throw-away Prometheus: its own directory and port, asking what a configuration says."""

import json
import shutil
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from headroom_servers.processes import Process, ServerError, free_port

_PATIENCE: Final = 30.0


class Prometheus:
    """One server, which forgets everything with its end.

    Args:
        configuration: as in its file; JSON is YAML.

    Attributes:
        port: where it answers.
    """

    def __init__(self, configuration: Mapping[str, Any]) -> None:
        program = shutil.which("prometheus")
        if program is None:
            absent = "prometheus: not found; scripts/servers.sh installs it on Debian and Ubuntu"
            raise ServerError(absent)
        self.port = free_port()
        self._directory = Path(tempfile.mkdtemp(prefix="headroom-prometheus-"))
        file = self._directory / "prometheus.yaml"
        file.write_text(json.dumps(configuration), encoding="utf-8")
        self._server = Process(
            [
                program,
                f"--config.file={file}",
                f"--storage.tsdb.path={self._directory / 'data'}",
                f"--web.listen-address=127.0.0.1:{self.port}",
            ],
            log=self._directory / "log",
            ready=self._answers,
        )

    def ask(self, path: str, **parameters: str) -> Any:
        """Return what its interface answers.

        Raises:
            ServerError: it refuses, and why.
        """
        address = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(address, timeout=_PATIENCE) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            with error:
                refused = f"{path} {parameters}: {error.read().decode()}"
            raise ServerError(refused) from None

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the series that an expression gives now.

        Raises:
            ServerError: it cannot be read.
        """
        found: list[dict[str, Any]] = self.ask("query", query=expression)["result"]
        return found

    def stop(self) -> None:
        """End it and remove its directory."""
        self._server.kill()
        shutil.rmtree(self._directory, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            self._server.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=_PATIENCE) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False
