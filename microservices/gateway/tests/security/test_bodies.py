"""Bodies that are too large, too slow or without an end, over real connections."""

import asyncio
import resource
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from security_testing.apps import ADMIN_KEY, bearer, protected, served, settings

from headroom_gateway.storage.database import Database

MIB = 1024 * 1024
PART = b"x" * 65_536
THINGS = "/api/v1/things"


@asynccontextmanager
async def connected(database: Database, **bodies: float) -> AsyncIterator[tuple[httpx.AsyncClient, int]]:
    """Give a client of the small application, and its port."""
    async with (
        protected(settings(bodies=bodies), database) as app,
        served(app) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client,
    ):
        yield client, port


async def parts(size: int) -> AsyncIterator[bytes]:
    """Give a body in parts."""
    for _ in range(size // len(PART)):
        yield PART


def request_head(*headers: str) -> bytes:
    """Return the start of a request as it goes over the wire."""
    lines = [f"POST {THINGS} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {ADMIN_KEY}", *headers]
    return "\r\n".join([*lines, "", ""]).encode()


async def exchanged(port: int, *sent: bytes) -> bytes:
    """Send bytes, and return all that comes until the connection is closed by the other side."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for part in sent:
        writer.write(part)
        await writer.drain()
    try:
        return await asyncio.wait_for(reader.read(), 60)
    finally:
        writer.close()


async def test_a_body_of_the_size_that_is_allowed_is_taken(database: Database) -> None:
    async with connected(database, max_bytes=MIB) as (client, _):
        for content in (b"x" * MIB, parts(MIB)):
            answer = await client.post(THINGS, content=content, headers=bearer(ADMIN_KEY))
            assert (answer.status_code, answer.json()["size"]) == (200, MIB)
            assert answer.headers.get("connection") != "close"


@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize("credential", [ADMIN_KEY, "wrong"])
async def test_100_mib_are_refused_and_never_kept(
    database: Database, credential: str, *, announced: bool
) -> None:
    headers = bearer(credential) | ({"Content-Length": f"{100 * MIB}"} if announced else {})
    async with connected(database) as (client, _):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        answer = await client.post(THINGS, content=parts(100 * MIB), headers=headers)
        grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    refused_first = announced or credential == ADMIN_KEY
    assert answer.status_code == (413 if refused_first else 401)
    kind = "body-too-large" if refused_first else "invalid-credential"
    assert answer.json()["type"] == f"urn:headroom:problem:{kind}"
    assert answer.headers["connection"] == "close"
    assert grown_kib < 40 * 1024


async def test_what_follows_a_refused_body_is_not_taken_for_a_request(database: Database) -> None:
    smuggled = request_head("Content-Length: 0")
    async with connected(database, max_bytes=1024) as (_, port):
        answer = await exchanged(port, request_head("Content-Length: 2000"), b"x" * 2000, smuggled)
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b" 413 " in answer.splitlines()[0]


@pytest.mark.parametrize("head", [("Content-Length: 100",), ("Transfer-Encoding: chunked",)])
async def test_a_body_that_does_not_come_is_not_waited_for(database: Database, head: tuple[str, ...]) -> None:
    async with connected(database, timeout=0.2) as (_, port):
        answer = await exchanged(port, request_head(*head))
    assert b" 408 " in answer.splitlines()[0]
    assert b"urn:headroom:problem:body-too-slow" in answer
    assert b"connection: close" in answer


async def test_a_body_that_drips_has_no_more_time(database: Database) -> None:
    async with connected(database, timeout=0.5) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request_head("Transfer-Encoding: chunked"))

        async def drip() -> None:
            while True:
                writer.write(b"1\r\nx\r\n")
                await writer.drain()
                await asyncio.sleep(0.02)

        dripping = asyncio.create_task(drip())
        head = await asyncio.wait_for(reader.readline(), 60)
        dripping.cancel()
        await asyncio.wait({dripping})
        writer.close()
    assert b" 408 " in head


async def test_a_body_without_an_end_is_cut_off(database: Database) -> None:
    async with connected(database, max_bytes=MIB, timeout=1) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request_head("Transfer-Encoding: chunked"))
        head = asyncio.create_task(reader.readline())

        async def pour() -> None:
            while True:
                writer.write(b"10000\r\n" + PART + b"\r\n")
                await writer.drain()
                await asyncio.sleep(0)

        with pytest.raises(ConnectionError):
            await asyncio.wait_for(pour(), 60)
        assert b" 413 " in await head


async def test_a_client_that_leaves_is_let_go(database: Database) -> None:
    async with connected(database) as (client, port):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request_head("Content-Length: 100") + b"x")
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        assert (await client.get(THINGS, headers=bearer(ADMIN_KEY))).status_code == 200


async def test_a_client_that_asks_first_sends_nothing(database: Database) -> None:
    head = request_head(f"Content-Length: {100 * MIB}", "Expect: 100-continue")
    async with connected(database) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head)
        assert b" 413 " in await asyncio.wait_for(reader.readline(), 60)
        writer.close()


@pytest.mark.parametrize("length", ["-1", "1e9", "0x10", "9" * 5000, "\uff11", "5, 6"])
async def test_odd_lengths_are_refused(database: Database, length: str) -> None:
    async with connected(database) as (_, port):
        answer = await exchanged(port, request_head(f"Content-Length: {length}") + b"x" * 10)
    assert answer.splitlines()[0].split()[1] in {b"400", b"413"}
