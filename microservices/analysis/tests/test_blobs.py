"""Statistics as bytes: what is read is what was written, and damaged bytes are told from good ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from analysis_testing.adding import PLAN, partial
from analysis_testing.worlds import all_tables, any_layout
from hypothesis import given, settings
from hypothesis import strategies as st

from headroom_analysis.domain.fold import fold
from headroom_analysis.domain.partials import Partial
from headroom_analysis.domain.trial import RunTotals, TrialSummary
from headroom_analysis.storage import blobs
from headroom_common.errors import PermanentError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from headroom_analysis.domain.exact import Tally

LAYOUT = PLAN.layout


def parts_of(tallies: Iterable[Tally]) -> list[tuple[object, ...]]:
    """Everything that tallies hold, comparable."""
    return [
        (one.first, one.bound, one.low.tolist(), None if one.high is None else one.high.tolist())
        for one in tallies
    ]


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), rows=st.integers(0, 200), carried=st.sets(st.integers(0, 9)))
def test_a_partial_comes_back_as_it_was(seed: int, rows: int, carried: set[int]) -> None:
    rng = np.random.default_rng(seed)
    layout = any_layout(rng)
    before = fold(all_tables(rng, layout, rows), layout)
    for index in carried:
        before.tallies()[index]._carry()
    after = blobs.decode_partial(blobs.encode_partial(before), layout)
    assert after.requests == before.requests
    assert parts_of(after.tallies()) == parts_of(before.tallies())
    assert all(
        np.array_equal(mine, theirs) for mine, theirs in zip(after.extremes(), before.extremes(), strict=True)
    )


@settings(max_examples=60, deadline=None)
@given(bound=st.integers(0, 2**63), sign=st.sampled_from([-1, 1]))
def test_sums_of_every_size_come_back(bound: int, sign: int) -> None:
    before = Partial.empty(LAYOUT)
    before.counts.low[0, 0] = max(min(sign * bound, 2**63 - 1), -(2**63))
    before.counts.bound = bound
    after = blobs.decode_partial(blobs.encode_partial(before), LAYOUT)
    assert parts_of(after.tallies()) == parts_of(before.tallies())


def test_what_is_read_can_be_added_to() -> None:
    after = blobs.decode_partial(blobs.encode_partial(partial(1)), LAYOUT)
    after.absorb(partial(2))
    whole = Partial.empty(LAYOUT)
    whole.absorb(partial(1))
    whole.absorb(partial(2))
    assert after.same(whole)


@settings(max_examples=30, deadline=None)
@given(seeds=st.lists(st.integers(0, 99), max_size=4))
def test_totals_come_back_as_they_were(seeds: list[int]) -> None:
    before = RunTotals.empty(LAYOUT)
    for seed in seeds:
        before.absorb(partial(seed), LAYOUT)
    after = blobs.decode_totals(blobs.encode_totals(before), LAYOUT)
    assert (after.requests, after.measured) == (before.requests, before.measured)
    assert parts_of(blobs._tallies_of(after)) == parts_of(blobs._tallies_of(before))


@settings(deadline=None)
@given(
    row=st.lists(st.floats(width=64)),
    residual=st.floats(),
    trial=st.integers(0, 2**40),
    requests=st.integers(0, 2**62),
)
def test_a_summary_comes_back_bit_by_bit(
    row: list[float], residual: float, trial: int, requests: int
) -> None:
    before = TrialSummary(trial, requests, np.array(row, np.float64), residual)
    after = blobs.decode_summary(blobs.encode_summary(before))
    assert (after.trial, after.requests) == (trial, requests)
    assert after.row.tobytes() == before.row.tobytes()
    assert np.float64(after.littles_law_residual).tobytes() == np.float64(residual).tobytes()


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_a_damaged_byte_is_noticed(data: st.DataObject) -> None:
    blob = bytearray(blobs.encode_partial(partial(1)))
    place = data.draw(st.sampled_from([*range(5), *range(8, len(blob))]))  # 5 to 7 are padding
    blob[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(PermanentError, match="stored statistics are damaged") as caught:
        blobs.decode_partial(bytes(blob), LAYOUT)
    assert caught.value.next_step


@settings(max_examples=100, deadline=None)
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_shortened_blob_is_noticed(share: float) -> None:
    blob = blobs.encode_partial(partial(1))
    with pytest.raises(PermanentError, match="damaged"):
        blobs.decode_partial(blob[: int(share * len(blob))], LAYOUT)


@settings(max_examples=200, deadline=None)
@given(body=st.binary(max_size=300))
def test_nonsense_with_a_right_checksum_is_refused(body: bytes) -> None:
    with pytest.raises(PermanentError, match="damaged"):
        blobs.decode_partial(blobs._sealed(1, [body]), LAYOUT)
    with pytest.raises(PermanentError, match="damaged"):
        blobs.decode_totals(blobs._sealed(2, [body]), LAYOUT)


def test_another_version_kind_or_layout_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    blob = blobs.encode_partial(partial(1))
    with pytest.raises(PermanentError, match="expected kind 2, found b'HRA' of kind 1"):
        blobs.decode_totals(blob, LAYOUT)
    with pytest.raises(PermanentError, match=r"expected \d+ columns"):
        blobs.decode_partial(blob, LAYOUT._replace(links=7))
    with pytest.raises(PermanentError, match="damaged"):
        blobs.decode_partial(blob + b"x", LAYOUT)
    monkeypatch.setattr(blobs, "VERSION", 2)
    with pytest.raises(PermanentError, match="expected version 2, found version 1"):
        blobs.decode_partial(blob, LAYOUT)


def test_counts_take_two_bytes_each() -> None:
    narrow = Partial.empty(LAYOUT, whole_trial=True)
    wide = Partial.empty(LAYOUT, whole_trial=True)
    wide.samples.bound = 2**40
    cells = narrow.samples.low.size
    assert len(blobs.encode_partial(wide)) - len(blobs.encode_partial(narrow)) == 6 * cells
