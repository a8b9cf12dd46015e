"""Dashboards are complete and consistent, as far as this can be told without Grafana."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest
import yaml

from headroom_common import telemetry
from headroom_common.contracts.envelope import Envelope
from observability.__main__ import generated
from observability.logs import LEVELS
from observability.logs import SERVICES as LOGGED

ROOT: Final = Path(__file__).resolve().parents[2]
OBSERVABILITY: Final = ROOT / "observability"
PAGES: Final = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for path in sorted((OBSERVABILITY / "grafana/dashboards").glob("*.json"))
}
PANELS: Final = [
    pytest.param(page, panel, id=f"{name}: {panel['title']}")
    for name, page in PAGES.items()
    for panel in page["panels"]
    if panel["type"] != "row"
]
UNITS: Final = {"short", "none", "s", "ops", "reqps", "percentunit", "bytes"}
SOURCES: Final = {"prometheus": "prometheus", "loki": "loki"}

Json = dict[str, Any]


def test_what_is_committed_is_what_the_sources_say() -> None:
    stale = [path.name for path, text in generated().items() if path.read_text(encoding="utf-8") != text]
    assert stale == []


def test_pages_are_named_once_and_for_all() -> None:
    assert {name: (page["uid"], page["title"]) for name, page in PAGES.items()} == {
        "platform": ("headroom-platform", "Headroom platform"),
        "runs": ("headroom-runs", "Headroom runs"),
        "logs": ("headroom-logs", "Headroom logs"),
    }
    for page in PAGES.values():
        assert "id" not in page, "Grafana gives ids itself"
        assert not page["editable"]
        uids = {f"/d/{other['uid']}" for other in PAGES.values()}
        assert {link["url"] for link in page["links"]} <= uids


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_panels_fill_the_grid_without_covering_one_another(page: Json) -> None:
    places = [panel["gridPos"] for panel in page["panels"]]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    for one, other in combinations(places, 2):
        apart = any(
            first[start] + first[size] <= second[start]
            for first, second in ((one, other), (other, one))
            for start, size in (("x", "w"), ("y", "h"))
        )
        assert apart, (one, other)
    numbers = [panel["id"] for panel in page["panels"]]
    assert len(set(numbers)) == len(numbers)


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_titles_are_unique_within_their_row(page: Json) -> None:
    row, seen = "", set()
    for panel in page["panels"]:
        row = panel["title"] if panel["type"] == "row" else row
        assert (row, panel["title"]) not in seen
        seen.add((row, panel["title"]))


@pytest.mark.parametrize(("page", "panel"), PANELS)
def test_a_panel_says_what_it_means_and_asks_the_chosen_source(page: Json, panel: Json) -> None:
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
    (chosen,) = (one["query"] for one in page["templating"]["list"] if one["type"] == "datasource")
    assert panel["targets"]
    references = [target["refId"] for target in panel["targets"]]
    assert len(set(references)) == len(references)
    for asked in (panel, *panel["targets"]):
        assert asked["datasource"] == {"type": SOURCES[chosen], "uid": "${datasource}"}


@pytest.mark.parametrize(("page", "panel"), PANELS)
def test_a_panel_uses_variables_that_its_page_has(page: Json, panel: Json) -> None:
    known = {one["name"] for one in page["templating"]["list"]} | {"__rate_interval", "__auto", "datasource"}
    for target in panel["targets"]:
        # In a replacement of a label $1 is a group.
        assert set(re.findall(r"\$\{?([a-z_]+)", target["expr"])) <= known


def test_the_provisioned_sources_are_those_that_dashboards_ask() -> None:
    text = (OBSERVABILITY / "grafana/provisioning/datasources/datasources.yaml").read_text(encoding="utf-8")
    sources = yaml.safe_load(text)["datasources"]
    assert {source["type"]: source["uid"] for source in sources} == SOURCES
    configuration = yaml.safe_load((OBSERVABILITY / "prometheus/prometheus.yaml").read_text(encoding="utf-8"))
    interval = next(
        source["jsonData"]["timeInterval"] for source in sources if source["type"] == "prometheus"
    )
    assert interval == configuration["global"]["scrape_interval"]


def test_logs_keep_what_tells_lines_apart(envelope: Envelope) -> None:
    pipeline = (OBSERVABILITY / "alloy/pipeline.alloy").read_text(encoding="utf-8")
    kept = set(re.findall(r"^ {6}(\w+) += \"\",$", pipeline, flags=re.MULTILINE))
    assert set(telemetry.event_context(envelope)) - {"part"} <= kept
    assert {"level", "timestamp", "request_id", "instance"} <= kept


def test_the_page_of_logs_knows_all_services_and_levels() -> None:
    overlay = yaml.safe_load((OBSERVABILITY / "logs.yaml").read_text(encoding="utf-8"))
    assert set(overlay["services"]) == set(LOGGED)
    assert set(LEVELS) == set(telemetry._LEVELS)


@pytest.fixture
def envelope() -> Envelope:
    """The envelope of an event of a run."""
    run = UUID(int=1)
    return Envelope(
        id=UUID(int=2),
        source="/headroom/router/one",
        type="headroom.requests.routed.v1",
        subject=f"{run}/0/1/2",
        time=datetime(2026, 1, 1, tzinfo=UTC),
        datacontenttype="application/json",
        correlationid=run,
        causationid=UUID(int=3),
        traceparent=f"00-{run.hex}-{'1' * 16}-01",
    )
