"""What attackers send to the real application, on both databases: it refuses, tells nothing, and goes on."""

import base64
import json
import re
from collections.abc import AsyncIterator, Sequence
from itertools import product

import httpx
import pytest
from security_testing.apps import ADMIN_KEY, EVERYWHERE, asked, bearer
from structlog.typing import EventDict

from headroom_common.service.composition import compose
from headroom_common.transports.memory import MemoryBroker
from headroom_gateway.app import build
from headroom_gateway.settings import GatewaySettings
from headroom_gateway.storage.database import Database

API = "/api/v1"
NOBODY = "00000000-0000-0000-0000-000000000000"
NOTHING = "0" * 64
YAML = {"Content-Type": "application/yaml"}
JSON = {"Content-Type": "application/json"}
LEAKS = re.compile(
    r"Traceback|File \"|\.py\b|/tmp|/home|/usr|/src/|site-packages|sqlalchemy|psycopg|sqlite|"
    r"SELECT |INSERT |UPDATE |DELETE FROM|runs\.id|root:x:"
)
SQL = ("' OR '1'='1", "1; DROP TABLE runs; --", "' union select digest from keys --", "%27%20OR%201%3D1")
PATHS = (
    "../../../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "%2e%2e/%2e%2e/etc/passwd",
    "/etc/passwd",
    "C:\\x",
)
ODD = ("%00", "%0d%0aSet-Cookie:%20x=1", "%ff%fe", "%ed%a0%80", "x" * 5000, "-1", "null", "\U0001f4a3")


@pytest.fixture
async def client(
    any_database: Database,  # noqa: ARG001 - it is migrated
    database_url: str,
) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody with every right, at a gateway with a migrated database and no other service."""
    admin = {"authentication": {"admin_key": ADMIN_KEY}, "rates": {"writes_per_minute": 0}}
    settings = GatewaySettings.model_validate(
        {"database_url": database_url, "host": EVERYWHERE, "threads": 1, **admin}
    )
    service = build(settings)
    parts = compose(service, settings, transport=MemoryBroker().transport())
    async with asked(parts.app) as client:
        client.headers.update(bearer(ADMIN_KEY))
        yield client
    await service.close()
    parts.workers.close()


def check(answer: httpx.Response, log_lines: list[EventDict]) -> None:
    """See that a request was refused, or answered with nothing, and that nothing broke."""
    assert answer.status_code < 500, (answer.status_code, answer.text)
    if not answer.is_success:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == answer.status_code
    told = json.loads(answer.text) if answer.text else {}
    told.pop("instance", None)  # the path as it was sent
    assert not LEAKS.search(json.dumps(told)), answer.text
    assert "set-cookie" not in answer.headers
    assert "http request failed" not in [line["event"] for line in log_lines]
    assert ADMIN_KEY not in f"{answer.text} {answer.headers} {log_lines}"


@pytest.mark.parametrize("texts", [SQL, PATHS, ODD], ids=["SQL", "paths", "odd texts"])
async def test_injections_into_ids_and_filters(
    client: httpx.AsyncClient, log_lines: list[EventDict], texts: Sequence[str]
) -> None:
    for text in texts:
        await inject(client, log_lines, text)


async def inject(client: httpx.AsyncClient, log_lines: list[EventDict], text: str) -> None:
    paths = [
        f"/runs/{text}",
        f"/runs/{text}/events",
        f"/runs/{text}/results",
        f"/runs/{NOBODY}/compare/{text}",
        f"/scenarios/{text}",
        f"/runs?created_by={text}",
        f"/runs?state={text}",
        f"/runs?scenario_id={text}",
        f"/runs?created_after={text}",
        f"/runs?limit={text}",
        f"/runs?cursor={text}",
        f"/scenarios?cursor={text}",
        f"/explain?path={text}",
        f"/runs/{NOBODY}/summary?points={text}",
    ]
    for path in paths:
        answer = await client.get(f"{API}{path}")
        check(answer, log_lines)
        assert not answer.is_success or answer.json()["items"] == []
    for path in (f"/runs/{text}", f"/scenarios/{text}", f"/keys/{text}"):
        answer = await client.delete(f"{API}{path}")
        check(answer, log_lines)
        assert answer.status_code in {400, 404, 405, 422}


@pytest.mark.parametrize(
    "place",
    ["' OR 1=1", "9223372036854775808 a", f"9223372036854775807 {NOBODY}", "0 ../..", "1 \x00", "é é"],
)
async def test_made_up_cursors(client: httpx.AsyncClient, log_lines: list[EventDict], place: str) -> None:
    cursor = base64.urlsafe_b64encode(place.encode()).decode()
    for path in ("runs", "scenarios"):
        answer = await client.get(f"{API}/{path}?cursor={cursor}")
        check(answer, log_lines)
        assert answer.status_code == 400 or answer.json()["items"] == []


def billion_laughs() -> str:
    more = (f"a{number}: &a{number} [{','.join([f'*a{number - 1}'] * 9)}]" for number in range(1, 26))
    return "\n".join(["a0: &a0 [x,x,x,x,x,x,x,x,x]", *more])


HOSTILE: dict[str, str | bytes] = {
    "aliases that multiply": billion_laughs(),
    "an alias of itself": "a: &a {<<: *a}",
    "a list in itself": "&a [*a]",
    "deep lists": "[" * 20_000,
    "deep lists, closed": "[" * 3_000 + "]" * 3_000,
    "deep mappings": "\n".join(" " * depth + "a:" for depth in range(2_000)),
    "deep JSON": '{"a":' * 5_000 + "1" + "}" * 5_000,
    "a number of a million digits": "a: " + "9" * 1_000_000,
    "a hexadecimal number": "a: 0x" + "f" * 100_000,
    "a sexagesimal number": "a: " + ":".join(["59"] * 20_000),
    "an endless number": "metadata: {name: x}\nspec: {horizon: 1e400}",
    "no number": "metadata: {name: x}\nspec: {horizon: .nan}",
    "a Python object": "!!python/object/apply:os.system ['id']",
    "a Python name": "a: !!python/name:os.system",
    "another tag": "!<tag:evil.example,2026:x> {}",
    "many keys": "\n".join(f"k{number}: 1" for number in range(20_000)),
    "one key many times": "a: 1\n" * 5_000,
    "a long key": "? " + "x" * 10_000 + "\n: 1",
    "a zero byte": b"a: \0",
    "no UTF-8": b"\xff\xfe\xfa",
    "UTF-16": "a: 1".encode("utf-16"),
    "half a character": b'{"metadata": {"name": "\\ud800"}}',
    "several documents": "--- a\n--- b",
    "an impossible date": "a: 9999-99-99",
    "nothing": b"",
    "a file of the server": "spec: {workloads: [{arrivals: {kind: trace, file: /etc/passwd}}]}",
}


async def test_hostile_scenarios(client: httpx.AsyncClient, log_lines: list[EventDict]) -> None:
    for name, body in HOSTILE.items():
        text = body if isinstance(body, str) else body.decode("latin-1")
        for answer in (
            await client.post(f"{API}/scenarios", content=body, headers=YAML),
            await client.post(f"{API}/runs", json={"scenario": text}),
        ):
            check(answer, log_lines)
            assert answer.status_code == 422, name
            assert len(answer.content) < 200_000, name


RUNS: tuple[str | bytes, ...] = (
    '{"scenario":' + "[" * 100_000,
    '{"scenario":' + '{"a":' * 5_000 + "1" + "}" * 5_001,
    '{"scenario":"\\ud800"}',
    '{"scenario":"\xff"}'.encode("latin-1"),
    f'{{"scenario_id":"{NOTHING}","seed":{"9" * 5_000}}}',
    f'{{"scenario_id":"{NOTHING}","seed":-1}}',
    f'{{"scenario_id":"{NOTHING}","trials":1e400}}',
    f'{{"scenario_id":"{NOTHING}","trials":99999999999999999999}}',
    f'{{"scenario_id":"{NOTHING}","confidence":NaN}}',
    f'{{"scenario_id":"{NOTHING}","confidence":Infinity}}',
    f'{{"scenario_id":"{NOTHING}","overrides":["__class__.__init__=1"]}}',
    f'{{"scenario_id":"{NOTHING}","overrides":{json.dumps(["a=" + "[" * 4000])}}}',
    f'{{"scenario_id":"{NOTHING}\' OR 1=1"}}',
    '{"scenario_id":"../../../../etc/passwd"}',
    "null",
    "[]",
    "",
)


async def test_hostile_runs(client: httpx.AsyncClient, log_lines: list[EventDict]) -> None:
    for path, body in product(("runs", f"runs/{NOBODY}/clone"), RUNS):
        answer = await client.post(f"{API}/{path}", content=body, headers=JSON)
        check(answer, log_lines)
        assert answer.status_code in {400, 404, 422}, body[:100]


HEADERS = {
    "Idempotency-Key": ("a\r\nSet-Cookie: x=1", "\x00", "\xff", "x" * 256, "' OR 1=1 --"),
    "Last-Event-ID": ("-1", "9" * 100, "1e9", "' OR 1=1", "\x00"),
    "X-Request-ID": ("a\r\nSet-Cookie: x=1", "\x1b[31m", "x" * 5000),
    "If-None-Match": ("\x00", '"' * 5000, "*"),
    "Accept": ("../../x", "*/*;q=" + "9" * 5000, "\xff"),
    "Content-Type": ("text/html", "application/json\r\nX: y", "\xff" * 500),
}


@pytest.mark.parametrize("name", HEADERS)
async def test_injections_into_headers(
    client: httpx.AsyncClient, log_lines: list[EventDict], name: str
) -> None:
    for value in HEADERS[name]:
        headers = [(b"Content-Type", b"application/json"), (name.encode(), value.encode("latin-1"))]
        for answer in (
            await client.post(
                f"{API}/runs", content=b'{"scenario_id": "' + b"0" * 64 + b'"}', headers=headers
            ),
            await client.post(f"{API}/scenarios", content=b"a: 1", headers=headers),
            await client.get(f"{API}/runs/{NOBODY}/events", headers=headers),
            await client.get(f"{API}/runs/{NOBODY}/results", headers=headers),
        ):
            check(answer, log_lines)
            assert 400 <= answer.status_code < 500
            assert all("\r" not in text and "\n" not in text for text in answer.headers.values())


async def test_other_methods(client: httpx.AsyncClient, log_lines: list[EventDict]) -> None:
    for method in ("PUT", "PATCH", "TRACE", "CONNECT", "PROPFIND"):
        answer = await client.request(method, f"{API}/runs")
        check(answer, log_lines)
        assert answer.status_code == 405


async def test_without_a_credential_nothing_is_done(client: httpx.AsyncClient) -> None:
    del client.headers["Authorization"]
    document = (await client.get("/openapi.json")).json()
    checked = 0
    for path, methods in document["paths"].items():
        if not path.startswith(API):
            continue
        for method in methods:
            target = re.sub(r"\{[^}]*\}", NOBODY, path)
            answer = await client.request(method.upper(), target, content=b"{}")
            assert answer.status_code == 401, (method, path)
            checked += 1
    assert checked > 15


@pytest.mark.parametrize(("scope", "most"), [("read", {"get"}), ("run", {"get", "post", "delete"})])
async def test_each_route_asks_for_its_scope(client: httpx.AsyncClient, scope: str, most: set[str]) -> None:
    created = (await client.post(f"{API}/keys", json={"name": "a", "scope": scope})).json()
    document = (await client.get("/openapi.json")).json()
    client.headers.update(bearer(created["secret"]))
    for path, methods in document["paths"].items():
        for method in methods:
            target = path.replace("{scenario_id}", NOTHING).replace("{key_id}", "0" * 16)
            target = re.sub(r"\{[^}]*\}", NOBODY, target)
            answer = await client.request(method.upper(), target, json={}, headers=JSON)
            forbidden = path.startswith(f"{API}/keys") or method not in most
            assert (answer.status_code == 403) == forbidden, (method, path, answer.text)


async def test_a_database_that_is_away_is_not_described(log_lines: list[EventDict]) -> None:
    address = "postgresql+psycopg://somebody:something@127.0.0.1:9/somewhere"
    settings = GatewaySettings.model_validate({"database_url": address, "threads": 1})
    service = build(settings)
    parts = compose(service, settings, transport=MemoryBroker().transport())
    async with asked(parts.app) as client:
        answers = [await client.get(f"{API}/runs"), await client.get(f"{API}/runs/{NOBODY}")]
    await service.close()
    parts.workers.close()
    for answer in answers:
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        for private in ("127.0.0.1", "OperationalError", "psycopg", "somebody", "somewhere", "something"):
            assert private not in answer.text
    assert "connection" in f"{log_lines}"
    assert "something" not in f"{log_lines}"
