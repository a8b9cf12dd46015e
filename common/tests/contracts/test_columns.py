from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from headroom_common.contracts.columns import (
    ARRIVALS_GENERATED,
    DTYPES,
    REQUESTS_COMPLETED,
    Table,
    Tables,
    TableSpec,
    validate_tables,
)
from headroom_common.errors import PermanentError

I8 = np.array([1, 2, 3], np.int64)
SPECS = {"t": TableSpec({"id": "int64", "kind": "int8"}, {"hop": "int64", "pool_wait": "int64"})}


def table(**more: Any) -> Table:
    return {"id": I8, "kind": I8.astype(np.int8), **more}


def test_tables_as_declared_pass_and_are_weighed(arrivals: Tables) -> None:
    assert validate_tables(arrivals, ARRIVALS_GENERATED) == 3 * (8 + 8 + 2 + 2) + 8 + 2 * 9


def test_numbered_columns_may_be_any_number() -> None:
    assert validate_tables({"t": table()}, SPECS) > 0
    assert validate_tables({"t": table(**{f"hop{i}": I8 for i in range(12)})}, SPECS) > 0


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"t": {"id": I8}}, "tables.t.kind: expected a column, found none"),
        ({"t": table(kind=I8)}, "tables.t.kind: expected int8, found int64"),
        ({"t": table(id=I8.astype(np.float64))}, "tables.t.id: expected int64, found float64"),
        ({"t": table(id=I8[:2])}, "tables.t.kind: expected 2 rows as in the column before, found 3 rows"),
        ({"t": table(extra=I8)}, "tables.t: expected columns of id, kind, hop<n>, .* unknown column 'extra'"),
        ({"t": table(hop=I8)}, "unknown column 'hop'"),
        ({"t": table(hop01=I8)}, "unknown column 'hop01'"),
        ({"t": table(hop1=I8)}, "tables.t.hop0: expected a column, found none"),
        ({"t": table(hop0=I8, hop2=I8)}, "tables.t.hop1: expected a column, found none"),
        ({"t": table(hop0=I8.astype(np.int32))}, "tables.t.hop0: expected int64, found int32"),
        ({"u": table()}, r"tables.u: expected one of t, generator.\*, .* found an unknown table"),
        ({"t": table(id=[1, 2, 3])}, "tables.t.id: expected a NumPy array, found list"),
        ({"t": table(id=I8.reshape(3, 1))}, r"tables.t.id: expected one dimension, found shape \(3, 1\)"),
        (
            {"t": table(id=np.arange(6)[::2])},
            "tables.t.id: expected a contiguous array, found a strided view",
        ),
        ({"router.x": {"when": I8.astype("M8[ns]")}}, "tables.router.x.when: expected a dtype of bool"),
        ({"router.x": {"a": I8.astype(">i8")}}, "tables.router.x.a: expected a dtype of bool.*found >i8"),
        ({"router.x": {"a": np.array(["a"])}}, "tables.router.x.a: expected a dtype of bool"),
        (
            {"router.x": {"a": np.array([1, np.nan])}},
            "tables.router.x.a: expected numbers, found NaN in row 1",
        ),
    ],
)
def test_what_breaks_the_contract_is_named(tables: Any, message: str) -> None:
    with pytest.raises(PermanentError, match=message) as raised:
        validate_tables(tables, SPECS)
    assert raised.value.next_step


def test_without_declared_tables_only_the_form_counts() -> None:
    assert validate_tables({"anything": {"a": I8}, "empty": {}}, None) == 24
    with pytest.raises(PermanentError, match=r"tables\.anything\.b: expected 3 rows"):
        validate_tables({"anything": {"a": I8, "b": I8[:1]}}, None)


@given(
    st.sampled_from(sorted(DTYPES)).flatmap(
        lambda name: hnp.arrays(
            name, st.integers(0, 50), elements=hnp.from_dtype(DTYPES[name], allow_nan=False)
        )
    )
)
def test_every_column_without_nan_has_a_good_form(values: np.ndarray) -> None:
    assert validate_tables({"router.state": {"x": values}}, {}) == values.nbytes


def test_declared_dtypes_are_columns_dtypes() -> None:
    for spec in (*ARRIVALS_GENERATED.values(), *REQUESTS_COMPLETED.values()):
        assert {*spec.columns.values(), *spec.families.values()} <= DTYPES.keys()


def test_completions_account_for_every_wait() -> None:
    requests = REQUESTS_COMPLETED["requests"]
    assert {"memory_wait", "cpu_wait", "cpu_run", "io_wait"} <= requests.columns.keys()
    assert requests.families.keys() == {"hop", "back", "pool_wait"}
