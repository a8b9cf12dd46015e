"""Which gateway is called, with which key, and where a key never goes."""

import json
import os
import stat
from pathlib import Path

import pytest

from headroom.client.address import Address, AddressError, checked_url, login_at
from headroom.client.credentials import CredentialsError, Login, forget, store, stored_login

SECRET = "hr_very-secret-0123456789"  # noqa: S105 - made up
HERE = "http://127.0.0.1:8100"
pytestmark = pytest.mark.usefixtures("no_login")


def test_what_is_given_goes_before_the_environment_and_that_before_the_login(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store(Login("https://stored.example", "stored"))
    assert Address.of() == Address("https://stored.example", "stored")
    monkeypatch.setenv("HEADROOM_KEY", "environment")
    assert Address.of() == Address("https://stored.example", "environment")
    monkeypatch.setenv("HEADROOM_GATEWAY", "https://environment.example")
    assert Address.of() == Address("https://environment.example", "environment")
    assert Address.of("https://given.example", "given") == Address("https://given.example", "given")
    assert Address.of("https://given.example", "").key is None


def test_a_stored_key_goes_to_its_own_gateway_alone() -> None:
    store(Login("https://stored.example", SECRET))
    assert Address.of("https://other.example").key is None
    assert Address.of("https://STORED.example/").key == SECRET


def test_without_any_url_it_is_said_how_to_give_one() -> None:
    with pytest.raises(AddressError, match="expected its URL, found none") as caught:
        Address.of()
    assert "headroom login URL" in caught.value.next_step


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://Headroom.Example/", "https://headroom.example"),
        (" http://127.0.0.1:8100 ", "http://127.0.0.1:8100"),
        ("https://host/behind/a/proxy/", "https://host/behind/a/proxy"),
        ("http://[::1]:8100", "http://[::1]:8100"),
    ],
)
def test_a_url_has_one_form(url: str, found: str) -> None:
    assert checked_url(url) == found


@pytest.mark.parametrize(
    "url",
    [
        *("host", "host:8100", "ftp://host", "http://", f"https://user:{SECRET}@host", "https://host?a=b"),
        *("https://host#there", "https://host:port", "https://host:70000", "http://[::1", ""),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(AddressError, match="found another URL") as caught:
        checked_url(url)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("key", ["two words", "line\nend", "ümlaut", "x" * 9000])
def test_a_key_that_no_header_takes_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(AddressError, match="expected printable ASCII") as caught:
        Address.of(HERE, key)
    assert key not in str(caught.value)


@pytest.mark.parametrize("url", [HERE, "http://localhost:1", "http://a.localhost", "http://[::1]:8100"])
def test_a_key_may_go_over_plain_http_within_this_machine(url: str) -> None:
    assert Address.of(url, SECRET).headers == {"Authorization": f"Bearer {SECRET}"}


@pytest.mark.parametrize("url", ["http://host", "http://10.0.0.1:8100", "http://localhost.example"])
def test_a_key_goes_over_plain_http_to_another_machine_only_when_told_so(url: str) -> None:
    with pytest.raises(AddressError, match="expected https://") as caught:
        Address.of(url, SECRET)
    assert SECRET not in str(caught.value)
    assert Address.of(url, SECRET, insecure=True).key == SECRET
    assert Address.of(url).headers == {}
    with pytest.raises(AddressError, match="expected https://"):
        login_at(url, SECRET, insecure=False)
    store(login_at(url, SECRET, insecure=True))
    assert Address.of(url).key == SECRET


def test_a_key_is_never_shown() -> None:
    assert SECRET not in repr(Address.of(HERE, SECRET)) + repr(Login(HERE, SECRET))


def test_a_login_is_kept_for_its_user_alone(no_login: Path) -> None:
    before = os.umask(0)
    try:
        assert store(Login(HERE, "first")) == no_login
        store(Login(HERE, SECRET, insecure=True))
    finally:
        os.umask(before)
    assert stat.S_IMODE(no_login.stat().st_mode) == 0o600
    assert stat.S_IMODE(no_login.parent.stat().st_mode) == 0o700
    assert [path.name for path in no_login.parent.iterdir()] == ["credentials.json"]
    assert stored_login() == Login(HERE, SECRET, insecure=True)
    assert forget()
    assert stored_login() is None
    assert not forget()


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", json.dumps({"url": HERE})])
def test_a_login_that_cannot_be_read_is_told_without_what_it_holds(no_login: Path, text: str) -> None:
    no_login.parent.mkdir(parents=True)
    no_login.write_text(text)
    with pytest.raises(CredentialsError, match="expected a stored login") as caught:
        Address.of()
    assert "headroom login" in caught.value.next_step
