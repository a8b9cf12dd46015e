"""The naive oracle: docs/semantics.md again, slowly and obviously, one event loop for a whole trial.

It shares with the product the draws (`headroom_common.simcore`: `random`, `distributions`, the sites) and
nothing else.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any

from headroom_common.simcore.random import trial_stream, uniform
from headroom_common.simcore.sites import ENDPOINT, LINK_DELAY, LINK_LOSS, THINK
from headroom_oracle.arrivals import open_arrivals
from headroom_oracle.faults import Faults
from headroom_oracle.laws import Law
from headroom_oracle.routing import Router, millionths, weighted
from headroom_oracle.station import Request, Station
from headroom_oracle.tallies import OracleTrial, Tallies

OK, DROPPED, REFUSED, SHED, TIMED_OUT = range(5)
FAULT_STARTS, REQUEST = 1, 2

Action = Callable[[int], None]


class World:
    """Everything of one trial."""

    def __init__(self, scenario: Any, seed: int, trial: int) -> None:
        spec = scenario.spec
        self.spec = spec
        self.stream = trial_stream(seed, trial)
        self.events: list[tuple[int, int, int, Action]] = []
        self.faults = Faults(spec)
        self.links = {link.name: (Law(link.delay), int(link.loss * 1e9 + 0.5)) for link in spec.links}
        self.link_names = [link.name for link in spec.links]
        sessions = [workload.sessions for workload in spec.workloads]
        self.routers = {
            router.name: Router(spec, router, self.faults, self.stream, sessions) for router in spec.routers
        }
        self.first_target: dict[str, int] = {}
        targets = 0
        for router in spec.routers:
            self.first_target[router.name] = targets
            targets += len(router.targets)
        self.stations: list[Station] = []
        self.station_name: list[tuple[str, int]] = []
        self.station_of: dict[tuple[str, int], int] = {}
        for server in spec.servers:
            for replica in range(server.replicas):
                self._add_station(server, replica)
        self.thinking = {
            number: Law(workload.arrivals.think_time)
            for number, workload in enumerate(spec.workloads)
            if workload.arrivals.kind == "closed"
        }
        self.tallies = Tallies(spec, self.stations, self.link_names)

    def _add_station(self, server: Any, replica: int) -> None:
        index = len(self.stations)
        self.station_of[server.name, replica] = index
        self.station_name.append((server.name, replica))

        def slowdown(t: int) -> float:
            return self.faults.slowdown(server.name, replica, t)

        def wake(t: int, request: Request) -> None:
            self._at(t, request, lambda now: self.stations[index].step_ended(now, request))

        self.stations.append(Station(server, self.stream, slowdown, wake, self._served))

    def _at(self, t: int, request: Request, action: Action) -> None:
        def unless_dead(now: int) -> None:
            if not request.dead:
                action(now)

        heapq.heappush(self.events, (t, REQUEST, request.id, unless_dead))

    def run(self) -> OracleTrial:
        """Simulate the trial to the end of its last request."""
        for number, fault in enumerate(self.faults.kills()):
            heapq.heappush(self.events, (fault.start, FAULT_STARTS, number, self._kill_action(fault)))
        for workload, words in enumerate(self.spec.workloads):
            if words.arrivals.kind == "closed":
                for user in range(words.arrivals.users):
                    self._think(workload, user, 0)
            else:
                for seq, t0 in enumerate(
                    open_arrivals(words.arrivals, self.stream, workload, self.spec.horizon)
                ):
                    self._send(workload, seq, t0)
        while self.events:
            t, _, _, action = heapq.heappop(self.events)
            action(t)
        return self.tallies.trial()

    def _kill_action(self, fault: Any) -> Action:
        def kill(t: int) -> None:
            for (server, replica), index in self.station_of.items():
                if fault.server == server and fault.replica in (None, replica):
                    for request in self.stations[index].lose_all(t):
                        self._end(t, request, REFUSED)

        return kill

    # the client

    def _think(self, workload: int, seq: int, now: int) -> None:
        t0 = now + self.thinking[workload].draw(self.stream, seq << 16 | workload, THINK)
        if t0 < self.spec.horizon:
            self._send(workload, seq, t0)

    def _send(self, workload: int, seq: int, t0: int) -> None:
        words = self.spec.workloads[workload]
        identity = seq << 16 | workload
        weights = [millionths(entry.weight) for entry in words.mix]
        endpoint = words.mix[weighted(uniform(self.stream, identity, ENDPOINT), weights)].endpoint
        request = Request(identity, workload, t0, endpoint, list(words.via))
        self._at(t0, request, lambda t: self._hop_in(t, request, 0))

    def _end(self, t: int, request: Request, outcome: int) -> None:
        """The request's story is over at `t`; the client may have lost its patience before."""
        if request.entry is not None:
            router, entry = request.entry
            router.connections[entry.position] -= 1
        words = self.spec.workloads[request.workload]
        end = t
        if words.timeout is not None and t > request.t0 + words.timeout:
            end, outcome = request.t0 + words.timeout, TIMED_OUT
        self.tallies.ended(request, end, outcome)
        if words.arrivals.kind == "closed":
            self._think(request.workload, (request.id >> 16) + words.arrivals.users, t)

    # the way in

    def _cross(self, t: int, request: Request, link: str, hop: int) -> int | None:
        """Return the time of arrival at the other end, or None when the request is lost."""
        law, loss_ppb = self.links[link]
        loss_ppb += self.faults.extra_loss_ppb(link, t)
        if loss_ppb and uniform(self.stream, request.id, LINK_LOSS + 2 * hop) * 1e9 < loss_ppb:
            return None
        arrival = (
            t + law.draw(self.stream, request.id, LINK_DELAY + 2 * hop) + self.faults.extra_delay(link, t)
        )
        self.tallies.crossed(link, t, arrival)
        return arrival

    def _hop_in(self, t: int, request: Request, hop: int) -> None:
        if hop == len(request.path):
            self._enter(t, request)
            return
        arrival = self._cross(t, request, request.path[hop], hop)
        if arrival is None:
            self._end(t, request, DROPPED)
            return
        request.hop_ns[hop] = arrival - t
        self._at(arrival, request, lambda now: self._hop_in(now, request, hop + 1))

    def _enter(self, t: int, request: Request) -> None:
        entry = self.spec.workloads[request.workload].entry
        if entry in self.routers:
            self._route(t, request, entry)
        else:
            request.path = list(reversed(request.path))
            self._at_server(t, request, self.station_of[entry, 0])

    def _route(self, t: int, request: Request, name: str) -> None:
        router = self.routers[name]
        if not router.admits(t):
            self._end(t, request, SHED)
            return
        entry = router.choose(t, request.id)
        router.connections[entry.position] += 1
        request.entry = (router, entry)
        request.target = self.first_target[name] + entry.target
        target = router.targets[entry.target]
        via = request.path
        back = [target.link, *reversed(via)] if target.link else list(reversed(via))
        request.path = list(target.return_via) if target.return_via is not None else back
        station = self.station_of[entry.server, entry.replica]
        if target.link is None:
            self._at_server(t, request, station)
            return
        arrival = self._cross(t, request, target.link, len(via))
        if arrival is None:
            self._end(t, request, DROPPED)
            return
        request.hop_ns[-1] = arrival - t
        self._at(arrival, request, lambda now: self._at_server(now, request, station))

    def _at_server(self, t: int, request: Request, station: int) -> None:
        request.replica = station
        server, replica = self.station_name[station]
        if self.faults.is_down(server, replica, t):
            self.stations[station].refuse(t)
            self._end(t, request, REFUSED)
        elif self.stations[station].arrive(t, request) == "shed":
            self._end(t, request, SHED)

    # the way back

    def _served(self, t: int, request: Request) -> None:
        self._hop_back(t, request, 0)

    def _hop_back(self, t: int, request: Request, hop: int) -> None:
        if hop == len(request.path):
            self._end(t, request, OK)
            return
        via = len(self.spec.workloads[request.workload].via)
        arrival = self._cross(t, request, request.path[hop], via + 1 + hop)
        if arrival is None:
            self._end(t, request, DROPPED)
            return
        request.back_ns[hop] = arrival - t
        self._at(arrival, request, lambda now: self._hop_back(now, request, hop + 1))


def simulate_trial(scenario: Any, seed: int, trial: int) -> OracleTrial:
    """Simulate one trial of a scenario (`headroom_common.scenario.Scenario`), whole and naively."""
    return World(scenario, seed, trial).run()
