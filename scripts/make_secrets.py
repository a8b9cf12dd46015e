"""Write the secrets that an overlay of k8s/ takes: ``make k8s-secrets OVERLAY=dev``.

The overlay's kustomization names the files, ``secrets/<name>/<key>``. Passwords are random. An address of a
server that is not in the cluster comes from an environment variable; a message names it when it is missing.
"""

import argparse
import os
import re
import secrets
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
_NAMED: Final = re.compile(r"^ *- secrets/([a-z-]+)/(\w+[\w.]*)$", flags=re.MULTILINE)
_BYTES: Final = 32


class MissingAddressError(Exception):
    """An address that nobody can make up was not given."""


class Secrets:
    """What the files hold; passwords are made once and used wherever they belong.

    Args:
        named: the names of the secrets that are asked for.
        environment: where addresses of servers outside the cluster come from.
        passwords: those that are there already; new ones are added to it.
    """

    def __init__(
        self, named: set[str], environment: Mapping[str, str], passwords: dict[str, str] | None = None
    ) -> None:
        self._named = named
        self._environment = environment
        self._passwords = {} if passwords is None else passwords

    def contents(self, name: str, key: str) -> str:
        """Return what the file ``secrets/<name>/<key>`` holds.

        Raises:
            MissingAddressError: its server is not in the cluster, and its variable is not set.
            ValueError: nobody knows this secret.
        """
        makers = self._makers()
        if (name, key) not in makers:
            known = ", ".join(f"{one}/{other}" for one, other in makers)
            msg = f"secrets/{name}/{key}: expected one of {known}"
            raise ValueError(msg)
        return makers[name, key]()

    def _makers(self) -> dict[tuple[str, str], Callable[[], str]]:
        broker, password = self._broker, self._password
        return {
            ("broker", "headroom_broker__url"): lambda: broker("BROKER_URL", "amqp", "rabbitmq:5672/"),
            ("broker-management", "host"): lambda: broker(
                "BROKER_MANAGEMENT_URL", "http", "rabbitmq.headroom.svc:15672/"
            ),
            ("redis", "headroom_redis_url"): self._redis,
            ("gateway-database", "headroom_database_url"): lambda: self._database("gateway"),
            ("analysis-database", "headroom_database_url"): lambda: self._database("analysis"),
            ("gateway-admin-key", "headroom_authentication__admin_key"): lambda: password("admin-key"),
            ("rabbitmq", "default_user.conf"): lambda: (
                f"default_user = headroom\ndefault_pass = {password('rabbitmq')}\n"
            ),
            ("rabbitmq", "username"): lambda: "headroom",
            ("rabbitmq", "password"): lambda: password("rabbitmq"),
            ("rabbitmq", "host"): lambda: "rabbitmq.headroom.svc",
            ("rabbitmq", "port"): lambda: "5672",
            ("rabbitmq", "provider"): lambda: "rabbitmq",
            ("rabbitmq", "type"): lambda: "rabbitmq",
            ("postgresql", "superuser"): lambda: password("postgresql"),
            ("postgresql", "gateway"): lambda: password("gateway"),
            ("postgresql", "analysis"): lambda: password("analysis"),
            ("redis-server", "password.conf"): lambda: f"requirepass {password('redis')}\n",
        }

    def _password(self, whose: str) -> str:
        return self._passwords.setdefault(whose, secrets.token_hex(_BYTES))

    def _given(self, variable: str, server: str) -> str | None:
        """Return the address in a variable; None where it is unset and the server is in the cluster."""
        found = self._environment.get(variable)
        if not found and server not in self._named:
            msg = (
                f"{variable}: expected the address of the server, for the overlay brings none, found nothing"
            )
            raise MissingAddressError(msg)
        return found or None

    def _broker(self, variable: str, scheme: str, rest: str) -> str:
        given = self._given(variable, "rabbitmq")
        return given or f"{scheme}://headroom:{self._password('rabbitmq')}@{rest}"

    def _redis(self) -> str:
        given = self._given("REDIS_URL", "redis-server")
        return given or f"redis://:{self._password('redis')}@redis:6379/0"

    def _database(self, service: str) -> str:
        given = self._given(f"{service.upper()}_DATABASE_URL", "postgresql")
        return given or f"postgresql+psycopg://{service}:{self._password(service)}@postgresql:5432/{service}"


def write(overlay: Path, environment: Mapping[str, str]) -> Path:
    """Write all secret files of an overlay, or none; returns their folder.

    Raises:
        FileExistsError: there are some already.
        FileNotFoundError: there is no such overlay.
        MissingAddressError: a server is not in the cluster, and its variable is not set.
        ValueError: the overlay names a secret that nobody knows.
    """
    folder = overlay / "secrets"
    named = _NAMED.findall((overlay / "kustomization.yaml").read_text(encoding="utf-8"))
    if folder.exists():
        raise FileExistsError(folder)
    source = Secrets({name for name, _ in named}, environment)
    made = {(name, key): source.contents(name, key) for name, key in named}
    unfinished = overlay / ".secrets"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    for (name, key), text in made.items():
        path = unfinished / name / key
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)
    return unfinished.rename(folder)


def main() -> None:
    """Write the secrets of the overlay that the command line names."""
    parser = argparse.ArgumentParser(description="Write random secrets for an overlay of k8s/.")
    parser.add_argument("overlay", help="name of a folder in k8s/overlays, or a path")
    overlay = Path(parser.parse_args().overlay)
    overlay = overlay if overlay.is_dir() else ROOT / "k8s/overlays" / overlay
    try:
        print(f"wrote {write(overlay, os.environ)}")
    except FileExistsError as error:
        print(f"{error} is there already and stays as it is; to have new secrets, remove it first")
    except (FileNotFoundError, MissingAddressError, ValueError) as error:
        sys.exit(f"make_secrets: {error}")


if __name__ == "__main__":
    main()
