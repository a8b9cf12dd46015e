"""The pipeline equals the naive oracle bit for bit, on whatever scenario hypothesis comes up with.

By default the same scenarios are looked at each time, so that a failure in CI is everybody's;
`HEADROOM_SOAK=20000` looks at that many new ones. They come in shards, for tests that run side by side.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from headroom_oracle.compare import differences
from headroom_oracle.oracle import simulate_trial
from headroom_oracle.pipeline import simulate
from headroom_oracle.strategies import feed_forward, scenarios
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from headroom_common.scenario.compile import compile_model

if TYPE_CHECKING:
    from collections.abc import Callable

    from headroom_oracle.pipeline import Tables

    from headroom_common.scenario import Scenario

SHARDS = 4
SOAK = int(os.environ.get("HEADROOM_SOAK", "0"))
EXAMPLES = SOAK or int(os.environ.get("HEADROOM_EXAMPLES", "1000"))
PROFILE = settings(
    max_examples=-(-EXAMPLES // SHARDS),
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)


def assert_equal(
    scenario: Scenario, run_seed: int, trials: int, segment_arrivals: int, *, late_bound: bool
) -> None:
    """Compare every trial of a run with the oracle's, and check the accounts."""
    found = simulate(
        scenario, seed=run_seed, trials=trials, segment_arrivals=segment_arrivals, late_bound=late_bound
    )
    endpoints = list(compile_model(scenario).endpoint_names)
    for trial, tables in enumerate(found):
        lines = differences(tables, simulate_trial(scenario, run_seed, trial), endpoints)
        assert not lines, f"trial {trial}, {len(lines)} differences:\n" + "\n".join(lines[:20])
        _check_accounts(tables)


def _check_accounts(tables: Tables) -> None:
    """The causes of an answered request's latency add up to it; Little's law holds as an identity."""
    requests = tables["requests"]
    causes = [name for name in requests if name.startswith(("hop", "back", "memory", "cpu", "io", "pool"))]
    answered = requests["outcome"] == 0
    assert (sum(requests[name] for name in causes) == requests["latency"])[answered].all()
    servers = tables["servers"]
    assert list(servers["little_area_ns"]) == list(servers["little_sojourn_ns"])


def _comparison(
    shard: int, drawn: st.SearchStrategy[Scenario], late_bound: st.SearchStrategy[bool]
) -> Callable[[], None]:
    @PROFILE
    @given(
        scenario=drawn,
        run_seed=st.integers(0, 2**64 - 1),
        trials=st.integers(1, 2),
        segment_arrivals=st.integers(1, 200),
        late_bound=late_bound,
    )
    def compare(
        scenario: Scenario, run_seed: int, trials: int, segment_arrivals: int, *, late_bound: bool
    ) -> None:
        assert_equal(scenario, run_seed, trials, segment_arrivals, late_bound=late_bound)

    return compare if SOAK else seed(shard)(compare)


@pytest.mark.parametrize("shard", range(SHARDS))
def test_the_pipeline_equals_the_oracle(shard: int) -> None:
    _comparison(shard, scenarios(), st.booleans())()


@pytest.mark.parametrize("shard", range(SHARDS))
def test_the_recursion_equals_the_oracle(shard: int) -> None:
    _comparison(shard, scenarios().map(feed_forward), st.just(value=False))()
