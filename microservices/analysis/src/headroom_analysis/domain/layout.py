"""What the statistics must know of a compiled scenario: how many of what, and which link each hop crosses."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from headroom_common.simcore.tables import Model

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
        """Number of causes in all: the links, then those of each server group."""
        return self.links + self.groups * self.causes_per_group

    @property
    def scopes(self) -> int:
        """Number of measured scopes: the server groups, then the workloads, then the endpoints."""
        return self.groups + self.workloads + self.endpoints


def layout_of(model: Model) -> Layout:
    """Return the layout of a compiled scenario."""
    servers, workloads = model.servers, model.workloads
    targets = int(model.routers.target_link.size)
    count = int(workloads.kind.size)
    paths = count * (targets + 1)
    links_in = np.full((model.hops_in, paths), -1, np.int64)
    links_in[:-1] = np.repeat(workloads.hop_link, targets + 1, axis=0).T
    links_in[-1] = np.tile(np.concatenate([np.array([-1], np.int64), model.routers.target_link]), count)
    groups, endpoints = model.programs.of_endpoint.shape
    return Layout(
        workloads=count,
        endpoints=int(endpoints),
        groups=int(groups),
        links=int(model.links.delay.size),
        targets=targets,
        pool_slots=int(model.pool_slots),
        cells=int(model.cells),
        ticks=int(model.ticks),
        period_ns=int(model.sample_period_ns),
        warmup_ns=int(model.warmup_ns),
        horizon_ns=int(model.horizon_ns),
        group_of_replica=np.ascontiguousarray(servers.group, np.int64),
        cell_of_replica=np.ascontiguousarray(servers.cell, np.int64),
        links_in=links_in,
        links_back=np.ascontiguousarray(model.return_path.T, np.int64),
    )
