"""What the fold derives from a layout: the same for all events of a run, so made once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from headroom_analysis.domain.accumulators import Plan
from headroom_analysis.domain.scopes import Scopes, scopes_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from headroom_analysis.domain.layout import Layout

_KEPT: Final = 16


class Frame(NamedTuple):
    """A layout, prepared for the fold.

    Attributes:
        layout: of the scenario; kept here, so that its identity stays its own.
        scopes: the numbering of what statistics are kept for.
        plan: the kernels' maps, with the first bucket and bin still to be set.
        hops: names of the columns of hops, all of them.
        crossing: names of those that cross a link on some path; the others have no time to tell of.
        pools: names of the columns of waits for pools.
        links: the cause of each crossing hop on each path, -1 without a link, shape (crossing, paths).
        causes: number of causes.
    """

    layout: Layout
    scopes: Scopes
    plan: Plan
    hops: tuple[str, ...]
    crossing: tuple[str, ...]
    pools: tuple[str, ...]
    links: NDArray[np.int64]
    causes: int


_frames: Final[dict[int, Frame]] = {}  # by the identity of the layout, which its frame keeps alive


def frame_of(layout: Layout) -> Frame:
    """Return the frame of a layout, made once for as long as it is kept. Safe for several threads."""
    frame = _frames.get(id(layout))
    if frame is None:
        if len(_frames) >= _KEPT:  # a frame is made again when it is needed
            _frames.clear()
        frame = _frames[id(layout)] = _frame(layout)
    return frame


def _frame(layout: Layout) -> Frame:
    scopes = scopes_of(layout)
    hops = (
        *(f"hop{hop}" for hop in range(layout.links_in.shape[0])),
        *(f"back{hop}" for hop in range(layout.links_back.shape[0])),
    )
    links = np.concatenate([layout.links_in, layout.links_back])
    crossing = [hop for hop, link_of_path in enumerate(links.tolist()) if max(link_of_path) >= 0]
    return Frame(
        layout=layout,
        scopes=scopes,
        plan=_plan(layout, scopes),
        hops=hops,
        crossing=tuple(hops[hop] for hop in crossing),
        pools=tuple(f"pool_wait{slot}" for slot in range(layout.pool_slots)),
        links=np.ascontiguousarray(np.minimum(links[crossing], layout.detailed_links - 1)),
        causes=layout.causes,
    )


def _plan(layout: Layout, scopes: Scopes) -> Plan:
    return Plan(
        row_of_server=np.concatenate([np.zeros(1, np.int64), layout.group_of_replica + 1]),
        groups=layout.groups,
        workloads=layout.workloads,
        endpoints=layout.endpoints,
        targets=layout.targets,
        workload_scope=scopes.workload,
        workload_column=scopes.workload_column,
        endpoint_scope=scopes.endpoint,
        endpoint_column=scopes.endpoint_column,
        group_step=int(layout.detailed_groups > 1),
        first_bucket=0,
        causes_before_groups=layout.detailed_links,
        causes_per_group=layout.causes_per_group,
        warmup_ns=layout.warmup_ns,
        horizon_ns=layout.horizon_ns,
        period_ns=layout.period_ns,
        first_bin=0,
    )
