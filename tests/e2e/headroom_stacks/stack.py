"""A project of Compose: this repository's, with a port and names of its own."""

import hashlib
import os
import time
from pathlib import Path
from typing import Any, Final

import httpx
from headroom_servers.processes import free_port

from headroom_stacks.engine import EngineError, docker, inspected, kill

ROOT: Final = Path(__file__).resolve().parents[3]
SERVICES: Final = ("gateway", "generator", "router", "server-model", "analysis")
SERVERS: Final = ("rabbitmq", "postgresql", "redis")
RECOVERY: Final = 300.0
"""Seconds within which a container that died is started again."""

_PROJECT_LABEL: Final = "com.docker.compose.project"


class Stack:
    """All of Headroom in containers; the names of project and images follow from this repository's folder.

    Attributes:
        project: name of the project.
        port: of this machine, on which the gateway is published.
    """

    def __init__(self) -> None:
        here = hashlib.sha256(os.fsencode(ROOT)).hexdigest()[:8]
        self.project = f"headroom-e2e-{here}"
        self.tag = os.environ.get("HEADROOM_E2E_TAG") or self.project
        self.port = free_port()

    @property
    def published(self) -> bool:
        """Whether the images are those of a release, and not built for these tests."""
        return self.tag != self.project

    @property
    def url(self) -> str:
        """Where the gateway answers."""
        return f"http://localhost:{self.port}"

    def image(self, service: str) -> str:
        """Name of a service's image."""
        return f"headroom/{service}:{self.tag}"

    def compose(self, *arguments: str, port: int | None = None) -> str:
        """Run a command of Compose on this project, and return what it prints.

        Args:
            arguments: the command.
            port: another port for the gateway.

        Raises:
            EngineError: it failed.
        """
        files = [word for name in ("", ".test") for word in ("--file", f"docker-compose{name}.yml")]
        return docker(
            "compose",
            "--ansi=never",
            "--progress=plain",
            "--env-file=/dev/null",
            f"--project-directory={ROOT}",
            f"--project-name={self.project}",
            *(str(ROOT / word) if word.endswith(".yml") else word for word in files),
            *arguments,
            environment={
                "HEADROOM_VERSION": self.tag,
                "E2E_PORT": str(port or self.port),
                "COMPOSE_PROFILES": "",
            },
        )

    def build(self) -> None:
        """Build the images, unless those of another tag are to be tested."""
        if not self.published:
            self.compose("build")

    def up(self, *more: str) -> None:
        """Have all containers run and be healthy; does nothing where they are.

        Raises:
            EngineError: they do not; the message carries the ends of the logs.
        """
        try:
            self.compose("up", "--detach", "--wait", "--wait-timeout=600", *more)
        except EngineError as error:
            error.add_note(self.compose("ps", "--all") + self.compose("logs", "--no-color", "--tail=20"))
            raise

    def down(self, *more: str) -> None:
        """Remove the project's containers and networks; with ``--volumes`` all of it but the images."""
        self.compose("down", *more)

    def containers(self, *services: str) -> list[dict[str, Any]]:
        """Return what the engine knows of the project's containers, ended ones too."""
        return inspected(*self.compose("ps", "--all", "--quiet", *services).split())

    def container(self, service: str) -> dict[str, Any]:
        """Return what the engine knows of the only container of a service."""
        (found,) = self.containers(service)
        return found

    def crash(self, service: str) -> None:
        """Kill the first process of a service's container; the engine starts it again."""
        before = self.container(service)
        kill(self.image("gateway"), before["State"]["Pid"])
        deadline = time.monotonic() + RECOVERY
        while inspected(before["Id"])[0]["RestartCount"] == before["RestartCount"]:
            assert time.monotonic() < deadline, f"{service} was killed and not started again"
            time.sleep(0.5)

    def run_in(self, service: str, *command: str) -> str:
        """Run a command in a container."""
        return self.compose("exec", "-T", service, *command)

    def get(self, path: str, **headers: str) -> httpx.Response:
        """Ask the gateway."""
        return httpx.get(f"{self.url}{path}", headers=headers, timeout=60, trust_env=False)

    def leftovers(self) -> list[str]:
        """Return what the engine still has of this project: containers, networks and volumes."""
        mine = f"--filter=label={_PROJECT_LABEL}={self.project}"
        kinds = (("ps", "--all"), ("network", "ls"), ("volume", "ls"))
        return [name for kind in kinds for name in docker(*kind, "--quiet", mine).split()]
