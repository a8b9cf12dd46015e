"""What is tried again and what is not, and what a failure becomes."""

import asyncio
import logging

import pytest
from client_testing.samples import RUN_ID, a_run
from client_testing.server import PROBLEM, Answer, SmallGateway, problem
from headroom_servers.processes import free_port

from headroom.client import (
    Client,
    GatewayError,
    GatewayRefusedError,
    GatewayScenarioError,
    GatewayUnavailableError,
    Patience,
)
from headroom_common.errors import PermanentError, TransientError
from headroom_common.scenario import Scenario
from headroom_common.scenario.problems import Problem
from headroom_gateway.domain.lives import RunState

RUN = f"/runs/{RUN_ID}"


@pytest.mark.parametrize("status", [429, 502, 503, 504])
async def test_what_may_pass_is_tried_again(client: Client, gateway: SmallGateway, status: int) -> None:
    gateway.on("GET", RUN, problem(status), problem(status), Answer(a_run()))
    assert (await client.runs.get(RUN_ID)).id == RUN_ID
    assert len(gateway.asked) == 3


async def test_a_lost_answer_is_asked_for_again(client: Client, gateway: SmallGateway) -> None:
    gateway.on("GET", RUN, Answer(a_run(), lost=True), Answer(a_run()))
    assert (await client.runs.get(RUN_ID)).id == RUN_ID


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 422, 500])
async def test_what_stays_wrong_is_asked_once(client: Client, gateway: SmallGateway, status: int) -> None:
    gateway.on("GET", RUN, problem(status, detail="Because."))
    with pytest.raises(GatewayError, match="Because") as caught:
        await client.runs.get(RUN_ID)
    assert caught.value.status == status
    assert len(gateway.asked) == 1


async def test_the_tries_of_a_post_share_an_idempotency_key_and_no_other_has_it(
    client: Client, gateway: SmallGateway, small_scenario: Scenario
) -> None:
    gateway.on("POST", "/runs", Answer(a_run(), 202, lost=True), problem(503), Answer(a_run(), 202))
    await client.runs.submit(small_scenario)
    await client.runs.submit(small_scenario)
    keys = [one.headers["Idempotency-Key"] for one in gateway.asked]
    assert len(keys) == 4
    assert len(set(keys[:3])) == 1
    assert keys[3] != keys[0]


async def test_what_the_first_try_deleted_is_deleted(client: Client, gateway: SmallGateway) -> None:
    gateway.on("DELETE", RUN, Answer({}, lost=True), problem(404))
    await client.runs.delete(RUN_ID)
    with pytest.raises(GatewayRefusedError):
        await client.runs.delete(RUN_ID)


async def test_patience_has_an_end(gateway: SmallGateway) -> None:
    gateway.on("GET", RUN, problem(503, "too-busy", "Too much to do."))
    patience = Patience(retries=0.05, base=0.01, cap=0.02)
    async with Client(gateway.url, patience=patience) as client:
        with pytest.raises(GatewayUnavailableError, match="Too much to do") as caught:
            await client.runs.get(RUN_ID)
    assert isinstance(caught.value, TransientError)
    assert caught.value.kind == "too-busy"
    assert len(gateway.asked) > 1


async def test_a_gateway_is_left_alone_for_as_long_as_it_asks(client: Client, gateway: SmallGateway) -> None:
    limited = problem(429, "rate-limited", "Slowly.")
    gateway.on("GET", RUN, Answer(limited.body, 429, PROBLEM, {"Retry-After": "1"}), Answer(a_run()))
    loop = asyncio.get_running_loop()
    began = loop.time()
    await client.runs.get(RUN_ID)
    assert loop.time() - began >= 1


async def test_who_asks_for_too_long_a_wait_is_not_waited_for(client: Client, gateway: SmallGateway) -> None:
    limited = problem(429, "rate-limited", "Slowly.")
    gateway.on("GET", RUN, Answer(limited.body, 429, PROBLEM, {"Retry-After": "3600"}))
    with pytest.raises(GatewayUnavailableError) as caught:
        await client.runs.get(RUN_ID)
    assert caught.value.delay == 3600
    assert len(gateway.asked) == 1


@pytest.mark.parametrize(
    ("told", "delay"),
    [("Sat, 21 Nov 2026 20:00:07 GMT", 7), ("soon", None), ("-1", None), ("", None), ("٣", None)],
)
async def test_a_date_says_how_long_to_wait_as_well(
    gateway: SmallGateway, told: str, delay: float | None
) -> None:
    headers = {"Retry-After": told.encode().decode("latin-1"), "Date": "Sat, 21 Nov 2026 20:00:00 GMT"}
    gateway.on("GET", RUN, Answer({}, 503, headers=headers))
    async with Client(gateway.url, patience=Patience(retries=0, asked=0)) as client:
        with pytest.raises(GatewayUnavailableError) as caught:
            await client.runs.get(RUN_ID)
    assert caught.value.delay == delay


async def test_nobody_there_is_told_with_the_address(no_login: object) -> None:
    assert no_login is not None
    url = f"http://127.0.0.1:{free_port()}"
    async with Client(url, patience=Patience(retries=0.05, base=0.01)) as client:
        with pytest.raises(GatewayUnavailableError, match=f"expected one at {url}, found none") as caught:
            await client.services()
    assert caught.value.status is None
    assert "gateway runs" in caught.value.next_step


async def test_a_gateway_that_says_nothing_is_given_up(gateway: SmallGateway) -> None:
    gateway.on("GET", RUN, Answer(b"{", held=True))
    async with Client(gateway.url, patience=Patience(answer=0.2, retries=0.0)) as client:
        with pytest.raises(GatewayUnavailableError, match="found none that answers"):
            await client.runs.get(RUN_ID)


async def test_problems_of_a_scenario_keep_their_places(
    client: Client, gateway: SmallGateway, small_scenario: Scenario
) -> None:
    fault = {
        "field": "spec.servers[0].cores",
        "message": "expected a whole number, found 'many'",
        "line": 9,
        "column": 14,
        "expected": "a whole number",
        "found": "'many'",
        "hint": "try 4",
        "from a later version": True,
    }
    gateway.on("POST", "/runs", problem(422, "invalid-scenario", "1 problem.", errors=[fault]))
    with pytest.raises(GatewayScenarioError) as caught:
        await client.runs.submit(small_scenario)
    expected = Problem("spec.servers[0].cores", 9, 14, "a whole number", "'many'", "try 4")
    assert caught.value.problems == [expected]
    assert isinstance(caught.value, PermanentError)
    assert f"\n  {expected}" in str(caught.value)


async def test_faults_of_a_request_are_listed_up_to_a_number(client: Client, gateway: SmallGateway) -> None:
    faults = [{"field": f"query.{number}", "message": "expected less"} for number in range(30)]
    gateway.on("GET", RUN, problem(422, detail="Not valid.", errors=faults))
    with pytest.raises(GatewayRefusedError) as caught:
        await client.runs.get(RUN_ID)
    assert "query.0: expected less" in str(caught.value)
    assert str(caught.value).endswith("and 10 more")
    assert caught.value.details is not None
    assert caught.value.details.request_id == "r-1"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer("<html>Bad gateway</html>", 502, "text/html"), "Bad Gateway"),
        (
            Answer("", 302, headers={"Location": "https://elsewhere/"}),
            "found a redirect to https://elsewhere/",
        ),
        (Answer("<html>Welcome</html>", kind="text/html"), "expected the answer of a gateway"),
        (Answer({"some": "thing"}), "expected the answer of a gateway"),
        (Answer("", 520), "status 520"),
    ],
)
async def test_what_stands_in_a_gateways_place_is_told(
    gateway: SmallGateway, answer: Answer, said: str
) -> None:
    gateway.on("GET", RUN, answer)
    async with Client(gateway.url, patience=Patience(retries=0.0)) as client:
        with pytest.raises(GatewayError, match=said):
            await client.runs.get(RUN_ID)


@pytest.mark.parametrize("what", ["result", "summary"])
@pytest.mark.parametrize("body", [b"[]", b"nothing", b'"text"'])
async def test_a_document_that_is_none_is_refused(
    client: Client, gateway: SmallGateway, what: str, body: bytes
) -> None:
    for path in ("results", "summary"):
        gateway.on("GET", f"{RUN}/{path}", Answer(body))
    with pytest.raises(GatewayRefusedError, match="expected the answer of a gateway"):
        await getattr(client, what)(RUN_ID)


async def test_the_key_goes_into_the_header_and_nowhere_else(
    client: Client, gateway: SmallGateway, secret: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    gateway.on("GET", RUN, problem(401, detail="No."))
    with pytest.raises(GatewayRefusedError) as caught:
        await client.runs.get(RUN_ID)
    assert gateway.asked[0].headers["Authorization"] == f"Bearer {secret}"
    assert secret not in caplog.text
    assert secret not in f"{caught.value!r}{caught.value}{caught.value.next_step}{client!r}"
    assert "HEADROOM_KEY" in caught.value.next_step


async def test_a_client_without_a_key_sends_none(gateway: SmallGateway) -> None:
    gateway.on("GET", RUN, Answer(a_run(RunState.RUNNING)))
    async with Client(gateway.url) as client:
        assert (await client.runs.get(RUN_ID)).state.active
    assert "Authorization" not in gateway.asked[0].headers


async def test_what_stays_on_this_machine_takes_no_proxy(
    gateway: SmallGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    gateway.on("GET", RUN, Answer(a_run()))
    async with Client(gateway.url, patience=Patience(retries=0.0)) as client:
        assert (await client.runs.get(RUN_ID)).id == RUN_ID
