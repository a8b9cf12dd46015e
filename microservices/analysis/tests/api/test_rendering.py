"""Result documents sent for their report or their table: the bytes of an embedded run, or a reason."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from headroom_analysis.api import documents
from headroom_analysis.report import render_html, write_parquet

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import httpx

Document = dict[str, Any]

JSON = {"content-type": "application/json"}
PATHS = ("/reports", "/tables")


async def test_a_report_is_the_page_of_the_embedded_run(client: httpx.AsyncClient, result: Document) -> None:
    answer = await client.post("/reports", json=result)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.content == render_html(result).encode()


async def test_a_table_is_the_file_of_the_embedded_run(
    client: httpx.AsyncClient, result: Document, tmp_path: Path
) -> None:
    answer = await client.post("/tables", json=result)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/vnd.apache.parquet"
    write_parquet(result, tmp_path / "result.parquet")
    assert answer.content == (tmp_path / "result.parquet").read_bytes()


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"", "body: expected JSON"),
        (b"{", "body: expected JSON"),
        (b"\xff", "body: expected JSON"),
        (b'{"format": NaN}', "NaN is no JSON number"),
        (b"[" * 100_000, "body: expected JSON"),
        (b"[]", "body: expected an object, found list"),
        (b"{}", "format: expected headroom.result/v1, found none"),
        (
            b'{"format": "headroom.result/v2"}',
            "format: expected headroom.result/v1, found headroom.result/v2",
        ),
    ],
)
async def test_what_is_no_result_is_refused(
    client: httpx.AsyncClient, path: str, body: bytes, detail: str
) -> None:
    answer = await client.post(path, content=body, headers=JSON)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert detail in answer.json()["detail"]


@pytest.mark.parametrize(
    ("path", "place", "value"),
    [
        ("/reports", "horizon", 10**400),
        ("/reports", "name", "\ud800"),
        ("/tables", "horizon", 10**400),
        ("/tables", "name", "\ud800"),
    ],
)
async def test_what_no_result_holds_is_no_fault_of_the_service(
    client: httpx.AsyncClient, result: Document, path: str, place: str, value: object
) -> None:
    answer = await client.post(path, content=json.dumps(result | {place: value}), headers=JSON)
    assert answer.status_code in (200, 422)


@pytest.mark.parametrize("path", PATHS)
async def test_a_body_says_that_it_is_json(client: httpx.AsyncClient, path: str) -> None:
    for headers in ({}, {"content-type": "text/plain"}):
        answer = await client.post(path, content=b"{}", headers=headers)
        assert answer.status_code == 415
        assert "content-type: expected application/json" in answer.json()["detail"]


@pytest.mark.parametrize("path", PATHS)
async def test_a_large_body_is_refused_before_it_is_there(
    client: httpx.AsyncClient, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "MOST_BYTES", 1000)
    sent = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(100):
            sent += 1
            yield bytes(100)

    for body in (bytes(1001), pieces()):
        answer = await client.post(path, content=body, headers=JSON)
        assert answer.status_code == 413
        assert answer.json()["detail"] == "body: expected at most 1,000 bytes"
    assert sent <= 12


async def test_a_slow_body_is_given_up(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "READING_SECONDS", 0.01)

    async def pieces() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    answer = await client.post("/reports", content=pieces(), headers=JSON)
    assert answer.status_code == 408
    assert "found 1 bytes" in answer.json()["detail"]


async def test_the_document_tells_bodies_and_failures(client: httpx.AsyncClient) -> None:
    document = (await client.get("http://analysis/openapi.json")).json()
    for path, kind in (("/reports", "text/html"), ("/tables", "application/vnd.apache.parquet")):
        route = document["paths"][f"/api/v1{path}"]["post"]
        assert list(route["requestBody"]["content"]) == ["application/json"]
        assert list(route["responses"]["200"]["content"]) == [kind]
        for status in ("408", "413", "415", "422", "503"):
            assert list(route["responses"][status]["content"]) == ["application/problem+json"]
    assert json.dumps(document)
