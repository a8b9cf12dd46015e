"""Endpoints to programs: a few instructions each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from headroom_common.scenario.topology import CpuStep, IoStep, PoolStep, ServerSpec
from headroom_common.simcore import tables
from headroom_common.simcore.tables import Ints, matrix

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from headroom_common.scenario.compiling.distributions import DistributionTable

MOST_LINES = 8
"""At most so many distinct constant durations get a delay line; each costs a comparison per event."""

Instruction = tuple[int, int]


def _flatten(
    steps: Sequence[CpuStep | IoStep | PoolStep], pools: Mapping[str, int], laws: DistributionTable
) -> list[Instruction]:
    """Return the (operation, argument) pairs of steps, pool blocks flattened."""
    code: list[Instruction] = []
    for step in steps:
        match step:
            case CpuStep():
                code.append((tables.CPU, laws.add(step.cpu)))
            case IoStep():
                code.append((tables.IO, laws.add(step.io)))
            case PoolStep():
                slot = pools[step.pool]
                code += [(tables.ACQUIRE, slot), *_flatten(step.steps, pools, laws), (tables.RELEASE, slot)]
    return code


def _lines(codes: Sequence[Sequence[Instruction]], laws: DistributionTable) -> dict[int, int]:
    """Give the most used constant durations a delay line each: ns to line."""
    used: dict[int, int] = {}
    for operation, argument in (instruction for code in codes for instruction in code):
        if operation in {tables.CPU, tables.IO} and (constant := laws.constant(argument)) is not None:
            used[constant] = used.get(constant, 0) + 1
    ranked = sorted(used, key=lambda duration: (-used[duration], duration))
    return {duration: line for line, duration in enumerate(ranked[:MOST_LINES])}


def compile_programs(
    servers: Sequence[ServerSpec], endpoints: Mapping[str, int], laws: DistributionTable
) -> tuple[dict[int, Ints], int]:
    """Return `OF_ENDPOINT`, `PROGRAMS` and `CODE` of all endpoints, and the number of delay lines."""
    of_endpoint = np.full((len(servers), len(endpoints)), -1, np.int64)
    codes: list[list[Instruction]] = []
    memory: list[int] = []
    for group, server in enumerate(servers):
        pools = {pool.name: slot for slot, pool in enumerate(server.pools)}
        for endpoint in server.endpoints:
            of_endpoint[group, endpoints[endpoint.name]] = len(codes)
            codes.append([*_flatten(endpoint.steps, pools, laws), (tables.END, 0)])
            memory.append(endpoint.memory)
    lines = _lines(codes, laws)
    flat = [(operation, argument, site) for code in codes for site, (operation, argument) in enumerate(code)]
    line = [
        lines.get(constant, -1)
        if operation in {tables.CPU, tables.IO} and (constant := laws.constant(argument)) is not None
        else -1
        for operation, argument, _ in flat
    ]
    lengths = np.array([len(code) for code in codes], np.int64)
    return {
        tables.OF_ENDPOINT: of_endpoint,
        tables.PROGRAMS: matrix(np.cumsum(lengths) - lengths, np.array(memory, np.int64)),
        tables.CODE: np.array([(*row, place) for row, place in zip(flat, line, strict=True)], np.int64),
    }, len(lines)
