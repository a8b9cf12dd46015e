"""A router's memory and decisions, one plain branch per policy."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple

from headroom_common.simcore.random import ring_point, uniform
from headroom_common.simcore.sites import POLICY, POLICY_SECOND, SESSION

if TYPE_CHECKING:
    from headroom_oracle.faults import Faults


class Entry(NamedTuple):
    """One replica behind one target of a router."""

    position: int
    target: int
    server: str
    replica: int
    weight: int


def millionths(weight: float) -> int:
    return int(weight * 1e6 + 0.5)


def index_of(u: float, total: int) -> int:
    """Return the whole number that a uniform draw means among `total`."""
    return min(int(u * total), total - 1)


def weighted(u: float, weights: list[int]) -> int:
    """Return the first index whose cumulative weight exceeds the mark that `u` sets."""
    mark = index_of(u, sum(weights))
    cumulative = 0
    for index, weight in enumerate(weights):
        cumulative += weight
        if cumulative > mark:
            return index
    raise AssertionError


class Router:
    """A router as the specification tells it; it knows the faults and nothing of the servers' insides."""

    def __init__(self, spec: Any, router: Any, faults: Faults, stream: int, sessions: list[int]) -> None:
        self.policy = router.policy
        self.targets = router.targets
        self.faults = faults
        self.stream = stream
        self.sessions = sessions
        replicas = {server.name: server.replicas for server in spec.servers}
        self.entries: list[Entry] = []
        for number, target in enumerate(router.targets):
            for replica in range(replicas[target.server]):
                position = len(self.entries)
                self.entries.append(
                    Entry(position, number, target.server, replica, millionths(target.weight))
                )
        self.pointer = 0
        self.target_pointer = [0] * len(router.targets)
        self.current = [0] * len(self.entries)
        self.connections = [0] * len(self.entries)
        self.limit = router.rate_limit
        self.due = 0
        self.ring = sorted(
            (int(ring_point(_base(entry.server), entry.replica * 64 + point)), entry.position)
            for entry in self.entries
            for point in range(64)
            if self.policy == "consistent_hash"
        )

    def admits(self, t: int) -> bool:
        """Take a token of the rate limit; False when there is none."""
        if self.limit is None:
            return True
        interval = max(1, int(1.0 / self.limit.rate * 1e9 + 0.5))
        if self.due - (self.limit.burst - 1) * interval > t:
            return False
        self.due = max(self.due, t) + interval
        return True

    def choose(self, t: int, identity: int) -> Entry:
        """Choose among the replicas that are up, or among all when none is."""
        healthy = [entry for entry in self.entries if not self.faults.is_down(entry.server, entry.replica, t)]
        return getattr(self, f"_{self.policy}")(healthy or self.entries, identity)  # type: ignore[no-any-return]

    def _first_from(self, pointer: int, among: list[Entry], size: int) -> Entry:
        return min(among, key=lambda entry: (entry.position - pointer) % size)

    def _round_robin(self, healthy: list[Entry], _: int) -> Entry:
        chosen = self._first_from(self.pointer, healthy, len(self.entries))
        self.pointer = (chosen.position + 1) % len(self.entries)
        return chosen

    def _weighted_round_robin(self, healthy: list[Entry], _: int) -> Entry:
        for entry in healthy:
            self.current[entry.position] += entry.weight
        chosen = max(healthy, key=lambda entry: (self.current[entry.position], -entry.position))
        self.current[chosen.position] -= sum(entry.weight for entry in healthy)
        return chosen

    def _random(self, healthy: list[Entry], identity: int) -> Entry:
        return healthy[index_of(uniform(self.stream, identity, POLICY), len(healthy))]

    def _weighted_random(self, healthy: list[Entry], identity: int) -> Entry:
        return healthy[weighted(uniform(self.stream, identity, POLICY), [entry.weight for entry in healthy])]

    def _consistent_hash(self, healthy: list[Entry], identity: int) -> Entry:
        workload = identity & 0xFFFF
        session = index_of(uniform(self.stream, identity, SESSION), self.sessions[workload])
        point = int(ring_point(workload, session))
        up = {entry.position for entry in healthy}
        clockwise = [p for h, p in self.ring if h >= point] + [p for h, p in self.ring if h < point]
        return self.entries[next(position for position in clockwise if position in up)]

    def _traffic_split(self, healthy: list[Entry], identity: int) -> Entry:
        targets = sorted({entry.target for entry in healthy})
        weights = [millionths(self.targets[target].weight) for target in targets]
        target = targets[weighted(uniform(self.stream, identity, POLICY), weights)]
        first = min(entry.position for entry in self.entries if entry.target == target)
        size = sum(entry.target == target for entry in self.entries)
        inside = [entry for entry in healthy if entry.target == target]
        chosen = self._first_from(first + self.target_pointer[target], inside, size)
        self.target_pointer[target] = (chosen.position - first + 1) % size
        return chosen

    def _least_connections(self, healthy: list[Entry], _: int) -> Entry:
        fewest = min(self.connections[entry.position] for entry in healthy)
        among = [entry for entry in healthy if self.connections[entry.position] == fewest]
        chosen = self._first_from(self.pointer, among, len(self.entries))
        self.pointer = (chosen.position + 1) % len(self.entries)
        return chosen

    def _power_of_two(self, healthy: list[Entry], identity: int) -> Entry:
        first = healthy[index_of(uniform(self.stream, identity, POLICY), len(healthy))]
        rest = [entry for entry in healthy if entry is not first]
        if not rest:
            return first
        second = rest[index_of(uniform(self.stream, identity, POLICY_SECOND), len(rest))]
        return second if self.connections[second.position] < self.connections[first.position] else first


def _base(server: str) -> int:
    return int.from_bytes(hashlib.sha256(server.encode()).digest()[:8], "big", signed=True)
