"""What an experiment found out, as a terminal shows it."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from headroom.cli.experiment_summary import print_experiment
from headroom.cli.looks import Column, fitted
from headroom.cli.units import interval_of_kind, of_kind, signed_interval
from headroom.result import Figure

sys.path.insert(0, str(Path(__file__).parents[2] / "microservices/analysis/tests/report"))

from report_testing import experiments as made

Document = dict[str, Any]
Consoles = Callable[[int], Console]

DOCUMENTS = made.everything()


def page(document: Document, console: Console) -> str:
    print_experiment(console, document)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
@pytest.mark.parametrize("name", DOCUMENTS)
def test_no_line_is_wider_than_the_terminal(name: str, width: int, plain_console: Consoles) -> None:
    lines = page(DOCUMENTS[name], plain_console(width)).splitlines()
    assert max(map(len, lines)) <= min(width, 120)
    assert lines[0][:2] in {"✔ ", "✘ ", "● "}


def test_the_answer_comes_first(plain_console: Consoles) -> None:
    lines = page(made.capacity(), plain_console(120)).splitlines()
    assert lines[0].startswith(
        "✔ 625/s is the largest rate of shoppers that meets the objectives: 25.0 % above today"
    )
    assert "app's CPU" in " ".join(lines[:2])


def test_what_was_run_and_how_sure_it_is_follow(plain_console: Consoles) -> None:
    text = page(made.capacity(), plain_console(120))
    assert "checkout · 6 points · 120 trials · " in text
    assert "10 … 40 trials a point · the first 30 s left out, by the scenario" in text


def test_a_search_lists_what_it_tried_in_order(plain_console: Consoles) -> None:
    lines = page(made.capacity(), plain_console(120)).splitlines()
    start = next(index for index, line in enumerate(lines) if line.startswith("rate of shoppers "))
    assert [line.split()[0] for line in lines[start + 1 :]] == [
        "500/s",
        "625/s",
        "632.5/s",
        "640/s",
        "750/s",
        "1000/s",
    ]
    assert lines[start + 2].rstrip().endswith("answer")
    assert "✘ ?" in lines[start + 3]


def test_points_are_rows_with_verdicts(plain_console: Consoles) -> None:
    lines = page(made.rates(), plain_console(120)).splitlines()
    rows = [line for line in lines if line.startswith(("400/s", "1200/s"))]
    assert "✔" in rows[0]
    assert "✘" in rows[1]
    assert "100 %" in rows[1]


def test_long_sweeps_are_shortened_and_say_so(plain_console: Consoles) -> None:
    text = page(made.rates(100, 900.0), plain_console(120))
    assert "34 of 100 points; --output sweep.html, .parquet or .json has them all" in text
    assert len(text.splitlines()) < 50


def test_differences_say_which_are_beyond_chance(plain_console: Consoles) -> None:
    lines = page(made.comparison(), plain_console(120)).splitlines()
    p99 = next(line for line in lines if line.startswith("p99 "))
    assert " ".join(p99.split()) == "p99 300 ms 225 ms -25.0 % -30.0 … -20.0 yes 0.0100"
    assert any(line.startswith("waiting for CPU, app") and "-30.0 ms" in line for line in lines)


def test_narrow_terminals_keep_the_figures(plain_console: Consoles) -> None:
    lines = page(made.comparison(), plain_console(60)).splitlines()
    assert any(line.startswith("p99 ") and "-25.0 %" in line for line in lines)


@pytest.mark.parametrize(("method", "title"), [("morris", "μ*"), ("sobol", "S1")])
def test_parameters_are_ranked(method: str, title: str, plain_console: Consoles) -> None:
    text = page(made.sensitivity(method), plain_console(120))
    assert title in text
    places = [text.index(f"\n{name}") for name in ("rate of shoppers", "replicas of app", "size of app db")]
    assert places == sorted(places)


def test_replications_end_with_the_page_of_the_run(plain_console: Consoles) -> None:
    text = page(made.replications(), plain_console(100))
    assert "37 trials, within 5.0 %" in text
    assert text.index("p99 latency") < text.index("What made the p99")
    assert "by MSER-5" in text


def test_names_are_words_not_markup(plain_console: Consoles) -> None:
    document = made.rates() | {"name": "[red]shop[/red]"}
    assert "[red]shop[/red]" in page(document, plain_console(120))


def test_missing_parts_are_left_out(plain_console: Consoles) -> None:
    for kind in ("replicate", "sweep", "capacity", "compare", "sensitivity", "unheard of"):
        assert page({"kind": kind, "name": "shop"}, plain_console(80))


def test_columns_that_can_be_spared_go_first() -> None:
    columns = [Column("needed", ["1"]), Column("first to go", ["2"], spare=2), Column("next", ["3"], spare=1)]
    titles = [
        [str(column.header) for column in fitted("a", ["b"], columns, width).columns]
        for width in (60, 26, 10)
    ]
    assert titles == [["a", "needed", "first to go", "next"], ["a", "needed", "next"], ["a", "needed"]]


@pytest.mark.parametrize(
    ("value", "kind", "expected", "interval"),
    [
        (0.25, "duration", "250 ms", "240 … 260"),
        (412.0, "rate", "412/s", "396 … 428"),
        (0.5, "ratio", "50.0 %", "48.0 … 52.0"),
        (2**31, "bytes", "2.00 GiB", "1.92 … 2.08"),
        (12.0, "number", "12.0", "11.5 … 12.5"),
    ],
)
def test_numbers_of_all_kinds(value: float, kind: str, expected: str, interval: str) -> None:
    assert of_kind(value, kind) == expected
    assert of_kind(None, kind) == "—"
    assert interval_of_kind(Figure(value, value * 0.96, value * 1.04), kind) == interval


def test_changes_have_their_signs() -> None:
    assert signed_interval(-0.031, 0.004) == "-3.1 … +0.4"
