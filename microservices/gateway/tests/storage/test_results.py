"""Stored results: by their hash, once each, kept while a run refers to them."""

import json
import zlib
from dataclasses import replace

import pytest
from gateway_testing.scenarios import result
from gateway_testing.storage import Storage

from headroom_common.result_format import published
from headroom_gateway.domain.lives import Completed
from headroom_gateway.errors import NoResultError
from headroom_gateway.storage.results import Identity, LocalHotSet, NewResult, Results
from headroom_gateway.storage.schema import results

IDENTITY = Identity("a" * 64, seed=1, trials=3, confidence=0.95)


async def test_a_document_comes_back_as_it_is_published(storage: Storage) -> None:
    run = await storage.accept()
    kept = await storage.keep(result(), run)
    again = await storage.keep(result(), run)
    assert again.hash == kept.hash
    assert await storage.count(results) == 1
    document = await Results(storage.database, LocalHotSet()).document(kept.hash)
    assert document == published(result())
    assert json.loads(document) == result()
    assert kept.row["size"] == len(document)


async def test_a_document_is_read_once_and_kept_close(storage: Storage) -> None:
    hot = LocalHotSet()
    kept = await storage.keep(result(), await storage.accept())
    stored = Results(storage.database, hot)
    first = await stored.document(kept.hash)
    assert zlib.decompress(await hot.get(kept.hash) or b"") == first
    async with storage.database.transaction() as connection:
        await connection.execute(results.delete())
    assert await stored.document(kept.hash) == first
    with pytest.raises(NoResultError, match="expected a stored one, found that it has been removed"):
        await Results(storage.database, LocalHotSet()).document(kept.hash)


async def test_documents_that_no_run_refers_to_are_removed(storage: Storage) -> None:
    run = await storage.running()
    used, unused = await storage.keep(result(), run), await storage.keep(result(seed=2), run)
    await storage.tell(run.id, Completed(used.hash))
    async with storage.database.transaction() as connection:
        await storage.results.remove_unused(connection)
    assert await storage.count(results) == 1
    await storage.results.document(used.hash)
    with pytest.raises(NoResultError):
        await storage.results.document(unused.hash)


@pytest.mark.parametrize(
    "other",
    [
        Identity("b" * 64, seed=1, trials=3, confidence=0.95),
        Identity("a" * 64, seed=2, trials=3, confidence=0.95),
        Identity("a" * 64, seed=1, trials=4, confidence=0.95),
        Identity("a" * 64, seed=1, trials=3, confidence=0.9500000000000001),
    ],
)
def test_whatever_decides_a_result_is_in_its_key(other: Identity) -> None:
    assert other.cache_key("0.1.0") != IDENTITY.cache_key("0.1.0")
    assert IDENTITY.cache_key("0.1.1") != IDENTITY.cache_key("0.1.0")
    assert IDENTITY.cache_key("0.1.0") == replace(IDENTITY).cache_key("0.1.0")


async def test_a_partial_result_says_so_in_its_row() -> None:
    row = (await NewResult.of(result(1, partial=True), IDENTITY)).row
    assert (row["partial"], row["cache_key"], row["trials"]) == (True, None, 1)


async def test_the_local_hot_set_keeps_the_latest_ones() -> None:
    hot = LocalHotSet(kept_bytes=10)
    await hot.put("a", b"1234")
    await hot.put("b", b"1234")
    assert await hot.get("a") == b"1234"
    await hot.put("c", b"1234")
    assert [await hot.get(name) for name in "abc"] == [b"1234", None, b"1234"]
    await hot.put("c", b"another")
    assert await hot.get("c") == b"1234", "a name stands for one content"
    await hot.put("d", b"more than it holds")
    assert [await hot.get(name) for name in "acd"] == [None, None, None]
    await hot.put("e", b"1234")
    assert await hot.get("e") == b"1234"
    await hot.close()
    assert await hot.get("e") is None
