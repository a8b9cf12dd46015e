"""Two anatomies side by side: the parts, what only one has, and that they add up."""

from __future__ import annotations

import math
from typing import Any

import pytest
from analysis_testing.compared import SERVERS, run
from analysis_testing.runs import SCENARIO

from headroom_analysis.domain.anatomy_contrast import anatomy_contrast
from headroom_analysis.domain.layout import MOST_DETAILED

LINKS: list[dict[str, Any]] = SCENARIO["spec"]["links"]


@pytest.fixture(scope="module")
def anatomy() -> dict[str, Any]:
    """Of two runs of which each has a server that the other lacks."""
    workloads = [SCENARIO["spec"]["workloads"][0], SCENARIO["spec"]["workloads"][1] | {"entry": "warehouse"}]
    other = run(first=50, servers=[SERVERS[0], SERVERS[1] | {"name": "warehouse"}], workloads=workloads)
    return anatomy_contrast(run(), other)


@pytest.mark.parametrize("of", ["mean", "p99"])
def test_the_parts_add_up(anatomy: dict[str, Any], of: str) -> None:
    total, parts = anatomy[of]["total"], anatomy[of]["parts"]
    for side in ("a", "b", "difference"):
        assert math.fsum(part[side]["value"] for part in parts) == pytest.approx(
            total[side]["value"], rel=1e-9
        )


@pytest.mark.parametrize("of", ["mean", "p99"])
def test_the_largest_change_comes_first(anatomy: dict[str, Any], of: str) -> None:
    changes = [abs(part["difference"]["value"]) for part in anatomy[of]["parts"]]
    assert changes == sorted(changes, reverse=True)
    assert changes[0] > 0


def test_what_one_scenario_lacks_took_no_time_there(anatomy: dict[str, Any]) -> None:
    sides = {part["server"]: part for part in anatomy["mean"]["parts"] if part["cause"] == "io"}
    assert sides["store"]["b"] == {"value": 0.0, "low": 0.0, "high": 0.0}
    assert sides["store"]["difference"]["value"] == pytest.approx(-sides["store"]["a"]["value"])
    assert sides["warehouse"]["a"]["value"] == 0
    assert sides["app"]["a"]["value"] > 0


def test_a_run_beside_itself_did_not_change() -> None:
    anatomy = anatomy_contrast(run(), run())
    for of in ("mean", "p99"):
        assert not anatomy[of]["total"]["significant"]
        assert {part["difference"]["value"] for part in anatomy[of]["parts"]} == {0.0}


def test_links_too_many_to_be_told_apart_are_one_part() -> None:
    many = [*LINKS, *({"name": f"spare{number}", "delay": "1ms"} for number in range(MOST_DETAILED))]
    anatomy = anatomy_contrast(run(1), run(1, links=many))
    parts = {part["cause"]: part for part in anatomy["mean"]["parts"] if part["server"] is None}
    assert parts["link"]["a"]["value"] == 0
    assert parts["link:internet"]["b"]["value"] == 0
