"""A project of Compose: this repository's, with a port and names of its own."""

import hashlib
import os
from pathlib import Path
from typing import Any, Final

import httpx
from headroom_servers.processes import free_port, wait_until

from headroom_stacks.engine import EngineError, docker, inspected, kill

ROOT: Final = Path(__file__).resolve().parents[3]
SERVICES: Final = ("gateway", "generator", "router", "server-model", "analysis")
SERVERS: Final = ("rabbitmq", "postgresql", "redis")
RECOVERY: Final = 300.0
"""Seconds within which a container that died is healthy again."""

_PROJECT_LABEL: Final = "com.docker.compose.project"
_SETTLED: Final = 5.0


class Stack:
    """All of Headroom in containers; the names of project and images follow from this repository's folder.

    Attributes:
        project: name of the project.
        port: of this machine, on which the gateway is published.
    """

    def __init__(self) -> None:
        here = hashlib.sha256(os.fsencode(ROOT)).hexdigest()[:8]
        self.project = f"headroom-e2e-{here}"
        self.port = free_port()

    @property
    def url(self) -> str:
        """Where the gateway answers."""
        return f"http://localhost:{self.port}"

    def image(self, service: str) -> str:
        """Name of a service's image."""
        return f"headroom/{service}:{self.project}"

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
                "HEADROOM_VERSION": self.project,
                "E2E_PORT": str(port or self.port),
                "COMPOSE_PROFILES": "",
            },
        )

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

    def healthy(self, service: str) -> bool:
        """Tell whether all containers of a service are healthy."""
        found = self.containers(service)
        return bool(found) and all(_health(one) == "healthy" for one in found)

    def crash(self, service: str) -> None:
        """Kill the first process of a service's container; the engine starts it again."""
        before = self.container(service)
        kill(self.image("gateway"), before["State"]["Pid"])
        wait_until(
            lambda: self.container(service)["RestartCount"] > before["RestartCount"],
            within=RECOVERY,
            what=f"{service} started again",
        )

    def recovered(self) -> None:
        """Wait until every container is healthy and answers."""
        for service in (*SERVICES, *SERVERS):
            wait_until(lambda name=service: self.healthy(name), within=RECOVERY, what=f"{service} healthy")  # type: ignore[misc]

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


def _health(container: dict[str, Any]) -> str:
    health: str = container["State"].get("Health", {}).get("Status", "none")
    return health
