"""Columns of data events: what a table is, which tables and columns each event has, and their checks."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from headroom_common.errors import PermanentError

Table = dict[str, NDArray[Any]]
"""One table: column names to one-dimensional arrays of equal length."""

Tables = dict[str, Table]
"""Table names to tables."""

DTYPES: Final = {
    name: np.dtype(name)
    for name in (
        "bool",
        "int8",
        "int16",
        "int32",
        "int64",
        "uint8",
        "uint16",
        "uint32",
        "uint64",
        "float32",
        "float64",
    )
}
"""The dtypes that a column may have, by name."""

_ALLOWED_DTYPES: Final = frozenset(DTYPES.values())

STATE_PREFIXES: Final = ("generator.", "router.", "server.")
"""What the name of a table starts with that carries a stage's state; only that stage knows its columns."""


@dataclass(frozen=True)
class TableSpec:
    """Which columns a table has.

    Attributes:
        columns: names of the columns that are always there, and their dtypes.
        families: prefixes of columns numbered ``<prefix>0, <prefix>1, …`` without gaps, and their dtypes;
            how many there are depends on the scenario.
    """

    columns: Mapping[str, str]
    families: Mapping[str, str] = field(default_factory=dict)


def _all(dtype: str, *names: str) -> dict[str, str]:
    return dict.fromkeys(names, dtype)


ARRIVALS_GENERATED: Final[Mapping[str, TableSpec]] = {
    "arrivals": TableSpec(
        {**_all("int64", "id", "t0"), "workload": "int16", "endpoint": "int16"},
    ),
}
"""Tables of ``headroom.arrivals.generated.v1`` besides the states."""

REQUESTS_COMPLETED: Final[Mapping[str, TableSpec]] = {
    "requests": TableSpec(
        {
            "id": "int64",
            **_all("int16", "workload", "endpoint"),
            **_all("int32", "server", "target"),
            **_all("int64", "t0", "latency"),
            "outcome": "int8",
            **_all("int64", "memory_wait", "cpu_wait", "cpu_run", "io_wait"),
        },
        {"hop": "int64", "back": "int64", "pool_wait": "int64"},
    ),
    "servers": TableSpec(
        _all(
            "int64",
            *("arrivals", "completed", "refused", "shed"),
            *("busy_ns", "ready_wait_ns", "memory_wait_ns", "io_ns", "in_system_ns"),
            *("memory_kib_ns_high", "memory_kib_ns_low"),
            *("peak_ready", "peak_memory_kib", "peak_in_system"),
            *("little_area_ns", "little_sojourn_ns"),
        )
    ),
    "pools": TableSpec(_all("int64", "wait_ns", "held_ns", "acquired", "peak_waiting")),
    "samples": TableSpec(
        {
            "tick": "int64",
            "cell": "int32",
            **_all("int64", "ready", "io", "memory_kib", "busy", "in_system"),
        }
    ),
    "pool_samples": TableSpec(_all("int64", "tick", "cell", "slot", "in_use")),
    "link_samples": TableSpec(_all("int64", "tick", "link", "delta")),
}
"""Tables of ``headroom.requests.completed.v1``; each may be absent from a part."""


def validate_tables(tables: Tables, specs: Mapping[str, TableSpec] | None) -> int:
    """Check ``tables`` and return the bytes that their columns hold.

    Args:
        tables: what to check.
        specs: the tables that the event declares; states (``STATE_PREFIXES``) may come with them. With None
            every name is allowed, and only the columns' form is checked.

    Raises:
        PermanentError: a table or column is unknown, missing, not one-dimensional, not contiguous, of another
            dtype or length than expected, or holds a NaN; the message names it.
    """
    size = 0
    for name, table in tables.items():
        spec = specs.get(name) if specs is not None else None
        if spec is None and specs is not None and not name.startswith(STATE_PREFIXES):
            known = ", ".join([*specs, *(f"{prefix}*" for prefix in STATE_PREFIXES)])
            where = f"tables.{name}"
            raise _refused(where, f"one of {known}", "an unknown table")
        size += _checked_form(name, table)
        if spec is not None:
            _check_names(name, table, spec)
    return size


def _checked_form(name: str, table: Table) -> int:
    length = -1
    size = 0
    for column, values in table.items():
        where = f"tables.{name}.{column}"
        if not isinstance(values, np.ndarray):
            raise _refused(where, "a NumPy array", type(values).__name__)
        if values.dtype not in _ALLOWED_DTYPES:
            raise _refused(where, f"a dtype of {', '.join(DTYPES)}", str(values.dtype))
        if values.ndim != 1:
            raise _refused(where, "one dimension", f"shape {values.shape}")
        if not values.flags.c_contiguous:
            raise _refused(where, "a contiguous array", "a strided view")
        if length < 0:
            length = values.size
        elif values.size != length:
            raise _refused(where, f"{length} rows as in the column before", f"{values.size} rows")
        if values.dtype.kind == "f" and np.isnan(values).any():
            raise _refused(where, "numbers", f"NaN in row {int(np.flatnonzero(np.isnan(values))[0])}")
        size += values.nbytes
    return size


def _check_names(name: str, table: Table, spec: TableSpec) -> None:
    families: dict[str, set[int]] = {prefix: set() for prefix in spec.families}
    for column, values in table.items():
        dtype = spec.columns.get(column)
        if dtype is None:
            prefix, number = _member_of(f"tables.{name}", column, spec)
            dtype = spec.families[prefix]
            families[prefix].add(number)
        if values.dtype != DTYPES[dtype]:
            where = f"tables.{name}.{column}"
            raise _refused(where, dtype, values.dtype.name)
    numbered = (f"{prefix}{i}" for prefix, members in families.items() for i in range(len(members)))
    for column in (*spec.columns, *numbered):
        if column not in table:
            where = f"tables.{name}.{column}"
            raise _refused(where, "a column", "none of this name")


def _member_of(where: str, column: str, spec: TableSpec) -> tuple[str, int]:
    match = re.fullmatch(r"(.*?)(0|[1-9]\d*)", column)
    if match is None or match[1] not in spec.families:
        known = ", ".join([*spec.columns, *(f"{prefix}<n>" for prefix in spec.families)])
        raise _refused(where, f"columns of {known}", f"an unknown column {column!r}")
    return match[1], int(match[2])


def _refused(where: str, expected: str, found: str) -> PermanentError:
    return PermanentError(
        f"{where}: expected {expected}, found {found}",
        next_step="Mend the stage that wrote this table, or the contract if the table is meant so.",
    )
