"""What the settings of authentication refuse, and how they say it."""

import pytest
from security_testing.apps import EVERYWHERE

from headroom_common.service.settings import BAD_SETTINGS, load
from headroom_gateway.security.settings import SecuritySettings, is_loopback

LONG_KEY = "0123456789abcdef0123456789abcdef"


def loaded(monkeypatch: pytest.MonkeyPatch, **variables: str) -> SecuritySettings:
    for name, value in variables.items():
        monkeypatch.setenv(f"HEADROOM_{name}", value)
    return load(SecuritySettings)


@pytest.mark.parametrize(
    ("host", "mode", "authenticated"),
    [
        ("127.0.0.1", "", False),
        ("localhost", "", False),
        ("::1", "", False),
        ("127.0.0.1", "off", False),
        ("127.0.0.1", "on", True),
        ("127.0.0.1", "behind-loopback", False),
        (EVERYWHERE, "behind-loopback", False),
        (EVERYWHERE, "", True),
        ("::", "", True),
        ("192.0.2.1", "on", True),
        ("gateway.example.org", "", True),
    ],
)
def test_authentication_is_on_but_on_loopback(
    monkeypatch: pytest.MonkeyPatch, host: str, mode: str, *, authenticated: bool
) -> None:
    settings = loaded(monkeypatch, HOST=host, AUTHENTICATION__MODE=mode)
    assert settings.authenticated is authenticated


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        (
            {"HOST": EVERYWHERE, "AUTHENTICATION__MODE": "off"},
            "HEADROOM_AUTHENTICATION: Value error, mode: expected on, found off, where HTTP listens on more",
        ),
        ({"HOST": "gateway", "AUTHENTICATION__MODE": "off"}, "(HEADROOM_HOST=gateway); a container whose"),
        (
            {"AUTHENTICATION__MODE": "maybe"},
            "HEADROOM_AUTHENTICATION__MODE: Input should be 'on', 'off' or 'behind-loopback', found 'maybe'",
        ),
        ({"AUTHENTICATION__ADMIN_KEY": "too-short-to-be"}, "expected 32 visible ASCII characters or more"),
        ({"OIDC__ISSUER": "https://a.example"}, "HEADROOM_OIDC__AUDIENCE: Field required"),
        (
            {"OIDC__ISSUER": "http://a.example", "OIDC__AUDIENCE": "x"},
            "HEADROOM_OIDC__ISSUER: Value error, expected https://host/path, or http:// on this machine",
        ),
        (
            {"OIDC__ISSUER": "https://a.example", "OIDC__AUDIENCE": "x", "OIDC__ALGORITHMS": '["HS256"]'},
            "HEADROOM_OIDC__ALGORITHMS__0: Input should be 'RS256'",
        ),
        (
            {"OIDC__ISSUER": "https://a.example", "OIDC__AUDIENCE": "x", "OIDC__ALGORITHMS": '["none"]'},
            "HEADROOM_OIDC__ALGORITHMS__0: Input should be 'RS256'",
        ),
        (
            {"CORS_ORIGINS": '["https://a.example/path"]'},
            "HEADROOM_CORS_ORIGINS: Value error, expected origins",
        ),
        ({"CORS_ORIGINS": '["*"]'}, "expected named origins where authentication is off, found *"),
        (
            {"HOST": EVERYWHERE, "AUTHENTICATION__MODE": "behind-loopback", "CORS_ORIGINS": '["*"]'},
            "expected named origins where authentication is off, found *",
        ),
        ({"RATES__READS_PER_MINUTE": "-1"}, "HEADROOM_RATES__READS_PER_MINUTE: Input should be greater"),
        ({"BODIES__MAX_BYTES": "3"}, "HEADROOM_BODIES__MAX_BYTES: Input should be greater"),
    ],
)
def test_what_is_wrong_is_told_and_ends_the_process(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    variables: dict[str, str],
    told: str,
) -> None:
    with pytest.raises(SystemExit) as caught:
        loaded(monkeypatch, **variables)
    assert caught.value.code == BAD_SETTINGS
    output = capsys.readouterr().err
    assert told in output
    assert "too-short-to-be" not in output


def test_all_can_be_set_by_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = loaded(
        monkeypatch,
        HOST=EVERYWHERE,
        AUTHENTICATION__ADMIN_KEY=LONG_KEY,
        OIDC__ISSUER="https://a.example/realms/one",
        OIDC__AUDIENCE="headroom",
        OIDC__SCOPES='{"operators": "admin"}',
        RATES__WRITES_PER_MINUTE="7",
        BODIES__TIMEOUT="2.5",
        CORS_ORIGINS='["*"]',
    )
    assert settings.oidc is not None
    assert settings.oidc.scopes == {"operators": "admin"}
    assert (settings.rates.writes_per_minute, settings.bodies.timeout) == (7, 2.5)
    assert LONG_KEY not in f"{settings} {settings!r} {settings.model_dump(mode='json')}"


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.1.2.3", "localhost", "LOCALHOST", "a.localhost", "::1", "[::1]"]
)
def test_names_of_this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    ["", EVERYWHERE, "::", "localhost.example.org", "127.0.0.1.example.org", "10.0.0.1", "xlocalhost:80"],
)
def test_names_of_others(host: str) -> None:
    assert not is_loopback(host)
