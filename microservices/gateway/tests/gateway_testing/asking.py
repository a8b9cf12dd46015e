"""Asking the gateway over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

API: Final = "/api/v1"
YAML: Final = {"Content-Type": "application/yaml"}
PROBLEM: Final = "application/problem+json"


def problem(answer: httpx.Response, status: int, slug: str | None = None) -> dict[str, Any]:
    """Return the problem details of an answer, checked for what all of them have."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == PROBLEM
    found: dict[str, Any] = answer.json()
    assert found["type"] == ("about:blank" if slug is None else f"urn:headroom:problem:{slug}")
    assert found["status"] == status
    assert found["detail"]
    assert found["title"]
    assert found["request_id"] == answer.headers["x-request-id"]
    assert found["instance"] == answer.request.url.path
    return found


async def stored(client: httpx.AsyncClient, text: str) -> str:
    """Store a scenario; return its id."""
    answer = await client.post(f"{API}/scenarios", content=text, headers=YAML)
    assert answer.status_code in {200, 201}, answer.text
    identity: str = answer.json()["id"]
    return identity


async def asked(
    client: httpx.AsyncClient, headers: Mapping[str, str] | None = None, **body: Any
) -> httpx.Response:
    """Ask for a run."""
    return await client.post(f"{API}/runs", json=body, headers=headers)


def events(text: str) -> list[dict[str, str]]:
    """Return the server-sent events of a stream: their fields."""
    found = []
    for block in text.split("\n\n"):
        lines = [line for line in block.splitlines() if line and not line.startswith(":")]
        fields = dict(line.split(": ", 1) for line in lines)
        if "data" in fields:
            found.append(fields)
    return found
