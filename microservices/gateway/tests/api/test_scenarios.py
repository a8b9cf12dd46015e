"""Routes of scenarios, and what is wrong with one, in the command line's words."""

from __future__ import annotations

import copy
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml
from gateway_testing.asking import API, YAML, problem, stored
from gateway_testing.scenarios import SMALL

from headroom_common.scenario import ScenarioError, load_scenario

if TYPE_CHECKING:
    import httpx
    from gateway_testing.storage import Storage

WRONG: Final = Path(__file__).parents[4] / "common" / "tests" / "scenario"
CASES: Final = yaml.safe_load((WRONG / "problems.yaml").read_text(encoding="utf-8"))


def full_scenario() -> dict[str, Any]:
    """The scenario that the wrong values of problems.yaml are put into."""
    spec = importlib.util.spec_from_file_location("scenario_fixtures", WRONG / "conftest.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    document: dict[str, Any] = yaml.safe_load(module.FULL)
    return document


def put(document: dict[str, Any], case: dict[str, Any]) -> None:
    *way, last = [int(part) if part.isdigit() else part for part in case["path"].split("/")]
    place: Any = document
    for part in way:
        place = place[part]
    if "value" not in case:
        del place[last]
    elif isinstance(place, list) and last == len(place):
        place.append(case["value"])
    else:
        place[last] = case["value"]


async def test_a_scenario_is_created_once(client: httpx.AsyncClient) -> None:
    answer = await client.post(f"{API}/scenarios", content=SMALL, headers=YAML)
    assert answer.status_code == 201
    found = answer.json()
    assert answer.headers["location"] == f"{API}/scenarios/{found['id']}"
    assert answer.headers["etag"] == f'"{found["id"]}"'
    again = await client.post(f"{API}/scenarios", content=SMALL, headers=YAML)
    assert (again.status_code, again.json()) == (200, found)
    as_json = await client.post(f"{API}/scenarios", json=yaml.safe_load(SMALL))
    assert (as_json.status_code, as_json.json()["id"]) == (200, found["id"])
    assert (await client.get(answer.headers["location"])).json() == found
    assert found["document"] == load_scenario(SMALL).scenario.canonical()
    assert (found["name"], found["requests_per_trial"]) == ("small", 40.0)


@pytest.mark.parametrize(
    "kind", ["application/x-yaml", "text/yaml; charset=utf-8", "TEXT/X-YAML", "application/json"]
)
async def test_other_names_of_the_media_types_are_known(client: httpx.AsyncClient, kind: str) -> None:
    answer = await client.post(f"{API}/scenarios", content=SMALL, headers={"Content-Type": kind})
    assert answer.status_code == 201


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", ""])
async def test_other_media_types_are_refused(client: httpx.AsyncClient, kind: str) -> None:
    answer = await client.post(f"{API}/scenarios", content=SMALL, headers={"Content-Type": kind})
    found = problem(answer, 415, "unsupported-media-type")
    assert f"found {kind or 'none'}." in found["detail"]


async def test_changes_are_made_before_it_is_stored(client: httpx.AsyncClient) -> None:
    changes = {"set": ["spec.horizon=3s", "spec.servers[app].cores=2"]}
    answer = await client.post(f"{API}/scenarios", content=SMALL, headers=YAML, params=changes)
    spec = answer.json()["document"]["spec"]
    assert (spec["horizon"], spec["servers"][0]["cores"]) == ("3s", 2)
    wrong = {"set": ["spec.servers[app].coers=2"]}
    answer = await client.post(f"{API}/scenarios", content=SMALL, headers=YAML, params=wrong)
    (fault,) = problem(answer, 422, "invalid-scenario")["errors"]
    assert fault["override"] == "spec.servers[app].coers=2"


async def test_a_stored_scenario_is_not_sent_twice(client: httpx.AsyncClient) -> None:
    identity = await stored(client, SMALL)
    path = f"{API}/scenarios/{identity}"
    tag = (await client.get(path)).headers["etag"]
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        answer = await client.get(path, headers={"If-None-Match": known})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)
    assert (await client.get(path, headers={"If-None-Match": '"other"'})).status_code == 200


async def test_pages_are_linked(client: httpx.AsyncClient) -> None:
    made = [await stored(client, SMALL.replace("small", f"s{number}")) for number in range(5)]
    url, seen = f"{API}/scenarios?limit=2", []
    sizes = []
    while url:
        answer = await client.get(url)
        page = answer.json()
        assert all("document" not in one for one in page["items"])
        seen += [one["id"] for one in page["items"]]
        sizes.append(len(page["items"]))
        link = answer.links.get("next")
        assert (link is None) == (page["next_cursor"] is None)
        url = link["url"] if link else ""
    assert (seen, sizes) == (made[::-1], [2, 2, 1])


async def test_a_scenario_is_deleted_unless_runs_use_it(client: httpx.AsyncClient, sqlite: Storage) -> None:
    run = await sqlite.accept()
    path = f"{API}/scenarios/{run.scenario_id}"
    problem(await client.delete(path), 409, "wrong-state")
    await client.post(f"{API}/runs/{run.id}/cancel")
    await client.delete(f"{API}/runs/{run.id}")
    assert (await client.delete(path)).status_code == 204
    problem(await client.delete(path), 404, "not-found")
    problem(await client.get(path), 404, "not-found")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/scenarios/xyz"), ("DELETE", f"/scenarios/{'A' * 64}"), ("GET", "/scenarios?limit=0")],
)
async def test_what_cannot_be_is_refused(client: httpx.AsyncClient, method: str, path: str) -> None:
    assert problem(await client.request(method, f"{API}{path}"), 422)["errors"]


async def test_a_wrong_cursor_is_refused(client: httpx.AsyncClient) -> None:
    for path in ("scenarios", "runs"):
        problem(await client.get(f"{API}/{path}?cursor=nonsense"), 400, "invalid-cursor")


async def test_problems_are_those_of_the_command_line(client: httpx.AsyncClient) -> None:
    full = full_scenario()
    assert len(CASES) > 50
    for case in CASES:
        document = copy.deepcopy(full)
        put(document, case)
        text = yaml.safe_dump(document, sort_keys=False)
        with pytest.raises(ScenarioError) as caught:
            load_scenario(text)
        answer = await client.post(f"{API}/scenarios", content=text, headers=YAML)
        found = problem(answer, 422, "invalid-scenario")["errors"]
        assert [fault["message"] for fault in found] == [str(one) for one in caught.value.problems]
        for fault, expected in zip(found, caught.value.problems, strict=True):
            assert case["problem"] in fault["message"]
            assert fault["field"] == expected.path
            assert (fault["line"], fault["column"]) == (expected.line, expected.column)
            assert (fault["expected"], fault["found"]) == (expected.expected, expected.found)
            assert fault.get("hint", "") == expected.hint


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"a: [", b"null", b"- 1", b"\x00", b"a: &a [*a]"])
async def test_what_is_no_scenario_is_a_problem(client: httpx.AsyncClient, content: bytes) -> None:
    answer = await client.post(f"{API}/scenarios", content=content, headers=YAML)
    assert problem(answer, 422, "invalid-scenario")["errors"]
