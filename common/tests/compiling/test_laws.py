from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from simcore_testing.worlds import DISTRIBUTION, MS

from headroom_common.scenario.compiling.distributions import DistributionTable, normal_below_zero
from headroom_common.simcore import distributions as kinds
from headroom_common.simcore import tables as t


def law(name: str, **parameters: Any) -> Any:
    return DISTRIBUTION.validate_python({"distribution": name} | parameters)


LOG_VARIANCE = math.log1p(0.25)


@pytest.mark.parametrize(
    ("document", "kind", "parameters"),
    [
        (law("exponential", mean="8ms"), kinds.EXPONENTIAL, (0.008, 0, 0)),
        (law("normal", mean="6ms", sd="3ms"), kinds.NORMAL, (0.006, 0.003, normal_below_zero(2, 1))),
        (
            law("lognormal", mean="8ms", sd="4ms"),
            kinds.LOGNORMAL,
            (math.log(0.008) - LOG_VARIANCE / 2, math.sqrt(LOG_VARIANCE), 0),
        ),
        (law("uniform", low="1ms", high="5ms"), kinds.UNIFORM, (0.001, 0.005, 0)),
        (law("gamma", mean="10ms", sd="5ms"), kinds.GAMMA, (4, 0.0025, 0)),
        (law("weibull", shape=1.5, scale="10ms"), kinds.WEIBULL, (1.5, 0.01, 0)),
        (law("pareto", shape=2.5, minimum="2ms"), kinds.PARETO, (2.5, 0.002, 0)),
        (law("poisson", mean="3ms"), kinds.POISSON, (3, 0, 0)),
    ],
)
def test_parameters_in_their_columns(document: Any, kind: int, parameters: tuple[float, ...]) -> None:
    table = DistributionTable()
    assert table.add(document) == 0
    assert table.constant(0) is None
    row = table.tables()[t.LAWS][0]
    assert row[t.D_KIND] == kind
    assert row[[t.D_FIRST, t.D_SECOND, t.D_THIRD]].view(np.float64).tolist() == pytest.approx(parameters)
    assert row[t.D_START] == row[t.D_STOP]


def test_constants_and_laws_without_spread() -> None:
    table = DistributionTable()
    rows = [
        table.add(law("constant", value="7ms")),
        table.add(law("normal", mean="7ms", sd="0s")),
        table.add(law("lognormal", mean="7ms", sd="0s")),
    ]
    assert rows == [0, 0, 0]
    assert table.constant(0) == 7 * MS


def test_measured_laws_lie_one_after_the_other() -> None:
    table = DistributionTable()
    first = law("empirical", quantiles=["1ms", "2ms"])
    rows = [table.add(first), table.add(law("exponential", mean="1ms"))]
    rows += [table.add(law("empirical", quantiles=["3ms", "3ms", "9ms"])), table.add(first)]
    assert rows == [0, 1, 2, 0]
    tables = table.tables()
    assert tables[t.LAWS][:, [t.D_START, t.D_STOP]].tolist() == [[0, 2], [2, 2], [2, 5]]
    assert tables[t.QUANTILES][:, 0].view(np.float64).tolist() == [0.001, 0.002, 0.003, 0.003, 0.009]


def test_a_table_without_laws_is_empty() -> None:
    tables = DistributionTable().tables()
    assert len(tables[t.LAWS]) == len(tables[t.QUANTILES]) == 0


@pytest.mark.parametrize(("mean", "sd", "p"), [(0, 1, 0.5), (1, 1, 0.158655253931457), (10, 1, 7.62e-24)])
def test_the_probability_below_zero(mean: float, sd: float, p: float) -> None:
    assert normal_below_zero(mean, sd) == pytest.approx(p, rel=1e-3)
