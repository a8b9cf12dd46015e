"""The command that brings a service's tables up to date, and services that wait for it, as processes on
PostgreSQL."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final
from uuid import uuid4

import psycopg
import pytest
from headroom_platforms.backends import Backend
from headroom_servers.postgres import Postgres
from headroom_servers.processes import free_port, wait_until
from headroom_servers.services import ServiceProcess, module

KEEPERS: Final = ("gateway", "analysis")
"""The services with a database of their own."""


@pytest.fixture(params=KEEPERS)
def service(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def url(postgres: Postgres) -> str:
    """An empty database."""
    return postgres.create_database(f"migrations{uuid4().hex}")


def migrate(service: str, url: str, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    given = {"DATABASE_URL": url, **settings}
    return subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", module(service), *(arguments or ("migrate",))],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
        env={"PATH": "/usr/bin:/bin", **{f"HEADROOM_{name}": value for name, value in given.items()}},
    )


def revision(url: str) -> str | None:
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        if connection.execute("SELECT to_regclass('alembic_version')").fetchone() == (None,):
            return None
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return None if row is None else str(row[0])


def set_revision(url: str, to: str) -> None:
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = %s", [to])


def test_it_makes_the_tables_once_and_says_so(service: str, url: str) -> None:
    first, second = migrate(service, url), migrate(service, url)
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert '"event": "tables migrated"' in first.stderr
    assert '"event": "tables are up to date"' in second.stderr
    assert f'"{revision(url)}"' in first.stderr


def test_two_at_once_take_turns(service: str, url: str) -> None:
    with ThreadPoolExecutor() as pool:
        both = list(pool.map(lambda _: migrate(service, url), range(2)))
    assert [one.returncode for one in both] == [0, 0]
    assert sorted("tables migrated" in one.stderr for one in both) == [False, True]


def test_tables_of_a_newer_version_are_left_alone(service: str, url: str) -> None:
    migrate(service, url)
    set_revision(url, "9999")
    done = migrate(service, url)
    assert (done.returncode, revision(url)) == (0, "9999"), done.stderr


def test_a_database_that_is_away_is_waited_for_but_not_for_ever(service: str) -> None:
    url = f"postgresql+psycopg://somebody:secret@127.0.0.1:{free_port()}/none"
    done = migrate(service, url, MIGRATION_TIMEOUT="1.5")
    assert done.returncode == 1
    assert '"event": "database away"' in done.stderr
    assert '"event": "migrate failed"' in done.stderr
    assert "secret" not in done.stderr


@pytest.mark.parametrize(
    ("url", "arguments", "said"),
    [
        (
            "mysql://me:secret@host/db",
            ("migrate",),
            "expected postgresql+psycopg:// or sqlite:///, found mysql",
        ),
        ("sqlite://", ("migrat",), "invalid choice: 'migrat' (choose from 'migrate')"),
        ("sqlite://", ("migrate", "now"), "unrecognized arguments: now"),
        ("", ("migrate",), "HEADROOM_DATABASE_URL: "),
    ],
)
def test_what_is_wrong_is_said(service: str, url: str, arguments: tuple[str, ...], said: str) -> None:
    done = migrate(service, url, *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "secret" not in done.stderr


def test_a_service_without_tables_has_no_such_command() -> None:
    done = migrate("router", "")
    assert done.returncode == 2
    assert "usage: python -m headroom_router" in done.stderr


@pytest.fixture
def settings(backend: Backend, url: str) -> Mapping[str, str]:
    return {
        "BROKER__URL": backend.broker_url,
        "DATABASE_URL": url,
        "MIGRATIONS": "await",
        "INSTANCE": "waiting",
        "THREADS": "1",
    }


@pytest.fixture
def waiting(service: str, settings: Mapping[str, Any]) -> Iterator[ServiceProcess]:
    """An instance that does not touch its tables."""
    with ServiceProcess(service, settings) as process:
        yield process


def test_a_service_that_awaits_its_tables_is_ready_once_they_are_there(
    waiting: ServiceProcess, url: str
) -> None:
    wait_until(lambda: "expected revision" in waiting.get("/health/ready")[1], what="the look at the tables")
    assert waiting.get("/health/ready")[0] == 503
    assert waiting.get("/health/live")[0] == 200
    assert revision(url) is None
    assert migrate(waiting.service, url).returncode == 0
    waiting.wait_ready()
    assert waiting.terminate() == 0


def test_a_service_takes_tables_of_a_newer_version(
    service: str, url: str, settings: Mapping[str, str]
) -> None:
    assert migrate(service, url).returncode == 0
    set_revision(url, "9999")
    for migrations in ("await", "apply"):
        with ServiceProcess(service, {**settings, "MIGRATIONS": migrations}) as process:
            process.wait_ready()
            assert process.terminate() == 0
    assert revision(url) == "9999"


def test_tables_that_are_older_are_not_enough(service: str, url: str, settings: Mapping[str, str]) -> None:
    assert migrate(service, url).returncode == 0
    newest = revision(url)
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        connection.execute("DELETE FROM alembic_version")
    with ServiceProcess(service, settings) as process:
        wait_until(
            lambda: f"expected revision {newest} or newer, found none" in process.get("/health/ready")[1],
            what="the look at the tables",
        )
