"""What each section says, read from the page."""

import re
from typing import Any

import pytest
import yaml
from report_testing.documents import figure, plain_server
from report_testing.pages import captions, read, section, table

from headroom_analysis.report import causes, fleet, overview, render_html, source, traffic
from headroom_analysis.report.formatting import NBSP
from headroom_analysis.report.plots.canvas import Sheet

Document = dict[str, Any]


def page_of(result: Document) -> Any:
    """The page without the panels of the servers, which take most of its making."""
    return read(render_html(result | {"series": result["series"] | {"servers": []}}))


def test_a_partial_result_says_how_much_of_its_run_it_holds(result: Document) -> None:
    assert overview.partial(result) == ""
    assert "partial" not in re.sub(r"<style>.*?</style>", "", render_html(result), flags=re.DOTALL)
    result["partial"] = {"trials_requested": 1000}
    assert overview.facts(result)[0].replace(NBSP, " ") == "10 of 1,000 trials"
    page = render_html(result).replace(NBSP, " ")
    assert "partial: 10 of 1,000 trials" in page
    assert ", partial (Headroom)</title>" in page


def test_facts_and_cards(result: Document) -> None:
    facts = [fact.replace(NBSP, " ") for fact in overview.facts(result)]
    assert facts == ["10 trials", "10 min each", "30 s warm-up left out", "5,134,520 requests", "seed 42"]
    cards = {card.title: (card.value.replace(NBSP, " "), card.tone) for card in overview.cards(result)}
    assert cards["p99 latency"] == ("269 ms", "")
    assert cards["CPU of app"] == ("96.7%", "bad")
    assert list(cards) == [
        "p50 latency",
        "p95 latency",
        "p99 latency",
        "throughput",
        "arrival rate",
        "error ratio",
        "CPU of app",
    ]


def test_objectives_with_margin_and_certainty(result: Document) -> None:
    rows = table(page_of(result), "Objectives")
    assert rows[0] == ["Objective", "Verdict", "Measured", "Interval", "Limit", "Margin", "Certain"]
    assert rows[1][:3] == ["latency.p99 below 250ms", "missed", "269 ms"]
    assert rows[1][-2:] == ["\N{MINUS SIGN}7.6%", "not yet"]
    assert rows[3][-3:] == ["at least 850/s", "+5.7%", "yes"]


def test_latency_of_several_workloads_and_endpoints(result: Document) -> None:
    result["workloads"].append({**result["workloads"][0], "name": "robots"})
    result["endpoints"].append({**result["endpoints"][0], "name": "/pay"})
    page = page_of(result)
    names = [row[0] for row in table(page, "Latency of answered requests")[1:]]
    assert names == [
        "all requests",
        "workload shoppers",
        "workload robots",
        "endpoint /cart",
        "endpoint /pay",
    ]
    assert len(table(page, "Throughput and errors by workload and endpoint")) == 5


def test_one_workload_is_not_repeated(result: Document) -> None:
    page = page_of(result)
    assert [row[0] for row in table(page, "Latency of answered requests")[1:]] == ["all requests"]
    assert "Throughput and errors by workload and endpoint" not in captions(page)


def test_every_bar_of_the_histogram_is_in_the_table(result: Document) -> None:
    rows = table(page_of(result), "Requests by latency, all trials")[1:]
    counted = sum(int(row[2].replace(",", "")) for row in rows)
    assert counted == sum(bar["count"] for bar in result["latency"]["histogram"])


def test_histogram_bars_that_make_no_sense_are_skipped(result: Document) -> None:
    result["latency"]["histogram"] = [
        {"low": 0.1, "high": 0.05, "count": 3},
        {"low": None, "high": 1.0, "count": 3},
        {"low": 0.1, "high": 0.2, "count": 0},
        {"low": 0.2, "high": 0.3, "count": 4},
    ]
    assert len(table(page_of(result), "Requests by latency, all trials")) == 2


def test_limits_of_other_scopes_are_not_drawn(result: Document) -> None:
    assert overview.distribution(result, Sheet()).limited
    result["objectives"][0]["scope"] = {"server": "app"}
    assert not overview.distribution(result, Sheet()).limited


def test_outcomes_with_shares(result: Document) -> None:
    rows = table(page_of(result), "How the requests ended")
    assert rows[1][0] == "Answered (ok)"
    assert rows[1][-1] == "99.698"
    assert [row[0].split("(")[1].rstrip(")") for row in rows[1:]] == [
        "ok",
        "dropped",
        "refused",
        "shed",
        "timed out",
    ]


def test_causes_in_the_order_of_a_requests_way(result: Document) -> None:
    found = causes.causes_of(result)
    assert [cause.words for cause in found] == [
        "on link internet",
        "on link lan",
        "waiting for memory, app",
        "waiting for pool db, app",
        "waiting for CPU, app",
        "running on CPU, app",
        "in I/O, app",
    ]
    assert [cause.swatch for cause in found][:3] == ["sky-0", "sky-1", "purple-0"]


def test_the_anatomy_table_has_every_number_of_the_plot(result: Document) -> None:
    rows = table(page_of(result), "Time per request by cause, the tail's largest first")
    assert rows[1][0] == "waiting for CPU, app"
    assert rows[1][2] == "37.0"
    assert rows[1][4] == "72.0"
    assert rows[-1][0] == "Latency"
    assert len(rows) == 1 + 7 + 1


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ({"cause": "link:lan", "server": None, "share": 0.5}, "50% of their time on link lan."),
        (
            {"cause": "pool_wait:db", "server": "api", "share": 1.0},
            " waiting for pool db at api.",
        ),
        ({"cause": "new_cause", "server": None, "share": 0.5}, "spend 50% of their time new cause."),
    ],
)
def test_what_the_tail_waits_for_is_said_in_a_sentence(part: Document, expected: str) -> None:
    assert causes.tail_sentence({"anatomy": {"p99": {"parts": [part]}}}).endswith(expected)
    assert causes.tail_sentence({}) == ""


def test_many_causes_are_gathered_in_the_plot_and_listed_in_the_table(result: Document) -> None:
    parts = [
        {"cause": "cpu_wait", "server": f"s{index}", "seconds": figure(0.001 * (index + 1)), "share": 0.01}
        for index in range(80)
    ]
    result["anatomy"] = {"mean": {"total": 3.24, "parts": parts}, "p99": {"total": 3.24, "parts": parts}}
    found = causes.anatomy(result, Sheet())
    assert found.legend[-1].words == "67 others"
    assert sum(cause.seconds["mean"].value or 0.0 for cause in found.legend) == pytest.approx(3.24)
    page = page_of(result)
    assert len(table(page, "Time per request by cause, the tail's largest first")) == 1 + 60 + 1
    assert "20 rows not shown" in section(page, "anatomy").text.replace(NBSP, " ")


def test_an_anatomy_without_a_tail(result: Document) -> None:
    result["anatomy"]["p99"] = {"total": None, "parts": []}
    rows = table(page_of(result), "Time per request by cause, the tail's largest first")
    assert rows[0] == ["Cause", "All requests ms", "Share %"]


def test_faults_have_a_legend(result: Document) -> None:
    page = page_of(result)
    listed = [node.text for node in section(page, "traffic").all("ol")[0].all("li")]
    assert listed == [
        "1 server down: app (replica 0), 4 min \N{EN DASH} 5 min",
        "2 slower link: internet, 7 min \N{EN DASH} 7 min 45 s",
    ]


@pytest.mark.parametrize(
    ("fault", "spans"),
    [
        ({"kind": "link_loss", "link": "lan", "start": "5m"}, [(300.0, 600.0)]),
        ({"kind": "link_loss", "link": "lan", "start": "590s", "duration": "1m"}, [(590.0, 600.0)]),
        ({"kind": "link_loss", "link": "lan", "start": "700s", "end": "800s"}, []),
        ({"kind": "link_loss", "link": "lan", "start": "soon"}, []),
        ({"kind": "link_loss", "link": "lan"}, []),
    ],
)
def test_faults_are_cut_at_the_horizon(
    result: Document, fault: Document, spans: list[tuple[float, float]]
) -> None:
    result["scenario"]["spec"]["faults"] = [fault]
    frame, legend = traffic.frame_of(result)
    assert frame is not None
    assert [(span.start, span.end) for span in frame.spans] == spans
    assert len(legend) == len(spans)


def test_numbers_over_time_are_thinned_in_the_table(result: Document) -> None:
    page = page_of(result)
    assert len(table(page, "Throughput and errors over time")) <= 61
    assert "rows not shown" in section(page, "traffic").text.replace(NBSP, " ")


def test_no_errors_need_no_plot(result: Document) -> None:
    result["series"]["errors"] = [0.0] * len(result["series"]["times"])
    found = section(page_of(result), "traffic")
    assert "No request failed." in found.text
    assert len(found.all("svg")) == 1


def test_series_of_unequal_length(result: Document) -> None:
    result["series"]["errors"] = result["series"]["errors"][:10]
    assert len(table(page_of(result), "Throughput and errors over time")) == 11


def test_servers_the_fullest_first(result: Document) -> None:
    result["servers"] = [
        plain_server("idle", 1, 0.1),
        plain_server("busy", 4, 0.99),
        plain_server("warm", 1, 0.6),
    ]
    rows = table(page_of(result), "Servers, the fullest first")
    assert [row[0].split()[0] for row in rows[1:]] == ["busy", "warm", "idle"]
    assert [row[1] for row in rows[1:]] == ["CPU", "no", "no"]
    assert "Fullest replica %" in rows[0]


def test_a_saturated_server_without_a_bottleneck(result: Document) -> None:
    result["servers"][0]["bottleneck"] = None
    assert table(page_of(result), "Servers, the fullest first")[1][1] == "yes"


def test_pools_and_memory_have_tables_of_their_own(result: Document) -> None:
    page = page_of(result)
    assert table(page, "Pools")[1][:2] == ["app \N{EN DASH} db", "12"]
    assert table(page, "Memory")[0][:3] == ["Server", "Capacity GiB", "In use, mean GiB"]
    assert len(table(page, "Replicas")) == 4


def test_panels_of_a_replica(result: Document) -> None:
    found = fleet.fleet(result, Sheet(), traffic.frame_of(result)[0])
    assert [strip.name for strip in found.strips] == ["app, replica 0", "app, replica 1", "app, replica 2"]
    titles = [panel.title for panel in found.strips[0].panels]
    assert titles == ["Ready queue", "Busy cores", "In I/O", "Memory in use", "Pool db in use"]
    assert found.left_out == 0


def test_what_is_never_used_has_no_panel(result: Document) -> None:
    for entry in result["series"]["servers"]:
        entry |= {"io": [0.0] * 301, "memory": [0.0] * 301, "pools": {}, "ready": [0.0] * 301}
    found = fleet.fleet(result, Sheet(), traffic.frame_of(result)[0])
    assert [panel.title for panel in found.strips[0].panels] == ["Ready queue", "Busy cores"]


def test_a_group_sampled_as_one_has_the_capacity_of_all(result: Document) -> None:
    entry = result["series"]["servers"][1] | {"replica": None}
    lines = dict(fleet._lines(entry, result["servers"][0], "s"))
    assert lines["Busy cores"].limit == 6.0
    assert lines["Pool db in use"].limit == 36.0
    assert fleet._title(entry, result["servers"][0]) == "app, 3 replicas together"


def test_links(result: Document) -> None:
    page = page_of(result)
    assert [row[0] for row in table(page, "Links")[1:]] == ["internet", "lan"]
    titles = [node.text.split(" max")[0] for node in section(page, "links").all("figcaption")]
    assert titles == ["internet", "lan"]


def test_many_links_are_left_out(result: Document) -> None:
    entry = result["series"]["links"][0]
    result["series"]["links"] = [entry | {"name": f"l{index}"} for index in range(20)]
    found = fleet.links(result, Sheet(), traffic.frame_of(result)[0])
    assert (len(found.panels), found.left_out) == (12, 8)


def test_the_scenario_reads_back_as_the_users_yaml(result: Document) -> None:

    shown = page_of(result).all("code")[0]
    assert yaml.safe_load("".join(shown.pieces)) == result["scenario"]


def test_keys_of_the_scenario_are_set_apart(result: Document) -> None:
    keys = [node.text for node in page_of(result).all("span") if "key" in node.classes]
    assert keys[:5] == ["apiVersion:", "kind:", "metadata:", "name:", "description:"]


def test_a_long_trace_is_cut(result: Document) -> None:
    result["scenario"]["spec"]["workloads"][0]["arrivals"] = {"kind": "trace", "times": ["1ms"] * 5000}
    found = source.source(result)
    assert found.shortened
    assert "4,980 more" in "".join(line.rest for line in found.lines)
    assert "Long lists are cut" in section(page_of(result), "scenario").text


def test_repeated_parts_are_written_in_full() -> None:
    part = {"distribution": "exponential", "mean": "1ms"}
    lines = source.source({"scenario": {"a": part, "b": part}}).lines
    assert not any("&" in line.rest or "*" in line.rest for line in lines)


def test_method_notes_say_what_an_interval_is(result: Document) -> None:
    notes = " ".join(source.notes(result))
    assert "mean over 10 trials" in notes
    assert "95% Student-t confidence interval" in notes
    assert "sojourns exactly." in notes
    assert "relative difference 2.0e-10" in " ".join(
        source.notes({"checks": {"littles_law_residual": 2e-10}})
    )
    assert "have no intervals" in source.notes({"trials": 1})[0]


def test_identity_is_what_one_needs_to_get_the_same_bytes(result: Document) -> None:
    found = dict(source.identity(result))
    assert found["Seed"] == "42"
    assert found["Scenario hash"] == result["scenario_hash"]
    assert found["Engine"] == "0.1.0"
    assert "Seed" not in dict(source.identity({}))
