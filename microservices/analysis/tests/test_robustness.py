"""Hostile and odd inputs: the fold refuses them in words or folds them, and never writes into them."""

from __future__ import annotations

import numpy as np
from analysis_testing.runs import completed, run_parameters
from analysis_testing.worlds import Tables, all_tables, any_layout
from hypothesis import given, settings
from hypothesis import strategies as st

from headroom_analysis.domain.columns import TableError
from headroom_analysis.domain.fold import fold
from headroom_analysis.plans import plan_of
from headroom_analysis.store import MemoryStore

seeds = st.integers(min_value=0, max_value=2**32 - 1)
odd = st.sampled_from([-(2**63), -(2**31), -1, 0, 1, 127, 2**15, 2**31, 2**62, 2**63 - 1])


def spoiled(tables: Tables, data: st.DataObject) -> Tables:
    """The tables with a few cells, a column or a table replaced."""
    name = data.draw(st.sampled_from(sorted(tables)))
    column = data.draw(st.sampled_from(sorted(tables[name])))
    values = tables[name][column]
    how = data.draw(st.sampled_from(["cells", "drop", "shorten", "retype", "table"]))
    table = dict(tables[name])
    if how == "cells" and values.size:
        limits = np.iinfo(values.dtype)
        value = min(max(data.draw(odd), limits.min), limits.max)
        table[column] = values.copy()
        table[column][data.draw(st.integers(min_value=0, max_value=values.size - 1))] = value
    elif how == "drop":
        del table[column]
    elif how == "shorten":
        table[column] = values[:-1]
    elif how == "retype":
        table[column] = values.astype(data.draw(st.sampled_from([np.float64, np.uint8, np.int8, np.bool_])))
    else:
        return {key: item for key, item in tables.items() if key != name}
    return tables | {name: table}


@settings(max_examples=150, deadline=None)
@given(seed=seeds, data=st.data())
def test_spoiled_tables_are_refused_in_words_or_folded(seed: int, data: st.DataObject) -> None:
    rng = np.random.default_rng(seed)
    plan = any_layout(rng)
    tables = spoiled(all_tables(rng, plan, int(rng.integers(0, 20))), data)
    try:
        partial = fold(tables, plan)
    except TableError as error:
        assert "expected" in str(error)  # noqa: PT017 - either way is right
    else:
        assert partial.requests == tables["requests"]["t0"].size


@settings(max_examples=25, deadline=None)
@given(seed=seeds)
def test_the_inputs_are_left_alone(seed: int) -> None:
    rng = np.random.default_rng(seed)
    plan = any_layout(rng)
    tables = all_tables(rng, plan, 30)
    before = {
        name: {column: values.copy() for column, values in table.items()} for name, table in tables.items()
    }
    fold(tables, plan).absorb(fold(tables, plan))
    for name, table in tables.items():
        for column, values in table.items():
            assert np.array_equal(values, before[name][column])
            assert values.flags.writeable


def test_a_summary_is_small_whatever_the_trial_held() -> None:
    run = run_parameters(trials=1, name="small")
    plan = plan_of(run)
    store = MemoryStore()
    event = completed(run, (0, 0, 0), all_tables(np.random.default_rng(0), plan.layout, 5000))
    standing = store.add(event.body.header, plan, fold(event.body.tables, plan.layout))
    assert standing is not None
    assert standing.finished is not None
    (summary,) = standing.finished.summaries
    assert summary.row.nbytes < 4096
