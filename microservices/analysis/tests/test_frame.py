"""What is derived from a layout: once per layout, and only the hops that cross links."""

from __future__ import annotations

import numpy as np
from analysis_testing.worlds import layout

from headroom_analysis.domain.frame import frame_of


def test_a_layout_keeps_its_frame_and_another_gets_its_own() -> None:
    one = layout(np.random.default_rng(0))
    assert frame_of(one) is frame_of(one)
    other = one._replace(warmup_ns=0)
    assert frame_of(other).plan.warmup_ns == 0
    assert frame_of(one).plan.warmup_ns == one.warmup_ns


def test_hops_without_a_link_on_any_path_are_left_out() -> None:
    plan = layout(np.random.default_rng(0), targets=2, links=3)
    none = np.full(3, -1)
    frame = frame_of(
        plan._replace(links_in=np.array([none, [0, -1, 2]]), links_back=np.array([[-1, 1, -1], none]))
    )
    assert frame.hops == ("hop0", "hop1", "back0", "back1")
    assert frame.crossing == ("hop1", "back0")
    assert frame.links.tolist() == [[0, -1, 2], [-1, 1, -1]]


def test_the_replicas_rows_follow_that_of_no_server() -> None:
    plan = layout(np.random.default_rng(0), groups=2, replicas=3)
    assert frame_of(plan).plan.row_of_server.tolist() == [0, *(plan.group_of_replica + 1).tolist()]
