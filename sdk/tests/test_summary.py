import io
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console

from headroom.cli.looks import bar
from headroom.cli.summary import cause_in_words, measured, print_summary, remarks_on
from headroom.result import Cause, Figure, Result

Documents = Callable[..., dict[str, Any]]
Consoles = Callable[[int], Console]


def page(document: dict[str, Any], console: Console) -> str:
    print_summary(console, Result(document))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
def test_the_verdict_comes_first_and_every_section_follows(
    documents: Documents, plain_console: Consoles, width: int
) -> None:
    text = page(documents(), plain_console(width))
    lines = text.splitlines()
    assert lines[0].startswith("✘ MISS  two-servers: 1 of 2 objectives missed")
    heads = ["Objectives", "Latency", "Outcomes per trial", "Servers", "What made the p99"]
    places = [text.index(head) for head in heads]
    assert places == sorted(places)
    assert max(map(len, lines)) <= min(width, 120)


def test_a_pass_says_how_many_objectives_hold(documents: Documents, plain_console: Consoles) -> None:
    text = page(documents(verdict="pass"), plain_console(80))
    assert text.startswith("✔ PASS  two-servers: all 2 objectives are met")


def test_without_objectives_there_is_neither_verdict_nor_table(
    documents: Documents, plain_console: Consoles
) -> None:
    text = page(documents(verdict="none", objectives=[]), plain_console(80))
    assert text.startswith("● DONE  two-servers: no objectives")
    assert "Objectives" not in text


def test_a_partial_result_says_so_under_the_verdict(documents: Documents, plain_console: Consoles) -> None:
    document = documents(partial={"trials_requested": 1000})
    lines = page(document, plain_console(80)).splitlines()
    assert lines[1].rstrip() == f"◐ PARTIAL  {document['trials']} of 1000 trials: the run was cancelled"
    assert "PARTIAL" not in page(documents(), plain_console(80))


def test_what_was_run_stands_under_the_verdict(documents: Documents, plain_console: Consoles) -> None:
    second = page(documents(), plain_console(100)).splitlines()[1].strip()
    assert second == "10 trials of 10 min, the first 30 s left out · 1,498,540 requests · seed 1"


def test_figures_and_intervals_are_shown_with_units(
    document: dict[str, Any], plain_console: Consoles
) -> None:
    text = page(document, plain_console(80))
    assert "p99        181 ms  177 … 185" in text
    assert "149,721    99.91 %" in text
    assert "62.4 %" in text
    assert "pool db" in text


def test_only_outcomes_that_happened_are_listed(document: dict[str, Any], plain_console: Consoles) -> None:
    text = page(document, plain_console(80))
    assert "dropped (link loss)" in text
    assert "refused" not in text


def test_the_causes_of_the_p99_are_in_words_largest_first(
    document: dict[str, Any], plain_console: Consoles
) -> None:
    text = page(document, plain_console(80))
    assert (
        text.index("app: waiting for pool db")
        < text.index("app: I/O")
        < text.index("app: waiting for a core")
    )
    assert "everything else" in text
    assert "link internet" not in text, "0.4 % is below what is worth a line"


def test_one_trial_has_no_interval_columns_and_says_why(
    documents: Documents, plain_console: Consoles
) -> None:
    text = page(documents(trials=1), plain_console(80))
    assert "% interval" not in text
    assert "One trial gives no intervals" in text
    assert "\nLatency  " in text, "the heading is not broken although its columns are narrow"
    assert "1 trial of 10 min" in text


def test_an_interval_across_the_threshold_is_called_not_certain(
    document: dict[str, Any], plain_console: Consoles
) -> None:
    document["objectives"][0]["certain"] = False
    text = page(document, plain_console(100))
    assert "not certain" in text
    assert "latency.p99 below 250ms: the interval reaches across the threshold" in text


def test_an_objective_without_a_value_says_that_there_is_nothing_to_measure(
    document: dict[str, Any], plain_console: Consoles
) -> None:
    document["objectives"][0]["value"] = {"value": None, "low": None, "high": None}
    assert "nothing to measure" in page(document, plain_console(100))


def test_a_run_without_any_answer_still_prints(document: dict[str, Any], plain_console: Consoles) -> None:
    nothing = {"value": None, "low": None, "high": None}
    document["latency"] = dict.fromkeys(document["latency"], nothing)
    document["anatomy"] = {"mean": {"total": None, "parts": []}, "p99": {"total": None, "parts": []}}
    document["outcomes"] = dict.fromkeys(document["outcomes"], nothing)
    text = page(document, plain_console(80))
    assert "No request ended well" in text
    assert "What made the p99" not in text


def test_a_broken_identity_is_reported(document: dict[str, Any]) -> None:
    document["checks"]["littles_law_residual"] = 1e-3
    assert any("Little's law" in remark for remark in remarks_on(Result(document)))


def test_hundreds_of_servers_show_the_fullest(document: dict[str, Any], plain_console: Consoles) -> None:
    template = document["servers"][1]
    document["servers"] = [
        template
        | {
            "name": f"app-{number}",
            "utilisation": {"value": number / 400, "low": None, "high": None},
            "queues": template["queues"] | {"pools": []},
        }
        for number in range(300)
    ]
    document["servers"][3] |= {"saturated": True, "bottleneck": "memory"}
    text = page(document, plain_console(80))
    assert "app-299" in text
    assert "app-3 " in text, "a saturated server is always shown"
    assert "app-4 " not in text
    assert "and 284 more" in text


def test_columns_that_say_nothing_are_left_out(document: dict[str, Any], plain_console: Consoles) -> None:
    for server in document["servers"]:
        server |= {"memory": None, "saturated": False, "queues": server["queues"] | {"pools": []}}
    text = page(document, plain_console(80))
    assert "memory" not in text
    assert "short of" not in text
    assert "in system" in text


def test_colours_are_used_on_a_terminal_only(document: dict[str, Any]) -> None:
    coloured = Console(
        file=io.StringIO(), width=80, force_terminal=True, color_system="standard", _environ={}
    )
    plain = Console(file=io.StringIO(), width=80, force_terminal=True, _environ={"NO_COLOR": "1"})
    assert "\x1b[1;31m✘ MISS" in page(document, coloured)
    assert "31m" not in page(document, plain)


@pytest.mark.parametrize(
    ("metric", "figure", "shown"),
    [
        ("latency.p99", Figure(0.2, 0.1, 0.3), ("200 ms", "100 … 300")),
        ("error_ratio", Figure(0.02, 0.01, 0.03), ("2.00 %", "1.00 … 3.00")),
        ("utilisation", Figure(0.5), ("50.0 %", "")),
        ("throughput", Figure(250.0, 240.0, 260.0), ("250/s", "240 … 260")),
    ],
)
def test_a_measurement_has_the_unit_of_its_metric(
    metric: str, figure: Figure, shown: tuple[str, str]
) -> None:
    assert measured(metric, figure) == shown


@pytest.mark.parametrize(
    ("cause", "server", "words"),
    [
        ("link:internet", None, "link internet"),
        ("pool_wait:db", "app", "app: waiting for pool db"),
        ("memory_wait", "app", "app: waiting for memory"),
        ("cpu_run", "app", "app: running on a core"),
        ("io", "app", "app: I/O"),
    ],
)
def test_causes_in_words(cause: str, server: str | None, words: str) -> None:
    assert cause_in_words(Cause(cause, server, Figure(0.1), 0.5)) == words


@given(st.floats(-0.5, 2), st.integers(1, 60))
def test_a_bar_has_its_width_whatever_the_share(share: float, width: int) -> None:
    text = bar(share, width, "red").plain
    assert len(text) == width
    assert set(text) <= {"█", "░"}


@given(st.floats(0, 1), st.floats(0, 1))
def test_more_is_never_a_shorter_bar(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert bar(low, 20, "").plain.count("█") <= bar(high, 20, "").plain.count("█")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(
    values=st.lists(st.none() | st.floats(0, 1e6), min_size=4, max_size=4),
    width=st.integers(40, 160),
    trials=st.integers(1, 20),
)
def test_any_figures_print_on_any_width(
    documents: Documents, plain_console: Consoles, values: list[float | None], width: int, trials: int
) -> None:
    def any_figure(value: float | None) -> dict[str, float | None]:
        return {"value": value, "low": value, "high": value}

    document = documents(trials=trials, error_ratio=any_figure(values[0]), throughput=any_figure(values[1]))
    document["servers"][0]["utilisation"] = any_figure(values[2])
    document["servers"][0]["queues"]["cpu"]["wait_mean"] = any_figure(values[3])
    lines = page(document, plain_console(width)).splitlines()
    assert max(map(len, lines)) <= min(width, 120)
