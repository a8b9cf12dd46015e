"""The parts of a Headroom scenario made from those of an AsyncFlow document, and what to warn about."""

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from headroom_common.scenario.asyncflow_graph import Branch, Paths, edge_loc, server_loc
from headroom_common.scenario.asyncflow_schema import (
    CPU_KINDS,
    DEFAULT_LOSS,
    Edge,
    Endpoint,
    Event,
    Payload,
    RandomVariable,
    Server,
    Step,
)
from headroom_common.scenario.base import MAX_NAME_LENGTH
from headroom_common.scenario.draft import Loc
from headroom_common.scenario.problems import path_text
from headroom_common.scenario.references import MAX_SAMPLES
from headroom_common.scenario.units import format_duration, format_memory

_POOL = "db"
_POLICIES = {"round_robin": "round_robin", "least_connection": "least_connections"}
_LAWS = {"normal": "normal", "log_normal": "lognormal"}


def _duration(seconds: float) -> str:
    """Return seconds as a duration of at least 1 ns, rounded half up."""
    return format_duration(max(1, int(Fraction(seconds) * 10**9 + Fraction(1, 2))))


def _megabytes(amount: float) -> str:
    return format_memory(math.ceil(Fraction(amount) * 1024))


class Names:
    """Gives every id of AsyncFlow a name that the schema takes, each id always the same one."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def __call__(self, identifier: str) -> str:
        """Return the name for *identifier*."""
        if identifier not in self._names:
            base = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "-" for c in identifier)
            base = base.lstrip("-_.")[: MAX_NAME_LENGTH - 6] or "x"
            taken = set(self._names.values())
            candidates = (base if number == 1 else f"{base}-{number}" for number in range(1, len(taken) + 2))
            self._names[identifier] = next(name for name in candidates if name not in taken)
        return self._names[identifier]


class Conversion:
    """One conversion in the making.

    Args:
        payload: the checked document.
        paths: the ways through its graph; every one of them is complete.

    Attributes:
        warnings: what to tell the user, each with its path in the AsyncFlow document.
    """

    def __init__(self, payload: Payload, paths: Paths) -> None:
        self.payload = payload
        self.paths = paths
        self.warnings: list[str] = []
        self._node = Names()
        self._link = Names()

    def build(self, name: str) -> dict[str, Any]:
        """Return the scenario as its YAML would give it."""
        label = "-".join("".join(c if c.isascii() and c.isalnum() else " " for c in name.lower()).split())
        self._warn_about_samplers()
        spec = {
            "horizon": f"{self.payload.sim_settings.total_simulation_time}s",
            "sample_period": self._sample_period(),
            "workloads": [self._workload()],
            "links": self._links(),
            "routers": [self._router()],
            "servers": [self._server(branch) for branch in self.paths.branches],
        }
        faults = list(self._faults())
        return {
            "apiVersion": "headroom.dev/v1",
            "kind": "Scenario",
            "metadata": {
                "name": label[:MAX_NAME_LENGTH].strip("-") or "asyncflow-import",
                "description": "Converted from an AsyncFlow scenario.",
            },
            "spec": spec | ({"faults": faults} if faults else {}),
        }

    def _warn(self, loc: Loc, text: str) -> None:
        self.warnings.append(f"{path_text(loc)}: {text}")

    def _edges(self) -> list[Edge]:
        edges = [*self.paths.via]
        for branch in self.paths.branches:
            edges += [branch.to, branch.back]
        return list(dict.fromkeys(edges))

    def _warn_about_samplers(self) -> None:
        generator = self.payload.rqs_input
        rate = generator.avg_active_users.mean * generator.avg_request_per_minute_per_user.mean / 60
        share = min(1.0, 1 / (rate * generator.user_sampling_window))
        self._warn(
            ("rqs_input", "user_sampling_window"),
            "AsyncFlow loses the gap that crosses the end of a window, which squeezes arrivals earlier "
            "(here by about "
            f"{share:.2g} of the time); Headroom keeps every gap",
        )
        if generator.avg_request_per_minute_per_user.variance is not None:
            loc = ("rqs_input", "avg_request_per_minute_per_user", "variance")
            self._warn(loc, "ignored by AsyncFlow and by Headroom: requests are a Poisson process")
        settings = ("sim_settings",)
        self._warn(
            settings,
            "AsyncFlow leaves requests that are unfinished at the end out of the percentiles; Headroom "
            "follows every "
            "request to its end and counts it",
        )
        for key in ("enabled_sample_metrics", "enabled_event_metrics"):
            if getattr(self.payload.sim_settings, key) is not None:
                self._warn((*settings, key), "not needed: Headroom always collects every metric")

    def _sample_period(self) -> str:
        settings = self.payload.sim_settings
        wanted = round(settings.sample_period_s * 1000)
        least = -(-settings.total_simulation_time * 1000 // MAX_SAMPLES)
        if least > wanted:
            self._warn(
                ("sim_settings", "sample_period_s"),
                f"{settings.sample_period_s:g} s gives more than {MAX_SAMPLES:,} samples; Headroom samples "
                f"every {least} ms",
            )
        return f"{max(wanted, least)}ms"

    def _workload(self) -> dict[str, Any]:
        generator = self.payload.rqs_input
        return {
            "name": self._node(generator.id),
            "entry": self._entry(),
            "via": [self._link(edge.id) for edge in self.paths.via],
            "arrivals": {
                "kind": "users",
                "users": self._users(generator.avg_active_users),
                "rate_per_user": f"{generator.avg_request_per_minute_per_user.mean!r}/min",
                "window": f"{generator.user_sampling_window}s",
            },
            "mix": self._mix(),
        }

    def _entry(self) -> str:
        balancer = self.payload.topology_graph.nodes.load_balancer
        direct = self.paths.branches[0].to.source != (balancer.id if balancer else None)
        return self._node("entry" if balancer is None or direct else balancer.id)

    def _users(self, users: RandomVariable) -> dict[str, Any]:
        loc = ("rqs_input", "avg_active_users", "variance")
        if users.distribution != "normal":
            if users.variance is not None:
                self._warn(
                    loc, "ignored by AsyncFlow and by Headroom: a Poisson number's variance is its mean"
                )
            return {"mean": users.mean, "law": "poisson"}
        variance = users.mean if users.variance is None else users.variance
        sd = math.sqrt(variance)
        self._warn(
            loc,
            f"AsyncFlow uses the variance of {variance:g} as the standard deviation; Headroom takes its "
            "square root, "
            f"{sd:.4g} users",
        )
        return {"mean": users.mean, "law": "normal", "sd": sd}

    def _mix(self) -> list[dict[str, Any]]:
        branch = self.paths.branches[0]
        endpoints = branch.server.endpoints
        loc = (*server_loc(self.payload, branch.server), "endpoints")
        weights = [endpoint.probability for endpoint in endpoints]
        given = [weight for weight in weights if weight is not None]
        if given and len(endpoints) > 1:
            if len(given) == len(weights):
                note = "Headroom takes the 'probability' of each as its weight"
            else:
                note = "not every endpoint has one, so Headroom does the same"
                weights = [None] * len(weights)
            self._warn(loc, f"AsyncFlow ignores 'probability' and chooses with equal chances; {note}")
        elif len(endpoints) > 1:
            self._warn(
                loc, "endpoints are chosen with equal chances, as in AsyncFlow; set 'mix' to change that"
            )
        return [
            {"endpoint": name, "weight": 1 if weight is None else weight}
            for name, weight in zip(endpoint_names(branch.server), weights, strict=True)
        ]

    def _links(self) -> list[dict[str, Any]]:
        edges = self._edges()
        silent = [edge.id for edge in edges if "dropout_rate" not in edge.model_fields_set]
        if silent:
            self._warn(
                ("topology_graph", "edges"),
                f"{', '.join(silent)}: without dropout_rate AsyncFlow loses {DEFAULT_LOSS:.0%} on each; "
                "Headroom keeps that",
            )
        return [
            {
                "name": self._link(edge.id),
                "delay": self._delay(edge.latency, (*edge_loc(self.payload, edge), "latency")),
                "loss": edge.dropout_rate,
            }
            for edge in edges
        ]

    def _delay(self, latency: RandomVariable, loc: Loc) -> dict[str, Any]:
        law = latency.distribution or "poisson"
        mean = _duration(latency.mean)
        if law in _LAWS:
            return {"distribution": _LAWS[law], "mean": mean, "sd": self._sd(latency, law, loc)}
        if latency.variance is not None:
            self._warn((*loc, "variance"), f"ignored: AsyncFlow refuses it at run time with the law {law}")
        if law == "uniform":
            high = _duration(2 * latency.mean)
            self._warn(
                (*loc, "distribution"),
                f"AsyncFlow ignores the mean and draws from 0 to 1 s; Headroom draws from 0 to {high}, "
                f"whose mean is {mean}",
            )
            return {"distribution": "uniform", "low": "0s", "high": high}
        if law == "poisson":
            given = "" if latency.distribution else "without a distribution "
            self._warn(
                (*loc, "distribution"),
                f"{given}AsyncFlow draws a Poisson number of whole seconds (0 or 1 s, hardly ever near "
                f"{mean}); Headroom "
                f"draws a Poisson number of whole milliseconds with the mean {mean}",
            )
        return {"distribution": law, "mean": mean}

    def _sd(self, latency: RandomVariable, law: str, loc: Loc) -> str:
        if latency.variance is None:
            sd = _duration(latency.mean)
            self._warn(
                (*loc, "variance"),
                f"not given: AsyncFlow takes the mean's number, {latency.mean:g}, as the standard "
                "deviation; Headroom "
                f"takes {sd} too",
            )
        else:
            sd = _duration(math.sqrt(latency.variance)) if latency.variance else "0s"
            self._warn(
                (*loc, "variance"),
                f"AsyncFlow uses the variance of {latency.variance:g} s² as the standard deviation; "
                "Headroom takes its "
                f"square root, {sd}",
            )
        if law == "log_normal":
            self._warn(
                (*loc, "mean"),
                "AsyncFlow uses the mean as that of the logarithm (mu); Headroom takes it as the mean of "
                "the delay itself",
            )
        return sd

    def _router(self) -> dict[str, Any]:
        nodes = self.payload.topology_graph.nodes
        loc = ("topology_graph", "nodes", "load_balancer")
        algorithm = nodes.load_balancer.algorithms if nodes.load_balancer else "round_robin"
        if algorithm == "least_connection":
            self._warn(
                (*loc, "algorithms"),
                "AsyncFlow counts only messages in transit to a server; Headroom counts requests until "
                "they are answered",
            )
        covered = set(nodes.load_balancer.server_covered) if nodes.load_balancer else set()
        for branch in self.paths.branches:
            if covered and branch.server.id not in covered:
                self._warn(
                    (*loc, "server_covered"),
                    f"leaves out '{branch.server.id}', but AsyncFlow routes along every edge; so does "
                    "Headroom",
                )
        targets = [
            {
                "server": self._node(branch.server.id),
                "link": self._link(branch.to.id),
                "return_via": [self._link(branch.back.id)],
            }
            for branch in self.paths.branches
        ]
        return {"name": self._entry(), "policy": _POLICIES[algorithm], "targets": targets}

    def _server(self, branch: Branch) -> dict[str, Any]:
        resources = branch.server.server_resources
        loc = server_loc(self.payload, branch.server)
        server = {
            "name": self._node(branch.server.id),
            "cores": resources.cpu_cores,
            "memory": _megabytes(resources.ram_mb),
        }
        if resources.db_connection_pool is not None:
            self._warn(
                (*loc, "server_resources", "db_connection_pool"),
                f"AsyncFlow never uses it; Headroom holds one of {resources.db_connection_pool} "
                "connections during every "
                "io_db step",
            )
            server["pools"] = [{"name": _POOL, "size": resources.db_connection_pool}]
        has_pool = resources.db_connection_pool is not None
        names = endpoint_names(self.paths.branches[0].server)
        own = endpoint_names(branch.server)
        endpoints = []
        for index, (name, endpoint) in enumerate(zip(own, branch.server.endpoints, strict=True)):
            at = (*loc, "endpoints", index)
            if set(own) != set(names):
                self._warn(
                    (*at, "endpoint_name"),
                    f"the servers' endpoints differ; Headroom takes '{name}' for the first server's "
                    f"'{names[index]}'",
                )
            shared = name if set(own) == set(names) else names[index]
            endpoints.append(self._endpoint(shared, endpoint, at, has_pool=has_pool))
        return server | {"endpoints": endpoints}

    def _endpoint(self, name: str, endpoint: Endpoint, loc: Loc, *, has_pool: bool) -> dict[str, Any]:
        steps = []
        for index, step in enumerate(endpoint.steps):
            if step.kind == "io_task_spawn":
                self._warn(
                    (*loc, "steps", index, "kind"), "the request waits for the task, as it does in AsyncFlow"
                )
            if step.kind != "ram":
                steps.append(_step(step, has_pool=has_pool))
        need = sum(Fraction(step.amount) for step in endpoint.steps if step.kind == "ram")
        memory = {"memory": _megabytes(float(need))} if need else {}
        return {"name": name} | memory | {"steps": steps or [{"io": "0s"}]}

    def _faults(self) -> Iterator[dict[str, Any]]:
        used = {edge.id for edge in self._edges()}
        reached = {branch.server.id for branch in self.paths.branches}
        name = Names()
        for index, event in enumerate(self.payload.events or ()):
            if event.target_id in used | reached:
                yield {"name": name(event.event_id)} | self._fault(event, ("events", index))
            else:
                self._warn(("events", index), f"left out: no request ever reaches '{event.target_id}'")

    def _fault(self, event: Event, loc: Loc) -> dict[str, Any]:
        span = {"start": _time(event.start.t_start), "end": _time(event.end.t_end)}
        if event.start.spike_s is not None:
            extra = _duration(event.start.spike_s)
            return {"kind": "link_delay", "link": self._link(event.target_id), "extra": extra} | span
        self._warn(
            loc,
            "AsyncFlow still serves requests on their way to a server that goes down; Headroom refuses "
            "what arrives "
            "while it is down, and lets finish what is inside",
        )
        return {"kind": "server_down", "server": self._node(event.target_id), "in_flight": "continue"} | span


def endpoint_names(server: Server) -> list[str]:
    """Return the names of the server's endpoints as Headroom writes them."""
    return [endpoint.endpoint_name.strip() for endpoint in server.endpoints]


def _time(seconds: float) -> str:
    return format_duration(int(Fraction(seconds) * 10**9 + Fraction(1, 2)))


def _step(step: Step, *, has_pool: bool) -> dict[str, Any]:
    if step.kind in CPU_KINDS:
        return {"cpu": _duration(step.amount)}
    wait = {"io": _duration(step.amount)}
    return {"pool": _POOL, "steps": [wait]} if step.kind == "io_db" and has_pool else wait
