"""The balancing policies once more, as one would explain them: lists, sums and searches."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from simcore_testing import plain

POLICY, POLICY_SECOND, SESSION = 5, 6, 4


@dataclass
class Replica:
    """One replica behind a router."""

    server: str
    target: int
    number: int
    weight: int
    downs: list[tuple[int, int]]
    current: int = 0
    connections: int = 0

    def is_up(self, t: int) -> bool:
        return not any(start <= t < end for start, end in self.downs)


@dataclass
class Balancer:
    """A router's memory and its choices."""

    policy: str
    replicas: list[Replica]
    stream: int
    sessions: int = 1000
    pointer: int = 0
    pointers: dict[int, int] = field(default_factory=dict)

    def choose(self, t: int, identity: int) -> int:
        """The position of the replica that a request is sent to."""
        usable = [row for row, replica in enumerate(self.replicas) if replica.is_up(t)]
        usable = usable or list(range(len(self.replicas)))
        return getattr(self, "_" + self.policy)(usable, identity)  # type: ignore[no-any-return]

    def _draw(self, identity: int, total: int, site: int = POLICY) -> int:
        return plain.index(plain.uniform(self.stream, identity, site), total)

    def _rotation(self, rows: list[int], pointer: int) -> list[int]:
        return rows[pointer:] + rows[:pointer]

    def _round_robin(self, usable: list[int], _identity: int) -> int:
        everyone = list(range(len(self.replicas)))
        row = next(row for row in self._rotation(everyone, self.pointer) if row in usable)
        self.pointer = (row + 1) % len(everyone)
        return row

    def _weighted_round_robin(self, usable: list[int], _identity: int) -> int:
        for row in usable:
            self.replicas[row].current += self.replicas[row].weight
        best = max(usable, key=lambda row: (self.replicas[row].current, -row))
        self.replicas[best].current -= sum(self.replicas[row].weight for row in usable)
        return best

    def _random(self, usable: list[int], identity: int) -> int:
        return usable[self._draw(identity, len(usable))]

    def _weighted_random(self, usable: list[int], identity: int) -> int:
        tickets = [(row, self.replicas[row].weight) for row in usable]
        return self._first_above(tickets, identity)

    def _first_above(self, tickets: list[tuple[int, int]], identity: int) -> int:
        mark = self._draw(identity, sum(weight for _, weight in tickets))
        total = 0
        for row, weight in tickets:
            total += weight
            if total > mark:
                return row
        raise AssertionError

    def _traffic_split(self, usable: list[int], identity: int) -> int:
        targets = {self.replicas[row].target: self.replicas[row].weight for row in usable}
        chosen = self._first_above(sorted(targets.items()), identity)
        members = [row for row, replica in enumerate(self.replicas) if replica.target == chosen]
        pointer = self.pointers.get(chosen, 0)
        row = next(row for row in self._rotation(members, pointer) if row in usable)
        self.pointers[chosen] = (members.index(row) + 1) % len(members)
        return row

    def _consistent_hash(self, usable: list[int], identity: int) -> int:
        workload = identity & 0xFFFF
        session = self._draw(identity, self.sessions, SESSION)
        point = plain.ring_point(workload, session)
        ring = []
        for row, replica in enumerate(self.replicas):
            digest = hashlib.sha256(replica.server.encode()).digest()
            base = int.from_bytes(digest[:8], "big", signed=True)
            ring += [(plain.ring_point(base, replica.number * 64 + i), row) for i in range(64)]
        ring.sort()
        clockwise = [row for at, row in ring if at >= point] + [row for at, row in ring if at < point]
        return next(row for row in clockwise if row in usable)

    def _least_connections(self, usable: list[int], _identity: int) -> int:
        everyone = self._rotation(list(range(len(self.replicas))), self.pointer)
        row = min((row for row in everyone if row in usable), key=lambda row: self.replicas[row].connections)
        self.pointer = (row + 1) % len(everyone)
        return row

    def _power_of_two(self, usable: list[int], identity: int) -> int:
        first = usable[self._draw(identity, len(usable))]
        others = [row for row in usable if row != first]
        if not others:
            return first
        second = others[self._draw(identity, len(others), POLICY_SECOND)]
        return min((first, second), key=lambda row: self.replicas[row].connections)
