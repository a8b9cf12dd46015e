"""Pages, plots and tables of experiments: the answer, the same bytes, and every number in a table."""

from __future__ import annotations

import copy
import hashlib
import io
import json
import re
import subprocess
import sys
from itertools import cycle
from typing import Any

import pyarrow.parquet as pq
import pytest
from report_testing import experiments as made
from report_testing.pages import Node, captions, read, table

from headroom_analysis.report import experiments
from headroom_common.errors import PermanentError

Document = dict[str, Any]

DOCUMENTS = made.everything()
SMALL = {
    "rates": made.rates(3),
    "matrix": made.matrix(2, 2),
    "hypercube": made.hypercube(4),
    "capacity": made.capacity(),
    "comparison": made.comparison(),
    "morris": made.sensitivity(),
    "replications": made.replications() | {"result": None},
}
HOSTILE = "</svg><script>alert('&amp;\"')</script>\N{RIGHT-TO-LEFT OVERRIDE}$x^2$ {{ 7 * 7 }}\x00"


def page_of(document: Document) -> Node:
    return read(experiments.render_html(document))


def headline(page: Node) -> str:
    return page.all("h2", id="verdict")[0].text.replace("\N{NO-BREAK SPACE}", " ")


def said(page: Node) -> str:
    return page.text.replace("\N{NO-BREAK SPACE}", " ")


def with_everywhere(value: Any, hostile: str) -> Any:
    """A copy in which every text that people choose is hostile."""
    if isinstance(value, dict):
        kept = ("format", "kind", "metric", "path", "unit", "verdict", "operator", "cause", "method", "find")
        return {key: one if key in kept else with_everywhere(one, hostile) for key, one in value.items()}
    if isinstance(value, list):
        return [with_everywhere(one, hostile) for one in value]
    return f"{value}{hostile}" if isinstance(value, str) else value


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_page_is_well_formed_and_says_how_sure_it_is(name: str) -> None:
    page = page_of(DOCUMENTS[name])
    assert page.all("section", aria_labelledby="certainty")
    assert page.all("svg", role="img")
    assert "warm-up" in said(page)
    assert "trials" in page.all("section", aria_labelledby="certainty")[0].text
    ids = [node.attributes["id"] for node in page.walk() if "id" in node.attributes]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_page_loads_and_runs_nothing(name: str) -> None:
    text = experiments.render_html(DOCUMENTS[name])
    assert "default-src &#39;none&#39;" in text
    assert not re.search(r"<script|<img|<link rel=\"stylesheet|style=\"|url\((?!#)", text)


def test_other_processes_give_the_same_bytes() -> None:
    code = (
        "import hashlib, json, sys\n"
        "from headroom_analysis.report import experiments as e\n"
        "for d in json.load(sys.stdin).values():\n"
        "    for b in (e.render_html(d).encode(), e.parquet(d), *(e.plot(d, s) for s in e.PLOT_SUFFIXES)):\n"
        "        print(hashlib.sha256(b).hexdigest())\n"
    )
    chosen = {name: DOCUMENTS[name] for name in ("rates", "matrix", "capacity")}
    done = subprocess.run(  # noqa: S603 - our code
        [sys.executable, "-c", code], input=json.dumps(chosen), capture_output=True, text=True, check=True
    )
    here = []
    for one in chosen.values():
        plots = [experiments.plot(one, suffix) for suffix in experiments.PLOT_SUFFIXES]
        written = (experiments.render_html(one).encode(), experiments.parquet(one), *plots)
        here += [hashlib.sha256(content).hexdigest() for content in written]
    assert done.stdout.split() == here


def test_importing_the_package_loads_nothing_that_draws() -> None:
    code = (
        "import sys, headroom_analysis.report.experiments, headroom_analysis.report.experiments.answers\n"
        "print(sorted({'matplotlib', 'pyarrow', 'jinja2', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - as above
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_hostile_names_stay_words(name: str) -> None:
    document = with_everywhere(copy.deepcopy(DOCUMENTS[name]), HOSTILE)
    text = experiments.render_html(document)
    page = read(text)
    assert not page.all("script")
    assert "\x00" not in text
    assert "{{ 7" in page.text or "{{ 7" in text
    assert experiments.plot(document, ".svg").startswith(b"<?xml")
    assert b"<script" not in experiments.plot(document, ".svg")


@pytest.mark.parametrize("name", SMALL)
def test_missing_parts_are_left_out(name: str) -> None:
    wrong = cycle((None, [], "x", 3, {}))
    for key in SMALL[name]:
        if key != "kind":
            text = experiments.render_html(SMALL[name] | {key: next(wrong)})
            assert text.startswith("<!DOCTYPE html>"), key


@pytest.mark.parametrize("name", SMALL)
def test_missing_parts_of_sections_and_points_are_left_out(name: str) -> None:
    document = SMALL[name]
    sections = ("sweep", "capacity", "comparison", "anatomy", "sensitivity", "replicate")
    for section in sections:
        for key in document.get(section, {}):
            less = {one: value for one, value in document[section].items() if one != key}
            assert experiments.render_html(document | {section: less}).startswith("<!DOCTYPE html>"), key
    for key in document["points"][0]:
        points = [{k: v for k, v in point.items() if k != key} for point in document["points"]]
        assert experiments.render_html(document | {"points": points}).startswith("<!DOCTYPE html>"), key
        assert experiments.parquet(document | {"points": points})


class TestAnswers:
    def test_a_sweep_says_where_the_objectives_hold(self) -> None:
        assert (
            headline(page_of(made.rates()))
            == "3 of 9 points meet the objectives: rate of shoppers of 600/s or less"
        )

    def test_a_capacity_search_says_how_much_room_there_is(self) -> None:
        expected = (
            "625/s is the largest rate of shoppers that meets the objectives: 25.0% above today's 500/s; "
            "the first to saturate is app's CPU"
        )
        page = page_of(made.capacity())
        assert headline(page).endswith(expected)
        assert "At 632.5/s, where objectives are missed first, app's CPU is 87% in use." in said(page)
        assert "Not certain" in said(page)

    def test_a_search_of_the_smallest_says_what_is_spare(self) -> None:
        four = made.value(made.REPLICAS, 4)
        document = made.capacity(
            path=made.REPLICAS,
            find="smallest",
            answer=four,
            today=made.value(made.REPLICAS, 6),
            headroom=0.5,
            first_to_saturate=None,
        )
        for point, number in zip(document["points"], (2, 3, 4, 5, 6, 7), strict=True):
            point["values"] = [made.value(made.REPLICAS, number)]
        expected = "number of replicas of app that meets the objectives: today's 6 is 50.0% more than needed"
        assert headline(page_of(document)).endswith(f"4 is the smallest {expected}")

    def test_a_search_that_found_nothing_says_so(self) -> None:
        page = page_of(made.capacity(answer=None, headroom=None))
        assert headline(page).endswith("No rate of shoppers from 1/s to 4000/s meets the objectives")
        assert "miss" in page.all("section", aria_labelledby="verdict")[0].classes

    def test_a_search_that_reached_its_end_says_so(self) -> None:
        page = page_of(made.capacity(bounded_by="search range", next=None))
        assert "It is the end of the range that was searched: a larger one may do as well." in said(page)

    def test_verdicts_that_turn_twice_are_told(self) -> None:
        assert "Not every value below the answer" in said(page_of(made.capacity(monotone=False)))

    def test_a_comparison_names_what_was_changed(self) -> None:
        assert (
            headline(page_of(made.comparison()))
            == "With policy round_robin, p99 latency is 25.0% lower: 225 ms instead of 300 ms"
        )

    def test_a_comparison_without_a_clear_difference(self) -> None:
        document = made.comparison()
        document["comparison"]["metrics"] = [made.compared("latency.p99", None, 0.3, 0.01, 0.05)]
        assert "does not differ beyond chance" in headline(page_of(document))

    def test_a_comparison_of_files_uses_their_names(self) -> None:
        document = made.comparison(("shop", "canary"))
        document["comparison"]["scenario_differences"] *= 2
        assert headline(page_of(document)).startswith("With canary, p99 latency")

    def test_a_sensitivity_names_what_matters(self) -> None:
        page = page_of(made.sensitivity())
        assert (
            headline(page)
            == "Rate of shoppers moves p99 latency most, then replicas of app and size of app db"
        )

    @pytest.mark.parametrize(
        ("precise", "expected"),
        [(True, "37 trials are enough for ±5.0%"), (False, "37 trials are not enough")],
    )
    def test_replications_say_whether_they_were_enough(self, precise: bool, expected: str) -> None:  # noqa: FBT001 - a case
        assert expected in headline(page_of(made.replications(precise=precise)))

    def test_a_state_that_did_not_settle_is_told(self) -> None:
        page = page_of(made.replications(settled=False))
        assert "no steady state within the horizon" in said(page)
        assert "It did not settle" in said(page)


class TestTables:
    def test_every_point_of_a_plot_is_a_row(self) -> None:
        rows = table(page_of(made.rates()), "Every point")
        assert [row[0] for row in rows[1:]] == [f"{400 + 100 * index}/s" for index in range(9)]
        assert "p99" in " ".join(rows[0])

    def test_every_utilisation_of_a_plot_is_in_a_table(self) -> None:
        rows = table(page_of(made.rates()), "Utilisation of servers")
        assert rows[0][1:] == ["app %", "db %"]
        assert len(rows) == 10

    def test_every_limit_of_a_plot_is_in_a_table(self) -> None:
        for document in (made.rates(), made.capacity()):
            rows = table(page_of(document), "Limits of the objectives")
            assert rows[1] == ["p99 latency", "below 250 ms"]

    def test_the_values_of_a_search_are_in_order_and_marked(self) -> None:
        rows = table(page_of(made.capacity()), "Every value that was tried")
        numbers = [float(row[0].removesuffix("/s")) for row in rows[1:]]
        assert numbers == sorted(numbers)
        assert [row[-1] for row in rows[1:]] == ["today", "answer", "first that misses", "", "", ""]

    def test_every_difference_is_a_row(self) -> None:
        rows = table(page_of(made.comparison()), "Every difference")
        assert [row[0] for row in rows[1:3]] == ["mean latency", "p99 latency"]
        assert [row[5] for row in rows[1:5]] == ["yes", "yes", "no", "no"]

    def test_trials_and_warm_up_of_every_point_are_told(self) -> None:
        page = page_of(made.capacity())
        assert "Trials and warm-up" in captions(page)
        assert "6 points of 10 to 40 trials each, 120 trials in all" in said(page)

    def test_more_points_than_a_page_holds_are_counted(self) -> None:
        page = page_of(made.hypercube(1_500))
        assert "Of 1,500 points 750 are shown" in said(page)


class TestParquet:
    def test_a_row_per_point_and_figure(self) -> None:
        document = made.matrix()
        read_back = pq.read_table(io.BytesIO(experiments.parquet(document)))
        assert read_back.column_names == [
            *("point", made.RATE, f"{made.RATE} (number)", made.REPLICAS, f"{made.REPLICAS} (number)"),
            *("trials", "verdict", "metric", "scope", "name", "statistic", "value", "low", "high", "unit"),
        ]
        rows = read_back.to_pylist()
        p99 = [row for row in rows if row["metric"] == "latency.p99" and row["statistic"] == "mean"]
        assert [row["point"] for row in p99] == list(range(20))
        assert p99[7]["value"] == document["points"][7]["figures"][3]["value"]
        assert p99[7][f"{made.RATE} (number)"] == document["points"][7]["values"][0]["number"]
        assert {row["name"] for row in rows if row["metric"] == "utilisation"} == {"app", "db"}

    def test_words_have_no_column_of_numbers(self) -> None:
        names = experiments.table(made.policies()).column_names
        assert made.POLICY in names
        assert f"{made.POLICY} (number)" not in names

    def test_the_file_says_what_it_is_about(self) -> None:
        metadata = json.loads(experiments.table(made.rates()).schema.metadata[b"headroom"])
        assert metadata["kind"] == "sweep"
        assert metadata["asked"]["trials"] == 10

    def test_nothing_is_a_table_too(self) -> None:
        assert experiments.table({}).num_rows == 0


class TestPlots:
    @pytest.mark.parametrize(
        ("suffix", "start"), [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF")]
    )
    def test_files_are_what_their_names_say(self, suffix: str, start: bytes) -> None:
        for document in DOCUMENTS.values():
            assert experiments.plot(document, suffix).startswith(start)

    def test_an_svg_needs_no_font(self) -> None:
        assert b"<text" not in experiments.plot(made.rates(), ".svg")

    def test_an_unknown_suffix_is_refused(self) -> None:
        with pytest.raises(
            PermanentError, match=r"expected a file that ends in \.png, \.svg, \.pdf, found '\.gif'"
        ):
            experiments.plot(made.rates(), ".gif")

    def test_nothing_to_draw_is_refused(self) -> None:
        with pytest.raises(PermanentError, match="expected an experiment with something to draw"):
            experiments.plot(made.rates() | {"points": []}, ".png")

    def test_one_point_is_a_plot(self) -> None:
        assert "1 point" in headline(page_of(made.rates(1)))
        assert experiments.plot(made.rates(1), ".png")

    @pytest.mark.parametrize(
        "document",
        [made.rates(1000, 990.0), made.hypercube(1000), made.matrix(40, 25)],
        ids=["line", "hypercube", "matrix"],
    )
    def test_a_thousand_points_make_a_page_of_bounded_size(self, document: Document) -> None:
        assert len(experiments.render_html(document)) < 4_000_000

    def test_a_plot_is_told_to_those_who_do_not_see_it(self) -> None:
        labels = [node.attributes["aria-label"] for node in page_of(made.rates()).all("svg", role="img")]
        told = labels[0].replace("\N{NO-BREAK SPACE}", " ")
        assert re.match(r"Latency over rate of shoppers: p99 \d+ ms to \d+ ms, mean", told)

    def test_verdicts_are_marks_not_colours_alone(self) -> None:
        page = page_of(made.matrix())
        assert "dot: objectives met; cross: missed" in page.text
