"""What the oracle writes down: the tables of `requests.completed`, counted the plainest way."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headroom_oracle.station import Change, Request, Station

STATES = {
    "ready": "cpu_wait",
    "io": "io_wait",
    "memory_kib": "memory_kib",
    "busy": "busy",
    "in_system": "in_system",
}


@dataclass
class OracleTrial:
    """A trial's tables.

    Attributes:
        requests: by id, the columns of the `requests` table; `endpoint` by name, columns that are 0 left out.
        servers: per replica, the columns of the `servers` table, memory in one number `memory_kib_ns`.
        pools: per (replica, slot), the columns of the `pools` table.
        samples: per (tick, cell), the columns of the `samples` table.
        pool_samples: tokens in use per (tick, cell, slot).
        transit: per link, the number of requests on it at each tick.
    """

    requests: dict[int, dict[str, Any]] = field(default_factory=dict)
    servers: list[dict[str, int]] = field(default_factory=list)
    pools: dict[tuple[int, int], dict[str, int]] = field(default_factory=dict)
    samples: dict[tuple[int, int], dict[str, int]] = field(default_factory=dict)
    pool_samples: dict[tuple[int, int, int], int] = field(default_factory=dict)
    transit: list[list[int]] = field(default_factory=list)


def area(changes: list[Change], counter: str, start: int, stop: int) -> int:
    """Return the integral of a counter over [start, stop)."""
    return sum(
        change.delta * (stop - min(max(change.t, start), stop))
        for change in changes
        if change.counter == counter
    )


def peak(changes: list[Change], counter: str) -> int:
    """Return the largest value that a counter ever had, however briefly."""
    value = 0
    highest = 0
    for change in changes:
        if change.counter == counter:
            value += change.delta
            highest = max(highest, value)
    return highest


def values_at(changes: list[Change], counter: str, ticks: list[int]) -> list[int]:
    """Return the value of a counter after everything at times up to each of `ticks`."""
    moves = [change for change in changes if change.counter == counter]
    result = []
    value = 0
    position = 0
    for tick in ticks:
        while position < len(moves) and moves[position].t <= tick:
            value += moves[position].delta
            position += 1
        result.append(value)
    return result


class Tallies:
    """Collects while the world runs; adds everything up at the end."""

    def __init__(self, spec: Any, stations: list[Station], links: list[str]) -> None:
        self.spec = spec
        self.stations = stations
        self.links = links
        self.crossings: list[tuple[str, int, int]] = []
        self.result = OracleTrial()

    def crossed(self, link: str, departure: int, arrival: int) -> None:
        self.crossings.append((link, departure, arrival))

    def ended(self, request: Request, end: int, outcome: int) -> None:
        assert request.id not in self.result.requests
        row: dict[str, Any] = {
            "workload": request.workload,
            "endpoint": request.endpoint,
            "server": request.replica,
            "target": request.target,
            "t0": request.t0,
            "latency": end - request.t0,
            "outcome": outcome,
        }
        row |= {name: getattr(request, name) for name in ("memory_wait", "cpu_wait", "cpu_run", "io_wait")}
        row |= {("hop_last" if hop < 0 else f"hop{hop}"): ns for hop, ns in request.hop_ns.items()}
        row |= {f"back{hop}": ns for hop, ns in request.back_ns.items()}
        row |= {f"pool_wait{slot}": ns for slot, ns in request.pool_wait.items()}
        self.result.requests[request.id] = row

    def trial(self) -> OracleTrial:
        """Return the finished tables."""
        self._servers()
        self._pools()
        self._samples()
        return self.result

    def _servers(self) -> None:
        start, stop = self.spec.warmup, self.spec.horizon
        for station in self.stations:
            changes = station.changes
            row = {
                word: sum(event == word and start <= t < stop for t, event in station.events)
                for word in ("arrivals", "completed", "refused", "shed")
            }
            row["busy_ns"] = area(changes, "busy", start, stop)
            row["ready_wait_ns"] = area(changes, "cpu_wait", start, stop)
            row["memory_wait_ns"] = area(changes, "memory_wait", start, stop)
            row["io_ns"] = area(changes, "io_wait", start, stop)
            row["in_system_ns"] = area(changes, "in_system", start, stop)
            row["memory_kib_ns"] = area(changes, "memory_kib", start, stop)
            row["peak_ready"] = peak(changes, "cpu_wait")
            row["peak_memory_kib"] = peak(changes, "memory_kib")
            row["peak_in_system"] = peak(changes, "in_system")
            last = max((change.t for change in changes), default=0)
            row["little_area_ns"] = area(changes, "in_system", 0, last)
            row["little_sojourn_ns"] = station.sojourn
            self.result.servers.append(row)

    def _pools(self) -> None:
        start, stop = self.spec.warmup, self.spec.horizon
        for replica, station in enumerate(self.stations):
            for slot in range(len(station.server.pools)):
                self.result.pools[replica, slot] = {
                    "wait_ns": area(station.changes, f"pool_wait{slot}", start, stop),
                    "held_ns": area(station.changes, f"held{slot}", start, stop),
                    "acquired": sum(
                        event == f"acquired{slot}" and start <= t < stop for t, event in station.events
                    ),
                    "peak_waiting": peak(station.changes, f"pool_wait{slot}"),
                }

    def _samples(self) -> None:
        period = self.spec.sample_period
        ticks = [k * period for k in range(self.spec.horizon // period + 1)]
        each_replica = sum(server.replicas for server in self.spec.servers) <= 64
        for index, station in enumerate(self.stations):
            groups = [server.name for server in self.spec.servers]
            cell = index if each_replica else groups.index(station.server.name)
            for name, counter in STATES.items():
                for k, value in enumerate(values_at(station.changes, counter, ticks)):
                    row = self.result.samples.setdefault((k, cell), dict.fromkeys(STATES, 0))
                    row[name] += value
            for slot in range(len(station.server.pools)):
                for k, value in enumerate(values_at(station.changes, f"held{slot}", ticks)):
                    key = (k, cell, slot)
                    self.result.pool_samples[key] = self.result.pool_samples.get(key, 0) + value
        for link in self.links:
            spans = [(departure, arrival) for name, departure, arrival in self.crossings if name == link]
            self.result.transit.append([sum(a <= tick < b for a, b in spans) for tick in ticks])
