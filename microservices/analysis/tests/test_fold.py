"""The compiled fold against the naive oracle, bit for bit, compiled and not; and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
from analysis_testing.naive import naive_fold, told_by
from analysis_testing.worlds import Tables, all_tables, any_layout, layout, requests_table
from hypothesis import given, settings
from hypothesis import strategies as st

from headroom_analysis.domain import fold as fold_module
from headroom_analysis.domain.columns import TableError
from headroom_analysis.domain.fold import fold
from headroom_analysis.domain.partials import Partial

seeds = st.integers(min_value=0, max_value=2**32 - 1)


@settings(max_examples=80, deadline=None)
@given(seed=seeds, rows=st.integers(min_value=0, max_value=120))
def test_the_fold_equals_the_oracle(seed: int, rows: int) -> None:
    rng = np.random.default_rng(seed)
    plan = any_layout(rng)
    tables = all_tables(rng, plan, rows)
    partial = fold(tables, plan)
    assert told_by(partial, plan) == naive_fold(tables, plan)
    assert partial.requests == rows


@settings(max_examples=40, deadline=None)
@given(seed=seeds)
def test_the_order_of_the_rows_does_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    plan = any_layout(rng)
    table = requests_table(rng, plan, 80)
    order = rng.permutation(80)
    shuffled = {name: column[order] for name, column in table.items()}
    assert fold({"requests": table}, plan).same(fold({"requests": shuffled}, plan))


def test_latencies_of_days_are_summed_exactly() -> None:
    # Months per request: a few hundred of them leave 64 bits, so the fold works in pieces and carries.
    rng = np.random.default_rng(3)
    plan = layout(rng, links=1, pool_slots=0)
    table = requests_table(rng, plan, 6000, scale_ns=3e15)
    tables = {"requests": table}
    partial = fold(tables, plan)
    assert told_by(partial, plan) == naive_fold(tables, plan)
    assert partial.moments.high is not None


def test_pieces_give_the_same_as_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    plan = any_layout(rng)
    tables: Tables = {"requests": requests_table(rng, plan, 100)}
    whole = fold(tables, plan)
    monkeypatch.setattr(fold_module, "_MOST_ROWS", 7)
    assert fold(tables, plan).same(whole)


def test_read_only_and_unaligned_columns_are_taken() -> None:
    rng = np.random.default_rng(8)
    plan = layout(rng)
    table = requests_table(rng, plan, 50)
    odd = dict(table)
    raw = np.zeros(50 * 8 + 1, np.uint8)
    raw[1:] = np.frombuffer(table["latency"].tobytes(), np.uint8)
    odd["latency"] = raw[1:].view(np.int64)
    odd["t0"] = table["t0"].copy()
    odd["t0"].flags.writeable = False
    odd["hop0"] = np.repeat(table["hop0"], 2)[::2]
    assert fold({"requests": odd}, plan).same(fold({"requests": table}, plan))


def test_narrower_columns_are_taken() -> None:
    rng = np.random.default_rng(9)
    plan = layout(rng)
    table = requests_table(rng, plan, 20)
    narrow = table | {"server": table["server"].astype(np.int8)}
    assert fold({"requests": narrow}, plan).same(fold({"requests": table}, plan))


def test_no_requests_are_folded_to_nothing() -> None:
    plan = layout(np.random.default_rng(0))
    table = requests_table(np.random.default_rng(0), plan, 0)
    assert fold({"requests": table}, plan).same(Partial.empty(plan))


def test_the_warm_up_is_cut_by_arrival_and_series_are_not_cut() -> None:
    rng = np.random.default_rng(0)
    plan = layout(rng, warmup_ns=1000, horizon_ns=10_000, period_ns=1000, links=1, pool_slots=0)
    table = requests_table(rng, plan, 3)
    zero = dict.fromkeys((name for name in table if name.startswith(("hop", "back"))), np.zeros(3, np.int64))
    table |= zero | {name: np.zeros(3, np.int64) for name in ("memory_wait", "cpu_wait", "io_wait")}
    table |= {
        "outcome": np.zeros(3, np.int8),
        "server": np.zeros(3, np.int32),
        "t0": np.array([999, 1000, 9999]),
        "latency": np.array([1, 1, 1]),
        "cpu_run": np.array([1, 1, 1]),
    }
    partial = fold({"requests": table}, plan)
    assert partial.moments.totals()[0] == 2
    assert partial.ended.first == 1
    assert partial.ended.totals() == [2, 0]  # the last one ends at the horizon


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("workload", 1),
        ("workload", -1),
        ("endpoint", 5),
        ("server", 9),
        ("server", -2),
        ("target", 4),
        ("target", -2),
        ("outcome", 5),
        ("outcome", -1),
        ("t0", -1),
        ("latency", -1),
        ("t0", 10**10),  # the horizon
        ("latency", 2**60 + 1),
        ("latency", 2**63 - 1),
    ],
)
def test_an_index_out_of_range_is_refused_with_its_row(column: str, value: int) -> None:
    rng = np.random.default_rng(4)
    plan = layout(rng)
    table = requests_table(rng, plan, 10)
    table[column] = table[column].copy()
    table[column][6] = value
    with pytest.raises(TableError, match=rf"requests row 6: expected .* {column} {value}"):
        fold({"requests": table}, plan)


def test_an_ok_row_without_a_server_is_refused() -> None:
    rng = np.random.default_rng(4)
    plan = layout(rng)
    table = requests_table(rng, plan, 3)
    table |= {"outcome": np.zeros(3, np.int8), "server": np.array([0, -1, 0], np.int32)}
    with pytest.raises(TableError, match="row 1"):
        fold({"requests": table}, plan)


def test_causes_that_do_not_add_up_are_refused() -> None:
    rng = np.random.default_rng(4)
    plan = layout(rng, warmup_ns=0)
    table = requests_table(rng, plan, 30)
    table["cpu_run"] = table["cpu_run"] + 1
    with pytest.raises(TableError, match="causes that add up to the latencies"):
        fold({"requests": table}, plan)


def test_time_on_a_hop_without_a_link_is_refused() -> None:
    rng = np.random.default_rng(4)
    plan = layout(rng, warmup_ns=0)
    table = requests_table(rng, plan, 30)
    with pytest.raises(TableError, match="causes that add up"):
        fold({"requests": table}, plan._replace(links_in=np.full_like(plan.links_in, -1)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"latency": None}, "requests.latency: expected a column, found only"),
        ({"latency": np.zeros(10)}, "requests.latency: expected a column of int64, found float64"),
        ({"server": np.zeros(10, np.int64)}, "requests.server: expected a column of int32, found int64"),
        ({"hop0": np.zeros(9, np.int64)}, "requests.hop0: expected 10 rows, found 9"),
        ({"hop0": np.zeros((10, 1), np.int64)}, "found int64 of 2 dimensions"),
        ({"pool_wait0": None}, "requests.pool_wait0: expected a column"),
    ],
)
def test_a_broken_column_is_named(change: dict[str, np.ndarray | None], message: str) -> None:
    rng = np.random.default_rng(1)
    plan = layout(rng)
    table = requests_table(rng, plan, 10) | change
    with pytest.raises(TableError, match=message):
        fold({"requests": {name: column for name, column in table.items() if column is not None}}, plan)


@pytest.mark.parametrize(
    ("table", "column", "value", "message"),
    [
        ("samples", "cell", 99, r"samples.cell: expected 0 to 2, found"),
        ("samples", "tick", -1, r"samples.tick: expected 0 to 101, found -1"),
        ("pool_samples", "slot", 2, r"pool_samples.slot: expected 0 to 1"),
        ("link_samples", "link", 7, r"link_samples.link: expected 0 to 1"),
        ("samples", "busy", 2**62, r"samples.busy: expected -\d+ to \d+"),
    ],
)
def test_a_sample_out_of_range_is_refused(table: str, column: str, value: int, message: str) -> None:
    rng = np.random.default_rng(2)
    plan = layout(rng, replicas=3, pool_slots=2)
    tables = all_tables(rng, plan, 5)
    tables[table][column][0] = value
    with pytest.raises(TableError, match=message):
        fold(tables, plan)


def test_a_servers_table_of_another_length_is_refused() -> None:
    rng = np.random.default_rng(2)
    plan = layout(rng, replicas=3)
    tables = all_tables(rng, plan, 5)
    tables["servers"]["busy_ns"] = tables["servers"]["busy_ns"][:2]
    with pytest.raises(TableError, match=r"servers.busy_ns: expected 3 rows, found 2"):
        fold(tables, plan)


def test_an_event_without_requests_is_refused() -> None:
    with pytest.raises(TableError, match="requests: expected a table"):
        fold({"servers": {}}, layout(np.random.default_rng(0)))


@settings(max_examples=30, deadline=None)
@given(seed=seeds)
def test_accounts_and_samples_add_up(seed: int) -> None:
    rng = np.random.default_rng(seed)
    plan = any_layout(rng)
    tables = all_tables(rng, plan, 3)
    partial = fold(tables, plan)
    busy = sum(row[4] for row in (partial.servers.row(replica) for replica in range(plan.replicas)))
    assert busy == int(tables["servers"]["busy_ns"].sum())
    assert partial.server_peaks[:, 2].tolist() == tables["servers"]["peak_in_system"].tolist()
    ready = [0] * plan.ticks
    for tick, value in zip(
        tables["samples"]["tick"].tolist(), tables["samples"]["ready"].tolist(), strict=True
    ):
        ready[tick] += value
    assert [sum(partial.samples.row(tick)[::5]) for tick in range(plan.ticks)] == ready
    deltas = int(tables["link_samples"]["delta"].sum())
    assert sum(partial.link_samples.totals()) == deltas
    if plan.pool_slots:
        assert partial.pools.totals()[1] == int(tables["pools"]["held_ns"].sum())
        assert sum(partial.pool_samples.totals()) == int(tables["pool_samples"]["in_use"].sum())
