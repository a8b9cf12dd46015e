"""Settings from the environment and from files; what is wrong is said per variable, and no secret is."""

import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom_common.service import ServiceSettings
from headroom_common.service.settings import BAD_SETTINGS, PREFIX, load

Environment = dict[str, str]


def set_all(monkeypatch: pytest.MonkeyPatch, environment: Environment) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(f"{PREFIX}{name}", value)


def test_everything_has_a_default() -> None:
    settings = load(ServiceSettings)
    assert settings.redis_url is None
    assert settings.otlp_endpoint is None
    assert settings.threads >= 1
    assert re.fullmatch(rf".+-{os.getpid()}", settings.instance)


def test_every_setting_is_documented() -> None:
    documented = ServiceSettings.__doc__ or ""
    assert [name for name in ServiceSettings.model_fields if f"{name}: " not in documented] == []


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(
        monkeypatch,
        {
            "PORT": "0",
            "INSTANCE": "router-7",
            "READINESS_GRACE": "2.5",
            "LOG_FORMAT": "console",
            "EVENT_MANAGER__PREFETCH_DATA": "8",
            "EVENT_MANAGER__RETRY_BASE": "0.25",
            "EVENT_MANAGER__COMPRESSION": "lz4",
            "BROKER__URL": "amqp://ann:secret@broker:5672/",
            "REDIS_URL": "redis://:secret@redis:6379/0",
        },
    )
    settings = load(ServiceSettings)
    assert (settings.port, settings.instance, settings.readiness_grace) == (0, "router-7", 2.5)
    events = settings.event_manager
    assert (events.prefetch_data, events.retry_base, events.compression) == (8, 0.25, "lz4")
    assert settings.broker.url.get_secret_value() == "amqp://ann:secret@broker:5672/"
    assert "secret@" not in repr(settings) + settings.model_dump_json()


def test_an_empty_variable_leaves_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, {"REDIS_URL": "", "PORT": ""})
    assert load(ServiceSettings) == ServiceSettings(instance=load(ServiceSettings).instance)


def test_secrets_come_from_files_and_variables_go_before_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "headroom_redis_url").write_text("redis://:from-file@redis:6379/0\n")
    (tmp_path / "headroom_broker__url").write_text("amqp://ann:from-file@broker/")
    (tmp_path / "headroom_port").write_text("81")
    set_all(monkeypatch, {"SECRETS_DIR": str(tmp_path), "PORT": "82"})
    settings = load(ServiceSettings)
    assert settings.redis_url is not None
    assert settings.redis_url.get_secret_value() == "redis://:from-file@redis:6379/0"
    assert settings.broker.url.get_secret_value() == "amqp://ann:from-file@broker/"
    assert settings.port == 82


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("PORT", "http", "HEADROOM_PORT: Input should be a valid integer.*found 'http'"),
        ("PORT", "65536", "HEADROOM_PORT: Input should be less than or equal to 65535, found '65536'"),
        ("THREADS", "0", "HEADROOM_THREADS: .*greater than or equal to 1, found '0'"),
        ("REDIS_TIMEOUT", "inf", "HEADROOM_REDIS_TIMEOUT: .*finite number"),
        ("LOG_LEVEL", "loud", "HEADROOM_LOG_LEVEL: .*'debug', 'info', 'warning' or 'error', found 'loud'"),
        ("INSTANCE", "a/b", "HEADROOM_INSTANCE: .*found 'a/b'"),
        ("EVENT_MANAGER__MAX_ATTEMPTS", "x", "HEADROOM_EVENT_MANAGER__MAX_ATTEMPTS: .*found 'x'"),
        ("EVENT_MANAGER__PREFETCH", "1", "HEADROOM_EVENT_MANAGER__PREFETCH: Extra inputs"),
        ("EVENT_MANAGER__RETRY_CAP", "0.1", "HEADROOM_EVENT_MANAGER: .*retry_cap: expected at least"),
        ("REDIS_URL", "http://redis", "HEADROOM_REDIS_URL: .*expected redis://…, rediss://… or unix://…$"),
        ("SECRETS_DIR", "nowhere", "HEADROOM_SECRETS_DIR .*nowhere"),
    ],
)
def test_a_bad_setting_ends_the_process_with_one_clear_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str, said: str
) -> None:
    set_all(monkeypatch, {name: value})
    with pytest.raises(SystemExit) as ended:
        load(ServiceSettings)
    assert ended.value.code == BAD_SETTINGS
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(f"^headroom: {said}", line), line


def test_every_bad_setting_is_named_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    set_all(monkeypatch, {"PORT": "x", "THREADS": "y", "EVENT_MANAGER__MAX_ATTEMPTS": "z"})
    with pytest.raises(SystemExit):
        load(ServiceSettings)
    named = [line.split()[1] for line in capsys.readouterr().err.splitlines()]
    assert sorted(named) == ["HEADROOM_EVENT_MANAGER__MAX_ATTEMPTS:", "HEADROOM_PORT:", "HEADROOM_THREADS:"]


@given(st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=12, max_size=40))
def test_no_secret_is_shown_whatever_else_is_wrong(secret: str) -> None:
    lines: list[str] = []
    bad = {
        "BROKER__URL": f"amqp://ann:{secret}@broker/",
        "BROKER__HEARTBEAT": "never",
        "REDIS_URL": f"http://:{secret}@redis",
        "THREADS": "many",
    }
    with pytest.MonkeyPatch.context() as monkeypatch:
        set_all(monkeypatch, bad)
        monkeypatch.setattr("builtins.print", lambda line, **_: lines.append(line))
        with pytest.raises(SystemExit):
            load(ServiceSettings)
    assert len([line for line in lines if line.startswith("headroom: ")]) == 3
    assert secret not in "\n".join(lines)
