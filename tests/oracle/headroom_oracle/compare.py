"""Puts the pipeline's tables and the oracle's side by side and lists every difference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from headroom_oracle.pipeline import Tables
    from headroom_oracle.tallies import OracleTrial

MIB = 1 << 20


def rows_of(table: dict[str, Any]) -> list[dict[str, int]]:
    """Return a table as a list of dicts of Python integers."""
    names = list(table)
    columns = [table[name].tolist() for name in names]
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


def differences(found: Tables, expected: OracleTrial, endpoint_names: list[str]) -> list[str]:
    """Return one line per difference between a trial of the pipeline and the oracle's."""
    return [
        *_requests(found, expected, endpoint_names),
        *_servers(found, expected),
        *_pools(found, expected),
        *_samples(found, expected),
        *_transit(found, expected),
    ]


def _unlike(where: str, found: object, expected: object) -> list[str]:
    return [] if found == expected else [f"{where}: oracle {expected}, pipeline {found}"]


def _requests(found: Tables, expected: OracleTrial, endpoint_names: list[str]) -> list[str]:
    rows = rows_of(found["requests"])
    lines = _unlike("ids", sorted(row["id"] for row in rows), sorted(expected.requests))
    for row in sorted(rows, key=lambda row: (row["t0"], row["id"])):
        truth = expected.requests.get(row["id"])
        if truth is None:
            continue
        where = f"request {row['id'] >> 16}<<16|{row['id'] & 0xFFFF}"
        lines += _unlike(f"{where} endpoint", endpoint_names[row["endpoint"]], truth["endpoint"])
        last_hop = max(int(name[3:]) for name in row if name.startswith("hop"))
        named = truth | {f"hop{last_hop}": truth.get("hop_last", 0)}
        for column in row:
            if column not in {"id", "endpoint"}:
                lines += _unlike(f"{where} {column}", row[column], named.get(column, 0))
    return lines


def _servers(found: Tables, expected: OracleTrial) -> list[str]:
    lines = []
    for replica, (row, truth) in enumerate(zip(rows_of(found["servers"]), expected.servers, strict=True)):
        row["memory_kib_ns"] = row["memory_kib_ns_high"] * MIB + row["memory_kib_ns_low"]
        for column, value in truth.items():
            lines += _unlike(f"server {replica} {column}", row[column], value)
    return lines


def _pools(found: Tables, expected: OracleTrial) -> list[str]:
    rows = rows_of(found["pools"]) if "pools" in found else []
    slots = len(rows) // len(expected.servers)
    lines = []
    for (replica, slot), truth in expected.pools.items():
        row = rows[replica * slots + slot]
        lines += [
            line
            for name in truth
            for line in _unlike(f"pool {replica}.{slot} {name}", row[name], truth[name])
        ]
    return lines


def _samples(found: Tables, expected: OracleTrial) -> list[str]:
    rows = rows_of(found["samples"])
    keys = [(row.pop("tick"), row.pop("cell")) for row in rows]
    lines = _unlike("sample cells", sorted(keys), sorted(expected.samples))
    for key, row in zip(keys, rows, strict=True):
        lines += _unlike(f"sample {key}", row, expected.samples.get(key))
    pool_rows = rows_of(found["pool_samples"]) if "pool_samples" in found else []
    pool_values = {(row["tick"], row["cell"], row["slot"]): row["in_use"] for row in pool_rows}
    lines += _unlike("pool sample cells", len(pool_values), len(pool_rows))
    for cell, value in expected.pool_samples.items():
        lines += _unlike(f"pool sample {cell}", pool_values.get(cell, 0), value)
    return lines


def _transit(found: Tables, expected: OracleTrial) -> list[str]:
    if not expected.transit:
        return []
    deltas = np.zeros((len(expected.transit), len(expected.transit[0])), np.int64)
    for row in rows_of(found.get("link_samples", {})):
        if row["tick"] < deltas.shape[1]:
            deltas[row["link"], row["tick"]] += row["delta"]
    totals = np.cumsum(deltas, axis=1).tolist()
    return [
        line
        for link, truth in enumerate(expected.transit)
        for line in _unlike(f"link {link} in transit", totals[link], truth)
    ]
