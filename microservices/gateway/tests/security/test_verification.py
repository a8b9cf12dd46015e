"""API keys and a real database: valid, wrong, expired, revoked; what it is asked, and when it is gone."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest
from security_testing.apps import ADMIN_KEY
from security_testing.clocks import HandClock
from sqlalchemy import event
from structlog.typing import EventDict

from headroom_common.errors import TransientError
from headroom_common.service.problems import ProblemError
from headroom_gateway.errors import NotFoundError
from headroom_gateway.representations import Key, Scope
from headroom_gateway.security import verification
from headroom_gateway.security.counters import Counters
from headroom_gateway.security.keys import ApiKey
from headroom_gateway.security.rates import Limit
from headroom_gateway.security.verification import Verifier
from headroom_gateway.storage.database import Database
from headroom_gateway.storage.keys import Keys

HOME = "192.0.2.1"


@pytest.fixture
async def counters() -> AsyncIterator[Counters]:
    counters = Counters()
    yield counters
    await counters.close()


Verifiers = Callable[[Database], Verifier]


@pytest.fixture
def verifiers(clock: HandClock, counters: Counters) -> Verifiers:
    """Makes what verifies, as one instance of the gateway does."""

    def make(database: Database) -> Verifier:
        return Verifier(
            Keys(database),
            None,
            admin_key=ADMIN_KEY,
            failures=Limit("failures", 5, counters, now=clock.seconds),
            recheck=2.0,
            clock=clock,
        )

    return make


async def stored(
    database: Database, clock: HandClock, scope: Scope = Scope.RUN, days: float | None = None
) -> ApiKey:
    """Return a key that is in the database."""
    made = ApiKey.create()
    now = clock.now()
    ends = None if days is None else now + timedelta(days=days)
    key = Key(id=made.id, name="a key", scope=scope, created_at=now, created_by="tests", expires_at=ends)
    await Keys(database).add(key, made.digest)
    return made


async def refused(verifier: Verifier, credential: str, address: str = HOME) -> ProblemError:
    with pytest.raises(ProblemError) as caught:
        await verifier.verified(credential, address)
    assert credential not in f"{caught.value} {caught.value.detail} {caught.value.headers}"
    return caught.value


@pytest.mark.parametrize("scope", list(Scope))
async def test_a_stored_key_is_its_holders(
    any_database: Database, verifiers: Verifiers, clock: HandClock, scope: Scope
) -> None:
    key = await stored(any_database, clock, scope)
    principal = await verifiers(any_database).verified(key.text, HOME)
    assert (principal.name, principal.scope) == (f"key:{key.id}", scope)


async def test_the_admin_key_may_everything_and_is_not_looked_up(
    database: Database, verifiers: Verifiers
) -> None:
    verifier = verifiers(database)
    await database.close()
    principal = await verifier.verified(ADMIN_KEY, HOME)
    assert (principal.name, principal.scope) == ("key:admin", Scope.ADMIN)
    for wrong in (ADMIN_KEY[:-1], ADMIN_KEY + "0", ADMIN_KEY.upper(), "é" * 40):
        assert (await refused(verifier, wrong, wrong)).status_code == 401


async def test_wrong_keys_are_refused_alike(
    database: Database, verifiers: Verifiers, clock: HandClock
) -> None:
    key = await stored(database, clock)
    other = ApiKey.create()
    wrong = [
        other.text,
        ApiKey(key.id, other.secret).text,
        ApiKey(other.id, key.secret).text,
        key.text[:-1],
        f"hr_{key.id}_",
        f"hr_' OR 1=1 --_{key.secret}",
        "../../etc/passwd",
        "hr_",
    ]
    verifier = verifiers(database)
    refusals = [await refused(verifier, text, text) for text in wrong]
    assert {refusal.detail for refusal in refusals} == {verification._WRONG_KEY}
    assert {refusal.status_code for refusal in refusals} == {401}


async def test_known_and_unknown_keys_are_compared_in_the_same_way(
    database: Database, verifiers: Verifiers, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[tuple[bytes, bytes]] = []
    compare = verification.compare_digest

    def watched(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return compare(one, other)

    monkeypatch.setattr(verification, "compare_digest", watched)
    key = await stored(database, clock)
    verifier = verifiers(database)
    lengths = []
    for text in (key.text, ApiKey(key.id, ApiKey.create().secret).text, ApiKey.create().text):
        compared.clear()
        try:
            await verifier.verified(text, HOME)
        except ProblemError as error:
            assert error.status_code == 401  # noqa: PT017 - one of three is accepted
        lengths.append([(len(one), len(other)) for one, other in compared])
    assert lengths == [[(32, 32), (32, 32)]] * 3


async def test_an_expired_key_is_refused_from_the_moment_on(
    any_database: Database, verifiers: Verifiers, clock: HandClock
) -> None:
    key = await stored(any_database, clock, days=1)
    verifier = verifiers(any_database)
    clock.advance(86_399)
    await verifier.verified(key.text, HOME)
    clock.advance(1)
    assert "expected one that has not expired" in (await refused(verifier, key.text)).detail


async def test_a_revoked_key_ends_at_once_here_and_within_seconds_elsewhere(
    any_database: Database, verifiers: Verifiers, clock: HandClock
) -> None:
    key = await stored(any_database, clock)
    here, elsewhere = verifiers(any_database), verifiers(any_database)
    for verifier in (here, elsewhere):
        await verifier.verified(key.text, HOME)
    await Keys(any_database).delete(key.id)
    here.forget()
    assert (await refused(here, key.text)).status_code == 401
    clock.advance(2)
    assert (await refused(elsewhere, key.text)).status_code == 401
    with pytest.raises(NotFoundError, match="expected the id of an API key"):
        await Keys(any_database).delete(key.id)


async def test_the_database_is_asked_once_in_a_while_and_told_once_an_hour(
    database: Database, verifiers: Verifiers, clock: HandClock
) -> None:
    key = await stored(database, clock)
    verifier = verifiers(database)
    statements: list[str] = []
    for engine in (database._reading, database._writing):
        event.listen(
            engine.sync_engine, "before_cursor_execute", lambda *given: statements.append(given[2].split()[0])
        )
    for _ in range(50):
        await verifier.verified(key.text, HOME)
    assert statements == ["SELECT", "BEGIN", "UPDATE"]
    hour = clock.now().replace(minute=0, second=0, microsecond=0)
    assert [found.last_used_at for found in await Keys(database).list()] == [hour]
    statements.clear()
    clock.advance(3600)
    await verifier.verified(key.text, HOME)
    clock.advance(3)
    await verifier.verified(key.text, HOME)
    assert statements == ["SELECT", "BEGIN", "UPDATE", "SELECT"]


async def test_what_is_remembered_is_bounded(
    database: Database, verifiers: Verifiers, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "MOST_REMEMBERED", 3)
    verifier = verifiers(database)
    for _ in range(5):
        await verifier.verified((await stored(database, clock)).text, HOME)
    assert len(verifier._known) == 3


async def test_who_shows_many_wrong_keys_is_not_listened_to_for_a_while(
    database: Database, verifiers: Verifiers, clock: HandClock
) -> None:
    verifier = verifiers(database)
    right = await stored(database, clock)
    known = await stored(database, clock)
    await verifier.verified(known.text, HOME)
    for _ in range(5):
        assert (await refused(verifier, ApiKey.create().text)).status_code == 401
    assert (await refused(verifier, right.text)).status_code == 429
    await verifier.verified(known.text, HOME)  # was verified a moment ago
    await verifier.verified(right.text, "192.0.2.2")
    clock.advance(60)
    await verifier.verified(right.text, HOME)


async def test_a_database_that_is_away_is_no_wrong_key(
    database: Database,
    verifiers: Verifiers,
    clock: HandClock,
    log_lines: list[EventDict],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    key = await stored(database, clock)
    verifier = verifiers(database)
    private = "connection to server at 10.1.2.3 failed"

    async def away(*_: object) -> None:
        raise TransientError(private)

    with monkeypatch.context() as patched:
        patched.setattr(Keys, "note_use", away)
        await verifier.verified(key.text, HOME)
        assert [line["event"] for line in log_lines] == ["the use of an API key is not noted"]
        verifier.forget()
        patched.setattr(Keys, "find", away)
        for _ in range(10):
            refusal = await refused(verifier, key.text)
            assert (refusal.status_code, refusal.slug) == (503, "unverifiable")
            assert private not in refusal.detail
    await verifier.verified(key.text, HOME)
    assert key.secret not in f"{log_lines}"
