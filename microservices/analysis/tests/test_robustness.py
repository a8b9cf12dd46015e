"""Hostile and odd inputs: the fold refuses them in words or folds them, and never writes into them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from analysis_testing.runs import completed, run_parameters
from analysis_testing.worlds import Tables, all_tables, any_layout
from hypothesis import given, settings
from hypothesis import strategies as st

from headroom_analysis.domain.fold import TableError, fold
from headroom_analysis.handlers import Analysis
from headroom_analysis.plans import plan_of
from headroom_analysis.store import MemoryStore
from headroom_common.contracts.codec import encode
from headroom_common.contracts.event import caused_event
from headroom_common.contracts.events import RunCompleted

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


def document_bytes() -> bytes:
    """The encoded result of a small run of made-up events."""
    run = run_parameters(trials=3, name="bytes")
    layout = plan_of(run).layout
    analysis = Analysis(MemoryStore())
    outputs: list[Any] = []
    for trial in range(3):
        for segment in range(2):
            tables = all_tables(np.random.default_rng(10 * trial + segment), layout, 60)
            event = completed(run, (trial, segment, 0), tables, segments=2)
            outputs = [
                caused_event(event.envelope, output, source="/headroom/analysis/0", time=event.envelope.time)
                for output in analysis.requests_completed(event)
            ]
    assert isinstance(outputs[-1].body, RunCompleted)
    return encode(outputs[-1]).body


@pytest.mark.uncompiled
def test_the_document_is_the_same_without_compilation() -> None:
    here = str(Path(__file__).parent)
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); import importlib.util as u; from pathlib import Path;"
        "spec = u.spec_from_file_location('it', Path(sys.argv[1]) / 'test_robustness.py');"
        "module = u.module_from_spec(spec); spec.loader.exec_module(module);"
        "sys.stdout.buffer.write(module.document_bytes())"
    )
    done = subprocess.run(  # noqa: S603 - our own interpreter and script
        [sys.executable, "-c", script, here],
        env=os.environ | {"NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        check=True,
    )
    assert done.stdout == document_bytes()


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
