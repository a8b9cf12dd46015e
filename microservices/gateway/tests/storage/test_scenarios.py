"""Stored scenarios: by the hash of what is in them, in pages, until no run uses them."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
import yaml
from gateway_testing.clocks import NOON
from gateway_testing.scenarios import SMALL, stored
from gateway_testing.storage import CALLER, Storage

from headroom_common.scenario.loading import load_scenario
from headroom_gateway.domain.cursors import Place
from headroom_gateway.errors import ConflictError, NotFoundError
from headroom_gateway.storage.scenarios import NewScenario
from headroom_gateway.storage.times import to_us


async def test_a_scenario_is_stored_once(storage: Storage) -> None:
    assert await storage.scenarios.add(stored(), CALLER, NOON)
    assert not await storage.scenarios.add(stored(), "key:another", NOON + timedelta(hours=1))
    found = await storage.scenarios.get(stored().id)
    assert (found.name, found.created_by, found.created_at) == ("small", CALLER, NOON)
    assert found.requests_per_trial == pytest.approx(40)
    assert found.warnings == []
    assert found.document == load_scenario(SMALL).scenario.canonical()


async def test_instances_that_store_one_scenario_at_once_agree(storage: Storage) -> None:
    added = await asyncio.gather(*(storage.scenarios.add(stored(), CALLER, NOON) for _ in range(8)))
    assert sorted(added) == [False] * 7 + [True]


def changed(**spec: Any) -> str:
    document = yaml.safe_load(SMALL)
    document["spec"] |= spec
    return yaml.safe_dump(document)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        (changed(), True),
        (changed(horizon="2000ms"), True),
        (changed(warmup="0s"), True),
        (f"# a remark\n{SMALL}", True),
        (changed(horizon="3s"), False),
        (SMALL.replace("small", "other"), False),
    ],
)
def test_equal_scenarios_have_equal_ids_however_they_are_written(text: str, *, same: bool) -> None:
    assert (NewScenario.of(load_scenario(text)).id == stored().id) is same


async def test_a_description_may_hold_any_character(storage: Storage) -> None:
    text = SMALL.replace("{name: small}", '{name: small, description: "a\\0b \\x01 \\U0001F600"}')
    new = NewScenario.of(load_scenario(text))
    await storage.scenarios.add(new, CALLER, NOON)
    found = await storage.scenarios.get(new.id)
    assert found.document["metadata"]["description"] == "a\0b \x01 \N{GRINNING FACE}"
    assert found.description == "ab \x01 \N{GRINNING FACE}", "in lists without what no database keeps"


async def test_what_is_not_there_is_told(storage: Storage) -> None:
    for call in (storage.scenarios.get, storage.scenarios.row, storage.scenarios.delete):
        with pytest.raises(NotFoundError, match=f"expected the id of a stored scenario, found {'0' * 64}"):
            await call("0" * 64)


async def test_a_scenario_is_deleted_when_no_run_uses_it(storage: Storage) -> None:
    run = await storage.accept()
    with pytest.raises(ConflictError, match="expected one that nothing uses"):
        await storage.scenarios.delete(stored().id)
    async with storage.database.transaction() as connection:
        await connection.exec_driver_sql("DELETE FROM runs")
    await storage.scenarios.delete(run.scenario_id)
    with pytest.raises(NotFoundError):
        await storage.scenarios.get(run.scenario_id)


async def test_pages_come_newest_first_and_cover_all_of_them_once(storage: Storage) -> None:
    moments = [NOON, NOON + timedelta(seconds=1), NOON + timedelta(seconds=1), NOON + timedelta(seconds=2)]
    made = [(moment, stored(f"s{number}")) for number, moment in enumerate(moments)]
    for moment, scenario in made:
        await storage.scenarios.add(scenario, CALLER, moment)
    newest_first = [scenario.id for _, scenario in sorted(made, key=lambda p: (p[0], p[1].id), reverse=True)]
    for limit in (1, 2, 3, 5):
        seen: list[str] = []
        after: Place | None = None
        while page := await storage.scenarios.page(after, limit):
            assert len(page) <= limit
            seen += [one.id for one in page]
            after = Place(to_us(page[-1].created_at), page[-1].id)
        assert seen == newest_first
