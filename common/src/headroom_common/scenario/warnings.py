"""What is allowed but hardly meant: declared and never used, or too late to matter."""

from collections.abc import Iterator

from headroom_common.scenario.arrivals import TraceArrivals
from headroom_common.scenario.model import Scenario, Spec
from headroom_common.scenario.topology import PoolStep, ServerSpec, Step
from headroom_common.scenario.units import format_duration


def scenario_warnings(scenario: Scenario) -> list[str]:
    """Return a sentence with its path for everything in a valid scenario that its author should look at."""
    spec = scenario.spec
    return [*_unused(spec), *_unused_in_servers(spec), *_too_late(spec)]


def _reached(spec: Spec) -> tuple[set[str], set[str]]:
    """Return the names of the routers and of the servers that some workload reaches."""
    entries = {workload.entry for workload in spec.workloads}
    routers = {router.name for router in spec.routers if router.name in entries}
    servers = {
        target.server for router in spec.routers if router.name in routers for target in router.targets
    }
    return routers, servers | (entries - routers)


def _unused(spec: Spec) -> Iterator[str]:
    routers, servers = _reached(spec)
    links = {name for workload in spec.workloads for name in workload.via}
    for router in spec.routers:
        for target in router.targets:
            links |= {target.link or "", *(target.return_via or ())}
    for index, link in enumerate(spec.links):
        if link.name not in links:
            yield f"spec.links[{index}]: link '{link.name}' is never crossed"
    for index, router in enumerate(spec.routers):
        if router.name not in routers:
            yield f"spec.routers[{index}]: router '{router.name}' is the entry of no workload"
    for index, server in enumerate(spec.servers):
        if server.name not in servers:
            yield f"spec.servers[{index}]: server '{server.name}' is reached by no workload"


def _unused_in_servers(spec: Spec) -> Iterator[str]:
    _, reached = _reached(spec)
    asked = {entry.endpoint for workload in spec.workloads for entry in workload.mix}
    for index, server in enumerate(spec.servers):
        pools = {pool for endpoint in server.endpoints for pool in _pools(endpoint.steps)}
        for position, pool in enumerate(server.pools):
            if pool.name not in pools:
                yield f"spec.servers[{index}].pools[{position}]: pool '{pool.name}' is taken by no step"
        if server.name in reached:
            yield from _unasked(index, server, asked)


def _unasked(index: int, server: ServerSpec, asked: set[str]) -> Iterator[str]:
    for position, endpoint in enumerate(server.endpoints):
        if endpoint.name not in asked:
            where = f"spec.servers[{index}].endpoints[{position}]"
            yield f"{where}: endpoint '{endpoint.name}' is in no workload's mix"


def _pools(steps: tuple[Step, ...]) -> Iterator[str]:
    for step in steps:
        if isinstance(step, PoolStep):
            yield step.pool
            yield from _pools(step.steps)


def _too_late(spec: Spec) -> Iterator[str]:
    horizon = format_duration(spec.horizon)
    for index, fault in enumerate(spec.faults):
        if fault.start >= spec.horizon:
            yield (
                f"spec.faults[{index}]: starts at {format_duration(fault.start)}, after the horizon of "
                f"{horizon}"
            )
    for index, workload in enumerate(spec.workloads):
        arrivals = workload.arrivals
        if isinstance(arrivals, TraceArrivals) and arrivals.times[-1] >= spec.horizon:
            late = sum(time >= spec.horizon for time in arrivals.times)
            yield (
                f"spec.workloads[{index}].arrivals: {late:,} of {len(arrivals.times):,} times are at or "
                "after the "
                f"horizon of {horizon} and left out"
            )
