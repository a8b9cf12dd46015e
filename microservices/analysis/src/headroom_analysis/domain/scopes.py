"""What statistics are kept for, and its numbering: everything, each server group, workload and endpoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headroom_analysis.domain.layout import Layout


@dataclass(frozen=True, slots=True)
class Scope:
    """A set of requests that the result speaks of.

    Attributes:
        members: the numbers of the kept scopes that together are this one.
        columns: likewise the columns of the histogram, or None when none is kept for it.
        whole: whether requests that reached no server belong to it although no member holds them.
    """

    members: tuple[int, ...]
    columns: tuple[int, ...] | None
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Scopes:
    """The numbering: server groups first, then workloads, then endpoints.

    A kind with a single member needs no numbers of its own, its member being everything. A kind with too many
    members (see `Layout.detailed`) has no histogram columns; the server groups then share one, which
    everything needs.

    Attributes:
        groups: number of server groups.
        group_columns: their histogram columns, the first ones.
        workload: number of the first workload, or -1 with a single one.
        workload_column: its histogram column, or -1 without.
        endpoint: number of the first endpoint, or -1 with a single one.
        endpoint_column: its histogram column, or -1 without.
        count: of all numbers.
        columns: of all histogram columns.
    """

    groups: int
    group_columns: int
    workload: int
    workload_column: int
    endpoint: int
    endpoint_column: int
    count: int
    columns: int

    def everything(self) -> Scope:
        """Return the scope of all requests."""
        return Scope(tuple(range(self.groups)), tuple(range(self.group_columns)), whole=True)

    def group(self, index: int) -> Scope:
        """Return the scope of the requests that reached a server group."""
        if self.groups == 1:
            return Scope((0,), (0,))
        return Scope((index,), (index,) if self.group_columns > 1 else None)

    def workload_at(self, index: int) -> Scope:
        """Return the scope of a workload's requests."""
        return self._of(self.workload, self.workload_column, index)

    def endpoint_at(self, index: int) -> Scope:
        """Return the scope of an endpoint's requests."""
        return self._of(self.endpoint, self.endpoint_column, index)

    def _of(self, first: int, first_column: int, index: int) -> Scope:
        if first < 0:
            return self.everything()
        return Scope((first + index,), (first_column + index,) if first_column >= 0 else None)


def scopes_of(layout: Layout) -> Scopes:
    """Return the numbering of a scenario's scopes."""
    workloads = layout.workloads if layout.workloads > 1 else 0
    endpoints = layout.endpoints if layout.endpoints > 1 else 0
    groups = layout.detailed_groups
    workload_columns = workloads if layout.detailed(workloads) else 0
    endpoint_columns = endpoints if layout.detailed(endpoints) else 0
    return Scopes(
        groups=layout.groups,
        group_columns=groups,
        workload=layout.groups if workloads else -1,
        workload_column=groups if workload_columns else -1,
        endpoint=layout.groups + workloads if endpoints else -1,
        endpoint_column=groups + workload_columns if endpoint_columns else -1,
        count=layout.groups + workloads + endpoints,
        columns=groups + workload_columns + endpoint_columns,
    )
