"""The secrets of docker-compose.yml: random, made once, the same files again at every start."""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING

import pytest

from scripts import compose_secrets
from scripts.compose_secrets import FILES, PASSWORDS, write

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def volumes(tmp_path: Path) -> Path:
    for name in ("passwords", *FILES):
        (tmp_path / name).mkdir()
    return tmp_path


def contents(volumes: Path) -> dict[str, str]:
    return {str(path.relative_to(volumes)): path.read_text() for path in volumes.rglob("*") if path.is_file()}


def test_every_container_gets_its_files(volumes: Path) -> None:
    assert write(volumes)
    found = contents(volumes)
    expected = {f"{volume}/{key}" for volume, files in FILES.items() for _, key in files}
    assert set(found) == {PASSWORDS, *expected}
    passwords = json.loads(found[PASSWORDS])
    assert len(set(passwords.values())) == len(passwords)
    assert all(re.fullmatch("[0-9a-f]{64}", password) for password in passwords.values())
    assert f"default_pass = {passwords['rabbitmq']}\n" in found["rabbitmq/default_user.conf"]
    assert found["worker/headroom_broker__url"] == f"amqp://headroom:{passwords['rabbitmq']}@rabbitmq:5672/"
    assert found["gateway/headroom_database_url"].endswith(
        f"{found['postgresql/gateway']}@postgresql:5432/gateway"
    )
    assert not {path.name for path in volumes.rglob(".*")}
    assert {path.stat().st_mode & 0o777 for path in volumes.rglob("*") if path.is_file()} == {0o440}


def test_other_installations_have_other_passwords(tmp_path: Path) -> None:
    made = []
    for name in ("one", "other"):
        for volume in ("passwords", *FILES):
            (tmp_path / name / volume).mkdir(parents=True)
        write(tmp_path / name)
        made.append(set(json.loads((tmp_path / name / PASSWORDS).read_text()).values()))
    assert made[0].isdisjoint(made[1])


def test_a_later_start_writes_the_same_files(volumes: Path) -> None:
    write(volumes)
    before = contents(volumes)
    (volumes / "worker/headroom_broker__url").unlink()  # what a new version wants
    (volumes / "redis/.password.conf").write_text("unfinished")
    assert not write(volumes)
    assert contents(volumes) == before


def test_a_password_that_a_new_version_wants_is_added(volumes: Path) -> None:
    write(volumes)
    kept = volumes / PASSWORDS
    before = json.loads(kept.read_text())
    kept.unlink()
    kept.write_text(json.dumps({name: text for name, text in before.items() if name != "redis"}))
    write(volumes)
    after = json.loads(kept.read_text())
    assert after.pop("redis") != before.pop("redis")
    assert after == before


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["compose_secrets", *arguments])
    compose_secrets.main()


def test_new_passwords_on_request(
    volumes: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, str(volumes))
    before = contents(volumes)
    run(monkeypatch, str(volumes))
    assert contents(volumes) == before
    run(monkeypatch, str(volumes), "--new")
    after = contents(volumes)
    assert set(after) == set(before)
    assert not set(after.values()) & set(before.values())
    told = capsys.readouterr().out
    assert told.splitlines() == [
        "made new passwords",
        "the passwords are there already",
        "made new passwords",
    ]
    assert not [text for text in json.loads(after[PASSWORDS]).values() if text in told]


@pytest.mark.parametrize(
    ("kept", "told"), [(None, "No such file"), ("{", "expected passwords by their names")]
)
def test_what_is_wrong_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: str | None, told: str
) -> None:
    if kept is not None:
        (tmp_path / PASSWORDS).parent.mkdir()
        (tmp_path / PASSWORDS).write_text(kept)
    with pytest.raises(SystemExit, match=rf"compose_secrets: .*{told}"):
        run(monkeypatch, str(tmp_path))
