"""The keys of a real issuer: fetched seldom, renewed in time, and what happens while it is away."""

import asyncio
from typing import Any

import pytest
from security_testing.clocks import HandClock
from security_testing.issuers import Issuer, public_jwk, rsa_key
from security_testing.verifying import Verifying, refused
from structlog.typing import EventDict


async def test_keys_are_fetched_once_and_again_when_they_are_old(
    issuer: Issuer, verifying: Verifying, clock: HandClock
) -> None:
    tokens = verifying.by(jwks_cache=300)
    for _ in range(3):
        await tokens.verify(issuer.token())
    assert issuer.fetches == 1
    clock.advance(301)
    await tokens.verify(issuer.token())
    assert issuer.fetches == 2


async def test_a_new_key_is_found_at_once_and_a_withdrawn_one_is_forgotten(
    issuer: Issuer, verifying: Verifying, clock: HandClock
) -> None:
    tokens = verifying.by()
    old = issuer.token()
    await tokens.verify(old)
    clock.advance(11)
    issuer.signing = rsa_key()
    issuer.keys = [public_jwk(issuer.signing, kid="second")]
    await tokens.verify(issuer.token(headers={"kid": "second"}))
    assert "found an unknown key" in (await refused(tokens, old)).detail


async def test_tokens_with_unknown_keys_cannot_make_it_ask_often(
    issuer: Issuer, verifying: Verifying, clock: HandClock
) -> None:
    tokens = verifying.by(jwks_pause=10)
    await tokens.verify(issuer.token())
    for number in range(50):
        await refused(tokens, issuer.token(headers={"kid": f"made-up-{number}"}))
        clock.advance(0.5)
    assert issuer.fetches <= 1 + 3


async def test_many_requests_at_once_ask_once(issuer: Issuer, verifying: Verifying) -> None:
    issuer.slowness = 0.05
    tokens = verifying.by()
    await asyncio.gather(*(tokens.verify(issuer.token()) for _ in range(40)))
    assert issuer.fetches == 1


async def test_one_request_renews_old_keys_and_the_others_do_not_wait(
    issuer: Issuer, verifying: Verifying, clock: HandClock
) -> None:
    tokens = verifying.by(jwks_cache=300)
    await tokens.verify(issuer.token())
    clock.advance(301)
    issuer.slowness = 30.0
    issuer.asked.clear()
    renewing = asyncio.create_task(tokens.verify(issuer.token()))
    await issuer.asked.wait()
    await tokens.verify(issuer.token())
    assert not renewing.done()
    renewing.cancel()
    await asyncio.wait({renewing})


async def test_known_keys_count_for_an_hour_without_their_issuer(
    issuer: Issuer, verifying: Verifying, clock: HandClock, log_lines: list[EventDict]
) -> None:
    tokens = verifying.by(jwks_cache=300)
    await tokens.verify(issuer.token())
    issuer.away = True
    clock.advance(301)
    await tokens.verify(issuer.token())
    assert "the keys of the OIDC issuer cannot be fetched" in [line["event"] for line in log_lines]
    clock.advance(3600)
    refusal = await refused(tokens, issuer.token())
    assert (refusal.status_code, refusal.slug) == (503, "unverifiable")
    issuer.away = False
    clock.advance(11)
    await tokens.verify(issuer.token())


async def test_without_its_issuer_no_token_can_be_verified(issuer: Issuer, verifying: Verifying) -> None:
    issuer.away = True
    refusal = await refused(verifying.by(), issuer.token())
    assert (refusal.status_code, refusal.slug) == (503, "unverifiable")
    assert refusal.headers == {"Retry-After": "1"}
    nobody = verifying.by(issuer="http://127.0.0.1:9")
    assert (await refused(nobody, issuer.token())).status_code == 503


async def test_a_slow_issuer_is_not_waited_for(issuer: Issuer, verifying: Verifying) -> None:
    issuer.slowness = 30.0
    assert (await refused(verifying.by(timeout=0.1), issuer.token())).status_code == 503


@pytest.mark.parametrize("keys", [{"no": "list"}, "text", ["x" * 2_000_000]])
async def test_a_key_set_that_is_none_changes_nothing(
    issuer: Issuer, verifying: Verifying, keys: Any
) -> None:
    issuer.keys = keys
    assert (await refused(verifying.by(), issuer.token())).status_code == 503
