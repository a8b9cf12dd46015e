import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from headroom.cli.display import RunDisplay, detail
from headroom.progress import Pace, Progress


def at(simulated: float, *, requests: int = 0, done: int = 0) -> Progress:
    return Progress(trials_done=done, trials=10, requests=requests, simulated=simulated, total=6000.0)


def test_nothing_is_known_before_two_reports() -> None:
    pace = Pace()
    assert pace.requests_per_second is None
    assert pace.seconds_left is None
    pace.observe(5.0, at(100))
    assert pace.requests_per_second is None
    assert pace.seconds_left is None


def test_speed_counts_from_the_first_report_on() -> None:
    pace = Pace()
    pace.observe(30.0, at(600, requests=1_000))
    pace.observe(32.0, at(1800, requests=5_000))
    assert pace.requests_per_second == 2_000
    assert pace.seconds_left == pytest.approx(4200 / 600)


@given(st.lists(st.tuples(st.floats(0.01, 10), st.floats(0.1, 500)), min_size=2, max_size=20))
def test_the_time_left_is_never_negative(steps: list[tuple[float, float]]) -> None:
    pace, now, simulated = Pace(), 0.0, 0.0
    for seconds, advance in steps:
        now, simulated = now + seconds, simulated + advance
        pace.observe(now, at(simulated))
    assert pace.seconds_left is not None
    assert pace.seconds_left >= 0


def test_a_run_with_all_trials_done_is_done_whatever_was_simulated() -> None:
    assert at(10.0, done=10).share == 1.0
    assert at(7000.0).share == 1.0
    assert at(3000.0).share == 0.5


def test_the_figures_behind_the_bar() -> None:
    pace = Pace()
    pace.observe(0.0, at(0.0))
    pace.observe(2.0, at(1200.0, requests=512_000, done=2))
    shown = detail(at(1200.0, requests=512_000, done=2), pace, wide=False)
    assert shown == "20 % · 20 min · 512k requests · 256k/s · 8 s left"
    assert "20 min of 1 h 40 min simulated" in detail(at(1200.0), pace, wide=True)


def test_a_terminal_shows_a_line_that_is_gone_afterwards() -> None:
    console = Console(file=io.StringIO(), width=80, force_terminal=True, _environ={})
    with RunDisplay(console, shown=True) as display:
        display.phase("compiling kernels (first run only)")
        display.progressed(at(1200.0, done=2))
        display.progressed(at(2400.0, done=4))
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert "compiling kernels" in text
    assert "0 s" in text, "how long it takes is unknown, so the time that has passed is shown"
    assert "trials 4/10" in text
    assert text.endswith("\x1b[2K") or "\x1b[1A\x1b[2K" in text[-40:], "the line is wiped"


@pytest.mark.parametrize(("terminal", "shown"), [(False, True), (True, False)])
def test_without_a_terminal_or_when_unwanted_nothing_is_drawn(*, terminal: bool, shown: bool) -> None:
    console = Console(file=io.StringIO(), width=80, force_terminal=terminal, _environ={})
    with RunDisplay(console, shown=shown) as display:
        display.phase("loading")
        display.progressed(at(1200.0, done=2))
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue() == ""
