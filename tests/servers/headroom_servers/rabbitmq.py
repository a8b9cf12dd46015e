"""A throw-away RabbitMQ: its own directory, ports, cookie and port mapper; needs no root and no service."""

import base64
import json
import os
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from headroom_servers.processes import Process, ServerError, accepts_connections, free_port, wait_until

_PROGRAMS: Final = Path("/usr/lib/rabbitmq/bin")
_CALL_DEADLINE: Final = 60.0
_QUIET_WAITING: Final = "+sbwt none +sbwtdcpu none +sbwtdio none"
"""Erlang's schedulers wait for work by spinning, which costs the tests' other processes their cores."""


def program(name: str) -> str:
    """Return the path of one of RabbitMQ's programs; the packages' own, which do not switch the user."""
    inner = _PROGRAMS / name
    found = str(inner) if inner.exists() else shutil.which(name)
    if found is None:
        absent = f"{name}: not found; scripts/servers.sh installs it on Debian and Ubuntu"
        raise ServerError(absent)
    return found


@dataclass(frozen=True)
class Certificates:
    """Paths of a certificate authority and of what it signed for localhost, in PEM."""

    authority: Path
    certificate: Path
    key: Path


def make_certificates(directory: Path) -> Certificates:
    """Make a certificate authority and a certificate for localhost and 127.0.0.1, valid for a day."""
    directory.mkdir(parents=True, exist_ok=True)
    names = ("ca.key", "ca.pem", "server.key", "server.csr", "server.pem")
    ca_key, ca, key, request, certificate = (directory / name for name in names)
    extensions = directory / "extensions"
    extensions.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    new_key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
    _openssl(f"req -x509 -days 1 -subj /CN=headroom-test-authority {new_key} -keyout {ca_key} -out {ca}")
    _openssl(f"req -subj /CN=localhost {new_key} -keyout {key} -out {request}")
    signed_by = f"-CA {ca} -CAkey {ca_key} -CAcreateserial"
    _openssl(f"x509 -req -days 1 -in {request} -extfile {extensions} {signed_by} -out {certificate}")
    return Certificates(ca, certificate, key)


def _openssl(arguments: str) -> None:
    subprocess.run(["openssl", *arguments.split()], check=True, capture_output=True, timeout=_CALL_DEADLINE)


class RabbitMQ:
    """One broker of one node.

    Args:
        directory: where everything is kept; None makes a temporary one that goes with ``stop``.
        certificates: what a TLS listener presents; None for no such listener.
        port: where it listens; 0 finds one.
        metrics: whether it tells Prometheus of itself.

    Attributes:
        directory: as given, or made.
        port: of AMQP.
        tls_port: of AMQP over TLS; 0 without certificates.
        management_port: of the management plugin's HTTP API.
        metrics_port: of the metrics; 0 without them.
    """

    def __init__(
        self,
        directory: Path | None = None,
        *,
        certificates: Certificates | None = None,
        port: int = 0,
        metrics: bool = False,
    ) -> None:
        self._temporary = directory is None
        self.directory = directory or Path(tempfile.mkdtemp(prefix="headroom-rabbitmq-"))
        self.port = port or free_port()
        self.management_port = free_port()
        self.tls_port = free_port() if certificates else 0
        self.metrics_port = free_port() if metrics else 0
        self._certificates = certificates
        self._epmd_port = free_port()
        self._distribution_port = free_port()
        self._node = f"headroom{self.port}@localhost"
        self._write_configuration()
        self._epmd = Process(
            [program("epmd"), "-port", str(self._epmd_port), "-address", "127.0.0.1"],
            log=self.directory / "epmd.log",
            ready=lambda: accepts_connections(self._epmd_port),
        )
        self._server = Process(
            [program("rabbitmq-server")],
            log=self.directory / "server.log",
            ready=self._answers,
            environment=self._environment(),
            directory=self.directory,
        )

    @property
    def url(self) -> str:
        """URL of the default virtual host, as the user guest."""
        return self.url_of("/")

    def url_of(self, virtual_host: str, *, port: int = 0) -> str:
        """Return the URL of a virtual host, by way of ``port`` (of a proxy) if one is given."""
        path = "%2F" if virtual_host == "/" else virtual_host
        return f"amqp://guest:guest@127.0.0.1:{port or self.port}/{path}"

    @property
    def pid(self) -> int:
        """Id of the broker's process."""
        return self._server.pid

    @property
    def alive(self) -> bool:
        """Whether the broker runs."""
        return self._server.alive

    def start(self) -> Self:
        """Start it, or start it again on the data that it left; returns when it takes connections."""
        if not self._epmd.alive:
            self._epmd.start()
        self._server.start()
        return self

    def kill(self) -> None:
        """End the broker at once (SIGKILL); its data stays."""
        self._server.kill()

    def shut_down(self) -> None:
        """End the broker in an orderly way; its data stays."""
        self._server.terminate()

    def restart(self) -> None:
        """End the broker in an orderly way and start it again on the same data."""
        self.shut_down()
        self.start()

    def pause(self) -> None:
        """Freeze the broker: connections stay, and nobody is answered."""
        self._server.pause()

    def resume(self) -> None:
        """Let a frozen broker go on."""
        self._server.resume()

    def stop(self) -> None:
        """End everything, for good."""
        try:
            self._server.kill()
        finally:
            self._epmd.kill()
            if self._temporary:
                shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def set_memory_alarm(self, on: bool) -> None:  # noqa: FBT001 - the switch is all there is to say
        """Make the broker believe that it is short of memory, or that it is not any more."""
        self.control("set_vm_memory_high_watermark", "absolute", "1" if on else "4GB")

    def control(self, *arguments: str) -> str:
        """Run ``rabbitmqctl`` and return what it prints; takes about a second."""
        done = subprocess.run(
            [program("rabbitmqctl"), "--quiet", *arguments],
            env={**os.environ, **self._environment()},
            capture_output=True,
            text=True,
            timeout=_CALL_DEADLINE,
            check=False,
        )
        if done.returncode:
            failed = f"rabbitmqctl {' '.join(arguments)}: {done.stdout}{done.stderr}"
            raise ServerError(failed)
        return done.stdout

    def add_virtual_host(self, name: str) -> None:
        """Make a virtual host that guest may use."""
        self.management("PUT", f"/api/vhosts/{name}", {})

    def delete_virtual_host(self, name: str) -> None:
        """Remove a virtual host with all that it holds."""
        self.management("DELETE", f"/api/vhosts/{name}")

    def management(self, method: str, path: str, body: object = None) -> object:
        """Call the management plugin's HTTP API and return the decoded answer."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.management_port}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Basic {base64.b64encode(b'guest:guest').decode()}",
                "Content-Type": "application/json",
            },
        )
        with urllib.request.urlopen(request, timeout=_CALL_DEADLINE) as answer:  # noqa: S310 - always http to the loopback interface
            text = answer.read()
        return json.loads(text) if text else None

    def wait_until_away(self) -> None:
        """Wait until nobody listens on the broker's port."""
        wait_until(lambda: not accepts_connections(self.port), what="broker away")

    def _answers(self) -> bool:
        if not accepts_connections(self.port):
            return False
        try:
            self.management("GET", "/api/overview")
        except (urllib.error.URLError, OSError):
            return False
        return True

    def _write_configuration(self) -> None:
        lines = [
            f"listeners.tcp.local = 127.0.0.1:{self.port}",
            "management.tcp.ip = 127.0.0.1",
            f"management.tcp.port = {self.management_port}",
            "max_message_size = 134217728",
            "disk_free_limit.absolute = 50MB",
            "log.console = false",
            "log.file.level = warning",
        ]
        if self._certificates:
            lines += [
                f"listeners.ssl.local = 127.0.0.1:{self.tls_port}",
                f"ssl_options.cacertfile = {self._certificates.authority}",
                f"ssl_options.certfile = {self._certificates.certificate}",
                f"ssl_options.keyfile = {self._certificates.key}",
            ]
        plugins = "rabbitmq_management"
        if self.metrics_port:
            lines += ["prometheus.tcp.ip = 127.0.0.1", f"prometheus.tcp.port = {self.metrics_port}"]
            plugins += ",rabbitmq_prometheus"
        self.directory.mkdir(parents=True, exist_ok=True)
        (self.directory / "rabbitmq.conf").write_text("\n".join([*lines, ""]))
        (self.directory / "enabled_plugins").write_text(f"[{plugins}].\n")
        (self.directory / "rabbitmq-env.conf").write_text("")

    def _environment(self) -> dict[str, str]:
        home = str(self.directory)
        return {
            "HOME": home,
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": self._node,
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_DIST_PORT": str(self._distribution_port),
            "RABBITMQ_CONF_ENV_FILE": f"{home}/rabbitmq-env.conf",
            "RABBITMQ_CONFIG_FILE": f"{home}/rabbitmq.conf",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{home}/enabled_plugins",
            "RABBITMQ_MNESIA_BASE": f"{home}/data",
            "RABBITMQ_LOG_BASE": f"{home}/log",
            "RABBITMQ_PID_FILE": f"{home}/pid",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": _QUIET_WAITING,
        }
