"""The gate as a client meets it: credentials, scopes, limits, other origins, and what is told and logged."""

import asyncio
import time
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from security_testing.apps import ADMIN_KEY, EVERYWHERE, asked, bearer, protected, settings
from security_testing.clocks import HandClock
from security_testing.issuers import AUDIENCE, rsa_key, running_issuer
from structlog.typing import EventDict

from headroom_gateway.security.keys import ApiKey
from headroom_gateway.storage.database import Database

THINGS = "/api/v1/things"
KEYS = "/api/v1/keys"
PROBLEM = "application/problem+json"


@pytest.fixture
async def app(database: Database, clock: HandClock) -> AsyncIterator[FastAPI]:
    async with protected(settings(cors_origins=["https://pages.example"]), database, clock) as app:
        yield app


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with asked(app) as client:
        yield client


async def made(client: httpx.AsyncClient, scope: str, **more: object) -> dict[str, str]:
    """Return a new key as the interface gives it."""
    answer = await client.post(
        KEYS, json={"name": "a key", "scope": scope, **more}, headers=bearer(ADMIN_KEY)
    )
    assert answer.status_code == 201
    created: dict[str, str] = answer.json()
    return created


async def status(client: httpx.AsyncClient, method: str, credential: str, path: str = THINGS) -> int:
    return (await client.request(method, path, headers=bearer(credential))).status_code


async def test_keys_are_made_shown_used_and_revoked(client: httpx.AsyncClient, clock: HandClock) -> None:
    created = await made(client, "run", expires_in_days=7)
    assert ApiKey.parse(created["secret"]) is not None
    assert (await client.get(THINGS, headers=bearer(created["secret"]))).json() == f"key:{created['id']}"
    listed = (await client.get(KEYS, headers=bearer(ADMIN_KEY))).json()["items"]
    assert [entry["id"] for entry in listed] == [created["id"]]
    assert listed[0]["last_used_at"] is not None
    assert "secret" not in listed[0]
    assert created["secret"] not in f"{listed}"
    revoked = await client.delete(f"{KEYS}/{created['id']}", headers=bearer(ADMIN_KEY))
    assert revoked.status_code == 204
    assert await status(client, "GET", created["secret"]) == 401
    other = await made(client, "read", expires_in_days=1)
    clock.advance(86_400)
    assert await status(client, "GET", other["secret"]) == 401


async def test_a_new_key_is_not_kept_by_caches(client: httpx.AsyncClient) -> None:
    answer = await client.post(KEYS, json={"name": "a key"}, headers=bearer(ADMIN_KEY))
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["scope"] == "run"


@pytest.mark.parametrize(
    ("scope", "expected"),
    [("read", [200, 403, 403, 403]), ("run", [200, 200, 403, 403]), ("admin", [200, 200, 200, 200])],
)
async def test_each_scope_opens_its_routes(
    client: httpx.AsyncClient, scope: str, expected: list[int]
) -> None:
    secret = (await made(client, scope))["secret"]
    asked_for = [("GET", THINGS), ("POST", THINGS), ("DELETE", THINGS), ("GET", KEYS)]
    assert [await status(client, method, secret, path) for method, path in asked_for] == expected


async def test_a_scope_that_is_missing_is_named(client: httpx.AsyncClient) -> None:
    secret = (await made(client, "read"))["secret"]
    answer = await client.post(THINGS, headers=bearer(secret))
    assert answer.json()["type"] == "urn:headroom:problem:insufficient-scope"
    assert answer.json()["detail"] == "The credential's scope: expected run, found read."
    challenge = 'Bearer realm="headroom", error="insufficient_scope", scope="run"'
    assert answer.headers["www-authenticate"] == challenge


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        ({}, "no-credential"),
        ({"Authorization": ""}, "invalid-credential"),
        ({"Authorization": "Bearer"}, "invalid-credential"),
        ({"Authorization": "Bearer "}, "invalid-credential"),
        ({"Authorization": "Basic YWRtaW46YWRtaW4="}, "invalid-credential"),
        ({"Authorization": ADMIN_KEY}, "invalid-credential"),
        ({"Authorization": f"Bearer {ADMIN_KEY} x"}, "invalid-credential"),
        ({"Authorization": f"Bearer {ADMIN_KEY},"}, "invalid-credential"),
        ({"Authorization": f"Bearer {ApiKey.create().text}"}, "invalid-credential"),
        ({"Authorization": "Bearer \xff\xfe"}, "invalid-credential"),
        ({"Authorization": "Bearer " + "x" * 60_000}, "invalid-credential"),
        ({"X-Api-Key": ADMIN_KEY}, "no-credential"),
        ({"Cookie": f"Authorization=Bearer {ADMIN_KEY}"}, "no-credential"),
    ],
)
async def test_without_a_sound_credential_nobody_gets_in(
    client: httpx.AsyncClient, headers: dict[str, str], kind: str
) -> None:
    given = {name: value.encode("latin-1") for name, value in headers.items()}
    answer = await client.get(THINGS, headers=given)
    problem = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (401, PROBLEM)
    assert problem["type"] == f"urn:headroom:problem:{kind}"
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert answer.headers["www-authenticate"].startswith('Bearer realm="headroom"')


async def test_the_scheme_may_be_written_in_any_case(client: httpx.AsyncClient) -> None:
    for scheme in ("bearer", "BEARER", "Bearer"):
        assert (await client.get(THINGS, headers={"Authorization": f"{scheme} {ADMIN_KEY}"})).is_success


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/api/v1",
        "/api/v1/nothing",
        "/api/v2/things",
        "//api/v1/things",
        "/api/v1/things/",
        "/api/v1//things",
        "/health/live/../../api/v1/things",
        "/health/live%2f..%2f..%2fapi%2fv1%2fthings",
        "/health/live/",
        "/health",
        "/metrics/x",
        "/openapi.json%00",
        "/docs",
    ],
)
async def test_all_other_paths_need_a_credential(app: FastAPI, path: str) -> None:
    sent: list[object] = []

    async def send(message: dict[str, object]) -> None:
        if message["type"] == "http.response.start":
            sent.append(message["status"])

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {
        "type": "http",
        "method": "GET",
        "path": httpx.URL(f"http://x{path}").path if "%" in path else path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [],
        "client": ("192.0.2.1", 1),
        "server": ("x", 80),
        "scheme": "http",
        "root_path": "",
        "http_version": "1.1",
    }
    await app(scope, receive, send)  # type: ignore[arg-type] # as a server calls it
    assert sent == [401]


async def test_health_and_the_document_are_open(client: httpx.AsyncClient) -> None:
    assert (await client.get("/health/live")).status_code == 200
    document = (await client.get("/openapi.json")).json()
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    for method in ("get", "post", "delete"):
        assert document["paths"][THINGS][method]["security"] == [{"bearer": []}]


async def test_tokens_of_the_issuer_open_the_gate_as_well(database: Database) -> None:
    async with running_issuer() as issuer:
        chosen = settings(oidc={"issuer": issuer.url, "audience": AUDIENCE})
        async with protected(chosen, database) as app, asked(app) as client:
            assert (await client.get(THINGS, headers=bearer(issuer.token()))).json() == "oidc:ada"
            assert await status(client, "DELETE", issuer.token()) == 403
            assert await status(client, "GET", issuer.token(scope="openid")) == 403
            assert await status(client, "GET", issuer.token(key=rsa_key())) == 401
            assert await status(client, "GET", (await made(client, "read"))["secret"]) == 200
            assert await status(client, "GET", ADMIN_KEY) == 200


async def test_a_token_that_was_good_is_not_remembered_beyond_its_time(database: Database) -> None:
    async with running_issuer() as issuer:
        oidc = {"issuer": issuer.url, "audience": AUDIENCE, "leeway": 0}
        chosen = settings(oidc=oidc, authentication={"recheck": 60})
        async with protected(chosen, database) as app, asked(app) as client:
            token = issuer.token(exp=int(time.time()) + 2)
            deadline = time.monotonic() + 30
            while await status(client, "GET", token) == 200:
                assert time.monotonic() < deadline
                await asyncio.sleep(0.05)


async def test_every_answer_tells_how_much_is_left(database: Database, clock: HandClock) -> None:
    chosen = settings(rates={"reads_per_minute": 2, "writes_per_minute": 1})
    async with protected(chosen, database, clock) as app, asked(app) as client:
        answers = [await client.get(THINGS, headers=bearer(ADMIN_KEY)) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert answers[2].json()["type"] == "urn:headroom:problem:rate-limited"
        assert answers[2].headers["ratelimit-policy"] == '"reads";q=2;w=60'
        assert f"t={answers[2].headers['retry-after']}" in answers[2].headers["ratelimit"]
        written = await client.post(THINGS, headers=bearer(ADMIN_KEY))
        assert (written.status_code, written.headers["ratelimit"].split(";t")[0]) == (200, '"writes";r=0')
        other = await client.get("/health/live")
        assert "ratelimit" not in other.headers


async def test_pages_of_allowed_origins_read_answers_and_refusals(client: httpx.AsyncClient) -> None:
    allowed, other = "https://pages.example", "https://other.example"
    preflight = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    granted = await client.options(THINGS, headers={"Origin": allowed, **preflight})
    assert (granted.status_code, granted.headers["access-control-allow-origin"]) == (200, allowed)
    assert "access-control-allow-credentials" not in granted.headers
    refused = await client.options(THINGS, headers={"Origin": other, **preflight})
    assert (refused.status_code, "access-control-allow-origin" in refused.headers) == (400, False)
    unknown = await client.get(THINGS, headers={"Origin": allowed})
    assert (unknown.status_code, unknown.headers["access-control-allow-origin"]) == (401, allowed)
    assert "x-request-id" in unknown.headers["access-control-expose-headers"].lower()


OFF = (
    {"host": "127.0.0.1"},
    {"host": EVERYWHERE, "authentication": {"mode": "behind-loopback", "admin_key": ADMIN_KEY}},
)
"""Settings under which nobody is asked for a credential."""


@pytest.mark.parametrize("chosen", OFF, ids=["loopback", "behind-loopback"])
async def test_where_authentication_is_off_everybody_on_this_machine_may_ask(
    database: Database, chosen: dict[str, object]
) -> None:
    async with protected(settings(**chosen), database) as app:
        for host in ("localhost", "127.0.0.1:8100", "[::1]:8100"):
            async with asked(app, host) as client:
                assert (await client.get(THINGS)).json() == "local"
                assert (await client.delete(THINGS)).status_code == 200


@pytest.mark.parametrize("chosen", OFF, ids=["loopback", "behind-loopback"])
@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "10.0.0.1", "gateway:8080"]
)
async def test_pages_that_gave_this_machine_another_name_are_kept_out(
    database: Database, host: str, chosen: dict[str, object]
) -> None:
    async with protected(settings(**chosen), database) as app, asked(app, host) as client:
        answer = await client.get(THINGS)
    assert (answer.status_code, answer.json()["type"]) == (421, "urn:headroom:problem:foreign-host")


@pytest.mark.parametrize("chosen", OFF, ids=["loopback", "behind-loopback"])
async def test_pages_of_other_origins_are_kept_out(database: Database, chosen: dict[str, object]) -> None:
    wanted = settings(**chosen, cors_origins=["https://pages.example"])
    async with protected(wanted, database) as app, asked(app) as client:
        for origin in ("https://evil.example", "null", "http://localhost.evil.example", "http://[", ""):
            answer = await client.post(THINGS, headers={"Origin": origin})
            assert (answer.status_code, answer.json()["type"]) == (403, "urn:headroom:problem:foreign-origin")
        for origin in ("https://pages.example", "http://localhost:3000", "http://[::1]"):
            assert (await client.post(THINGS, headers={"Origin": origin})).status_code == 200


async def test_nothing_secret_is_told_or_logged(
    client: httpx.AsyncClient, log_lines: list[EventDict]
) -> None:
    secret = (await made(client, "read"))["secret"]
    wrong = ApiKey.create()
    forged = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.c2lnbmF0dXJl"
    answers = []
    for credential in (ADMIN_KEY, secret, secret[:-1], wrong.text, forged, f"{ADMIN_KEY}x"):
        for method in ("GET", "POST", "DELETE"):
            answers.append(await client.request(method, THINGS, headers=bearer(credential)))  # noqa: PERF401 - one after another
    told = "".join(f"{answer.text} {answer.headers}" for answer in answers)
    hidden = [ADMIN_KEY, secret, secret.split("_", 2)[2], wrong.secret, *forged.split(".")]
    assert log_lines
    for text in hidden:
        assert text not in told
        assert text not in f"{log_lines}"


@pytest.mark.parametrize("given", ["a\r\nSet-Cookie: x=1", "x" * 65, "é", "{}", "a b", "\x00"])
async def test_an_odd_request_id_is_replaced(client: httpx.AsyncClient, given: str) -> None:
    answer = await client.get(THINGS, headers={"X-Request-ID": given.encode("latin-1")})
    assert answer.headers["x-request-id"] != given
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": "x" * 101},
        {"name": "a\x00b"},
        {"name": "a\nb"},
        {"name": 7},
        {"name": "a", "scope": "root"},
        {"name": "a", "expires_in_days": 0},
        {"name": "a", "expires_in_days": 10**30},
        {"name": "a", "expires_in_days": True},
        {"name": "a", "digest": "x"},
        [],
        "name",
    ],
)
async def test_a_key_that_cannot_be_is_refused(client: httpx.AsyncClient, body: object) -> None:
    answer = await client.post(KEYS, json=body, headers=bearer(ADMIN_KEY))
    assert (answer.status_code, answer.headers["content-type"]) == (422, PROBLEM)
    assert answer.json()["errors"]


@pytest.mark.parametrize("key", ["0" * 16, "x", "admin", "' OR 1=1 --", "%00", "..%2f..%2fetc", "0" * 500])
async def test_a_key_that_is_not_there_cannot_be_revoked(client: httpx.AsyncClient, key: str) -> None:
    await made(client, "read")
    answer = await client.delete(f"{KEYS}/{key}", headers=bearer(ADMIN_KEY))
    assert answer.status_code in {400, 404, 422}
    assert len((await client.get(KEYS, headers=bearer(ADMIN_KEY))).json()["items"]) == 1
