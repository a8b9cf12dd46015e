"""Secrets for overlays: random, whole or not at all, and never written over."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from headroom_common.service import ServiceSettings
from headroom_common.transports.settings import BrokerSettings
from headroom_gateway.settings import GatewaySettings
from scripts.make_secrets import MissingAddressError, write

if TYPE_CHECKING:
    from pathlib import Path

EVERYTHING = (
    "broker/headroom_broker__url",
    "redis/headroom_redis_url",
    "gateway-database/headroom_database_url",
    "gateway-admin-key/headroom_authentication__admin_key",
    "rabbitmq/default_user.conf",
    "rabbitmq/password",
    "postgresql/gateway",
    "redis-server/password.conf",
)


def overlay(folder: Path, *files: str) -> Path:
    folder.mkdir(exist_ok=True)
    listed = "".join(f"      - secrets/{name}\n" for name in files)
    (folder / "kustomization.yaml").write_text(f"secretGenerator:\n  - files:\n{listed}", encoding="utf-8")
    return folder


def contents(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text(encoding="utf-8")
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_servers_and_clients_know_the_same_passwords(tmp_path: Path) -> None:
    made = contents(write(overlay(tmp_path / "one", *EVERYTHING), {}))
    assert made.keys() == set(EVERYTHING)
    broker = urlsplit(made["broker/headroom_broker__url"])
    assert made["rabbitmq/password"] == broker.password
    assert (
        made["rabbitmq/default_user.conf"] == f"default_user = headroom\ndefault_pass = {broker.password}\n"
    )
    assert made["postgresql/gateway"] == urlsplit(made["gateway-database/headroom_database_url"]).password
    assert (
        made["redis-server/password.conf"].split()[1] == urlsplit(made["redis/headroom_redis_url"]).password
    )
    other = contents(write(overlay(tmp_path / "two", *EVERYTHING), {}))
    assert not set(made.values()) & set(other.values())


def test_services_take_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write(overlay(tmp_path / "one", *EVERYTHING), {})
    together = tmp_path / "run"
    together.mkdir()
    for name in EVERYTHING[:4]:
        (together / name.partition("/")[2]).write_bytes((folder / name).read_bytes())
    monkeypatch.setenv("HEADROOM_SECRETS_DIR", str(together))
    settings = GatewaySettings()
    assert settings.broker.address == "amqp://headroom@rabbitmq:5672/"
    assert settings.broker != BrokerSettings()
    assert settings.authentication.admin_key is not None
    assert ServiceSettings().redis_url is not None


def test_only_their_owner_may_read_them(tmp_path: Path) -> None:
    folder = write(overlay(tmp_path / "one", *EVERYTHING), {})
    assert folder.stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in folder.rglob("*") if path.is_file())


def test_what_is_there_stays(tmp_path: Path) -> None:
    folder = write(overlay(tmp_path / "one", *EVERYTHING), {})
    before = contents(folder)
    with pytest.raises(FileExistsError):
        write(tmp_path / "one", {})
    assert contents(folder) == before


@pytest.mark.parametrize(
    ("name", "variable"),
    [
        ("broker/headroom_broker__url", "BROKER_URL"),
        ("broker-management/host", "BROKER_MANAGEMENT_URL"),
        ("redis/headroom_redis_url", "REDIS_URL"),
        ("gateway-database/headroom_database_url", "GATEWAY_DATABASE_URL"),
        ("analysis-database/headroom_database_url", "ANALYSIS_DATABASE_URL"),
    ],
)
def test_servers_outside_of_the_cluster_have_to_be_named(name: str, variable: str, tmp_path: Path) -> None:
    folder = overlay(tmp_path / "one", "gateway-admin-key/headroom_authentication__admin_key", name)
    with pytest.raises(MissingAddressError, match=f"^{variable}: expected the address of the server"):
        write(folder, {})
    assert not (folder / "secrets").exists()
    made = contents(write(folder, {variable: "scheme://somewhere"}))
    assert made[name] == "scheme://somewhere"


def test_secrets_that_nobody_knows_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="secrets/other/key: expected one of"):
        write(overlay(tmp_path / "one", "other/key"), {})
    assert not (tmp_path / "one/secrets").exists()
