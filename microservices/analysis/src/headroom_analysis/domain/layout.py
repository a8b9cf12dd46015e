"""What the statistics must know of a compiled scenario: how many of what, and which link each hop crosses."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from headroom_common.simcore.tables import (
    G_LINK,
    LINKS,
    OF_ENDPOINT,
    RETURN_PATH,
    S_CELLS,
    S_HOPS_BACK,
    S_HOPS_IN,
    S_HORIZON,
    S_POOL_SLOTS,
    S_SAMPLE_PERIOD,
    S_TICKS,
    S_WARMUP,
    SCALARS,
    SERVERS,
    TARGETS,
    V_CELL,
    V_GROUP,
    W_FIRST_HOP,
    WORKLOADS,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from headroom_common.simcore.tables import Ints

MOST_DETAILED = 512
"""Of so many servers, links, workloads or endpoints, each gets a histogram and causes of its own."""

SERVER_CAUSES = ("memory_wait", "cpu_wait", "cpu_run", "io_wait")
"""The causes that every server has, in the order of their columns; the waits for its pools follow."""


class Layout(NamedTuple):
    """Sizes and maps of one scenario.

    A *path* is ``workload * (targets + 1) + target + 1``, target -1 being the direct entry at a server; it
    decides which links a request crossed.

    Attributes:
        workloads: number of workloads.
        endpoints: number of endpoint names.
        groups: number of server groups; a group is one server of the scenario with all its replicas.
        links: number of links.
        targets: number of router targets.
        pool_slots: number of pool slots of every server.
        cells: number of series cells; a cell is a replica or, in large scenarios, a whole group.
        ticks: number of sample instants.
        period_ns: time between two of them.
        warmup_ns: start of the measured window.
        horizon_ns: end of the measured window.
        group_of_replica: int64, shape (replicas,).
        cell_of_replica: int64, shape (replicas,).
        links_in: link of each ingress hop or -1, int64, shape (hops, paths).
        links_back: link of each return hop or -1, int64, shape (hops, paths).
    """

    workloads: int
    endpoints: int
    groups: int
    links: int
    targets: int
    pool_slots: int
    cells: int
    ticks: int
    period_ns: int
    warmup_ns: int
    horizon_ns: int
    group_of_replica: NDArray[np.int64]
    cell_of_replica: NDArray[np.int64]
    links_in: NDArray[np.int64]
    links_back: NDArray[np.int64]

    @property
    def replicas(self) -> int:
        """Number of server replicas in all."""
        return int(self.group_of_replica.size)

    @property
    def window_ns(self) -> int:
        """Length of the measured window [warm-up, horizon)."""
        return self.horizon_ns - self.warmup_ns

    @property
    def bins(self) -> int:
        """Number of sample periods that [0, horizon) touches."""
        return -(-self.horizon_ns // self.period_ns)

    @property
    def causes_per_group(self) -> int:
        """Number of causes of one server group: the fixed ones and one wait per pool slot."""
        return len(SERVER_CAUSES) + self.pool_slots

    @property
    def causes(self) -> int:
        """Number of causes in all: the links, then those of each server group.

        More links (or groups) than `MOST_DETAILED` share one set, which bounds the memory of a partial.
        """
        return self.detailed_links + self.detailed_groups * self.causes_per_group

    @property
    def detailed_links(self) -> int:
        """Number of links that are told apart among the causes: all of them, or 1 for all together."""
        return self.links if self.detailed(self.links) else 1

    @property
    def detailed_groups(self) -> int:
        """Number of server groups that are told apart in histograms and causes: all, or 1 for all."""
        return self.groups if self.detailed(self.groups) else 1

    @staticmethod
    def detailed(members: int) -> bool:
        """Tell whether so many members of a kind are told apart in histograms and causes."""
        return members <= MOST_DETAILED


def layout_of(tables: Mapping[int, Ints]) -> Layout:
    """Return the layout of a compiled scenario.

    Args:
        tables: by their numbers in `headroom_common.simcore.tables`.
    """
    (scalars,) = tables[SCALARS].tolist()
    workloads, servers = tables[WORKLOADS], tables[SERVERS]
    target_link = tables[TARGETS][:, G_LINK]
    targets = target_link.size
    paths = len(workloads) * (targets + 1)
    hops = scalars[S_HOPS_IN]
    links_in = np.full((hops, paths), -1, np.int64)
    by_workload = workloads[:, W_FIRST_HOP : W_FIRST_HOP + hops - 1]
    links_in[:-1] = np.repeat(by_workload, targets + 1, axis=0).T
    links_in[-1] = np.tile(np.concatenate([np.array([-1], np.int64), target_link]), len(workloads))
    groups, endpoints = tables[OF_ENDPOINT].shape
    return Layout(
        workloads=len(workloads),
        endpoints=endpoints,
        groups=groups,
        links=len(tables[LINKS]),
        targets=targets,
        pool_slots=scalars[S_POOL_SLOTS],
        cells=scalars[S_CELLS],
        ticks=scalars[S_TICKS],
        period_ns=scalars[S_SAMPLE_PERIOD],
        warmup_ns=scalars[S_WARMUP],
        horizon_ns=scalars[S_HORIZON],
        group_of_replica=np.ascontiguousarray(servers[:, V_GROUP]),
        cell_of_replica=np.ascontiguousarray(servers[:, V_CELL]),
        links_in=links_in,
        links_back=np.ascontiguousarray(tables[RETURN_PATH][:, : scalars[S_HOPS_BACK]].T),
    )
