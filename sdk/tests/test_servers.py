import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from headroom.cli.servers import ROWS, level_style, servers_table
from headroom.result import Result


def printed(document: dict[str, Any], width: int = 120) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    console.print(servers_table(Result(document), width))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def without(server: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return server | changes


@pytest.mark.parametrize(
    ("bottleneck", "words"),
    [("cpu", "cores"), ("memory", "memory"), ("pool:db", "pool db"), (None, "overloaded")],
)
def test_a_saturated_server_says_what_it_is_short_of(
    document: dict[str, Any], bottleneck: str | None, words: str
) -> None:
    document["servers"][0] |= {"saturated": True, "bottleneck": bottleneck}
    assert printed(document)[1].rstrip().endswith(words)


def test_a_server_that_is_not_saturated_is_short_of_nothing(document: dict[str, Any]) -> None:
    document["servers"][0] |= {"saturated": False, "bottleneck": "cpu"}
    lines = printed(document)
    assert "short of" not in lines[0]
    assert "cores" not in lines[1]


def test_replicas_are_counted_in_the_name(document: dict[str, Any]) -> None:
    document["servers"][1]["replicas"] = 1
    lines = printed(document)
    assert "app ×2" in lines[1]  # noqa: RUF001 - the sign for "times" is meant
    assert lines[2].startswith("search  ")


def test_memory_without_a_limit_is_shown_as_an_amount(document: dict[str, Any]) -> None:
    document["servers"][0]["memory"]["capacity"] = None
    assert "1.58 GiB" in printed(document)[1]


def test_memory_with_a_limit_is_shown_as_a_share(document: dict[str, Any]) -> None:
    assert "79.2 %" in printed(document)[1]


def test_the_longest_wait_is_found_among_all_queues(document: dict[str, Any]) -> None:
    queues = document["servers"][0]["queues"]
    assert "12.8 ms for pool db" in printed(document)[1]
    queues["memory"]["wait_mean"]["value"] = 0.5
    assert "500 ms for memory" in printed(document)[1]
    queues["cpu"]["wait_mean"]["value"] = 0.75
    assert "750 ms for a core" in printed(document)[1]


def test_waits_are_left_to_wide_terminals(document: dict[str, Any]) -> None:
    assert "longest wait" in printed(document, 120)[0]
    assert "longest wait" not in printed(document, 80)[0]


def test_the_fullest_pool_is_shown(document: dict[str, Any]) -> None:
    pools = document["servers"][0]["queues"]["pools"]
    figure = {"value": 0.99, "low": None, "high": None}
    pools.append(pools[0] | {"name": "cache", "utilisation": figure})
    assert "cache 99.0 %" in printed(document)[1]


def test_a_server_that_nobody_reached_has_no_numbers(document: dict[str, Any]) -> None:
    nothing = {"value": None, "low": None, "high": None}
    server = document["servers"][0]
    server |= {"utilisation": nothing, "in_system": nothing, "memory": {"mean": nothing, "peak": nothing}}
    server["memory"]["capacity"] = 2**30
    server["queues"]["cpu"]["wait_mean"] = nothing
    assert "—" in printed(document)[1]


def test_long_names_are_cut_rather_than_wrapped(document: dict[str, Any]) -> None:
    document["servers"][0]["name"] = "a-server-with-a-name-of-many-words-that-goes-on-and-on"
    lines = printed(document, 80)
    assert len(lines) == 3
    assert "…" in lines[1]


@pytest.mark.parametrize("count", [1, ROWS, ROWS + 1, 5 * ROWS])
def test_at_most_so_many_rows_are_shown_in_the_scenarios_order(document: dict[str, Any], count: int) -> None:
    template = document["servers"][1]
    document["servers"] = [
        without(template, name=f"s{number}", utilisation={"value": (number * 7 % count) / count})
        for number in range(count)
    ]
    for server in document["servers"]:
        server["utilisation"] |= {"low": None, "high": None}
    names = [line.split()[0] for line in printed(document) if line.startswith("s")]
    assert len(names) == min(count, ROWS)
    assert names == sorted(names, key=lambda name: int(name[1:]))
    assert any("more that are less full" in line for line in printed(document)) == (count > ROWS)


@given(st.floats(0, 1), st.floats(0, 1))
def test_fuller_is_never_a_calmer_colour(one: float, other: float) -> None:
    order = ["green", "yellow", "red"]
    low, high = sorted((one, other))
    assert order.index(level_style(low)) <= order.index(level_style(high))
