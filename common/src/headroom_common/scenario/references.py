"""Rules that span several objects: names are unique, references lead somewhere, demands fit capacities."""

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from headroom_common.scenario.draft import Draft, Finding, Loc, mappings, names, quietly, texts
from headroom_common.scenario.objectives import read_sentence
from headroom_common.scenario.suggestions import did_you_mean
from headroom_common.scenario.units import (
    NANOSECONDS_PER_SECOND,
    format_duration,
    format_memory,
    parse_duration,
    parse_memory,
    parse_rate,
)

MAX_HORIZON_NS = 30 * 24 * 3600 * 10**9
MAX_SAMPLES = 10_000
MAX_REQUESTS = 10**14


def check_spec(spec: dict[str, Any]) -> list[Finding]:
    """Return everything that is wrong between the objects of a raw, expanded spec."""
    draft = Draft(spec)
    return list(
        chain(
            _times(spec),
            _volumes(spec),
            _unique_names(draft),
            _workloads(draft),
            _routers(draft),
            _servers(draft),
            _faults(draft),
            _objectives(draft),
        )
    )


def _unknown(loc: Loc, what: str, found: object, known: Mapping[str, object]) -> Iterator[Finding]:
    """Yield a finding unless *found* is known; what is not even text is left to its own model."""
    if isinstance(found, str) and found not in known:
        yield Finding.of(loc, f"the name of {what}", found, did_you_mean(found, known))


def _times(spec: dict[str, Any]) -> Iterator[Finding]:
    horizon = quietly(parse_duration, spec.get("horizon"))
    if not horizon:
        return
    if horizon > MAX_HORIZON_NS:
        yield Finding.of(("horizon",), "at most 30d", spec["horizon"])
    warmup = quietly(parse_duration, spec.get("warmup"))
    if warmup is not None and warmup >= horizon:
        yield Finding.of(("warmup",), f"less than the horizon of {format_duration(horizon)}", spec["warmup"])
    period = quietly(parse_duration, spec.get("sample_period"))
    if period and horizon > period * MAX_SAMPLES:
        least = format_duration(-(-horizon // MAX_SAMPLES))
        yield Finding.of(
            ("sample_period",),
            f"at least {least}, so that there are at most 10,000 samples",
            spec["sample_period"],
        )


def _volumes(spec: dict[str, Any]) -> Iterator[Finding]:
    """Yield a finding for each workload whose requests could outnumber the ids that tell them apart."""
    horizon = quietly(parse_duration, spec.get("horizon")) or 0
    for index, workload in mappings(spec, "workloads"):
        arrivals = workload.get("arrivals")
        if not isinstance(arrivals, dict):
            continue
        users = arrivals.get("users")
        crowd = users.get("mean") if isinstance(users, dict) else 1
        key = "rate_per_user" if "rate_per_user" in arrivals else "rate"
        rates = [
            arrivals.get(key),
            *(point.get("rate") for _, point in mappings(arrivals.get(key), "points")),
        ]
        fastest = max(quietly(parse_rate, rate) or 0 for rate in rates)
        if (
            isinstance(crowd, int | float)
            and fastest * crowd * horizon > MAX_REQUESTS * NANOSECONDS_PER_SECOND
        ):
            expected = f"at most {MAX_REQUESTS:.0e} requests within the horizon"
            yield Finding.of(("workloads", index, "arrivals", key), expected, arrivals[key])


def _duplicates(parent: object, loc: Loc, key: str) -> Iterator[Finding]:
    first = names(parent, key)
    for index, item in mappings(parent, key):
        name = item.get("name")
        if isinstance(name, str) and first[name] != index:
            found = f"'{name}' again (first in {key}[{first[name]}])"
            yield Finding.of((*loc, key, index, "name"), "a unique name", found, text=True)


def _unique_names(draft: Draft) -> Iterator[Finding]:
    for key in ("workloads", "links", "routers", "servers", "faults"):
        yield from _duplicates(draft.spec, (), key)
    for name, index in draft.servers.items():
        if name in draft.routers:
            found = f"'{name}', which is a router too (routers[{draft.routers[name]}])"
            yield Finding.of(
                ("servers", index, "name"), "a name unique among routers and servers", found, text=True
            )


def _workloads(draft: Draft) -> Iterator[Finding]:
    entries = draft.routers | draft.servers
    for index, workload in mappings(draft.spec, "workloads"):
        loc: Loc = ("workloads", index)
        entry = workload.get("entry")
        yield from _unknown((*loc, "entry"), "a router or a server", entry, entries)
        replicas = (draft.server(entry) or {}).get("replicas", 1)
        is_server = isinstance(entry, str) and entry not in draft.routers
        if is_server and isinstance(replicas, int) and replicas > 1:
            found = f"'{entry}' with {replicas} replicas"
            yield Finding.of(
                (*loc, "entry"),
                "a router, or a server with one replica",
                found,
                "put a router before it",
                text=True,
            )
        for position, link in texts(workload, "via"):
            yield from _unknown((*loc, "via", position), "a link", link, draft.links)
        yield from _mix(draft, workload, loc)


def _mix(draft: Draft, workload: Mapping[str, Any], loc: Loc) -> Iterator[Finding]:
    seen: set[str] = set()
    for position, entry in mappings(workload, "mix"):
        endpoint = entry.get("endpoint")
        if not isinstance(endpoint, str):
            continue
        at = (*loc, "mix", position, "endpoint")
        if endpoint in seen:
            yield Finding.of(at, "each endpoint once", f"'{endpoint}' again", text=True)
        seen.add(endpoint)
        for server in draft.reachable(workload):
            known = draft.endpoints(server)
            if known and endpoint not in known:
                expected = f"an endpoint of every reachable server (here '{server}')"
                yield Finding.of(at, expected, endpoint, did_you_mean(endpoint, known))
                break


def _routers(draft: Draft) -> Iterator[Finding]:
    for index, router in mappings(draft.spec, "routers"):
        seen: set[object] = set()
        for position, target in mappings(router, "targets"):
            loc: Loc = ("routers", index, "targets", position)
            server = target.get("server")
            yield from _unknown((*loc, "server"), "a server", server, draft.servers)
            yield from _unknown((*loc, "link"), "a link", target.get("link"), draft.links)
            for hop, link in texts(target, "return_via"):
                yield from _unknown((*loc, "return_via", hop), "a link", link, draft.links)
            if isinstance(server, str) and server in seen:
                yield Finding.of(
                    (*loc, "server"), "each server once per router", f"'{server}' again", text=True
                )
            if isinstance(server, str):
                seen.add(server)


def _servers(draft: Draft) -> Iterator[Finding]:
    for index, server in mappings(draft.spec, "servers"):
        loc: Loc = ("servers", index)
        yield from _duplicates(server, loc, "pools")
        yield from _duplicates(server, loc, "endpoints")
        capacity = quietly(parse_memory, server.get("memory"))
        inside: dict[str, set[str]] = {}
        for position, endpoint in mappings(server, "endpoints"):
            at = (*loc, "endpoints", position)
            need = quietly(parse_memory, endpoint.get("memory"))
            if capacity is not None and need is not None and need > capacity:
                expected = f"at most the server's memory of {format_memory(capacity)}"
                hint = "such a request would wait for ever"
                yield Finding.of((*at, "memory"), expected, endpoint["memory"], hint)
            yield from _steps(endpoint, at, names(server, "pools"), (), inside)


def _steps(
    parent: Mapping[str, Any],
    loc: Loc,
    pools: Mapping[str, int],
    held: tuple[str, ...],
    inside: dict[str, set[str]],
) -> Iterator[Finding]:
    """Check the pools of steps; `inside` gathers which pools of the server are taken while which are held."""
    for index, step in mappings(parent, "steps"):
        pool = step.get("pool")
        if not isinstance(pool, str):
            continue
        at = (*loc, "steps", index)
        yield from _unknown((*at, "pool"), "a pool of this server", pool, pools)
        if pool in held:
            hint = "a request that waits for its own token waits for ever"
            yield Finding.of((*at, "pool"), "a pool that is not held already", pool, hint)
        else:
            crossed = next((outer for outer in held if _leads(inside, pool, outer)), None)
            if crossed is not None:
                hint = (
                    f"elsewhere '{crossed}' is taken inside '{pool}': two requests could wait for each other"
                )
                expected = "pools nested in one order throughout the server"
                yield Finding.of((*at, "pool"), expected, f"'{pool}' inside '{crossed}'", hint, text=True)
            for outer in held:
                inside.setdefault(outer, set()).add(pool)
        yield from _steps(step, at, pools, (*held, pool), inside)


def _leads(inside: Mapping[str, set[str]], start: str, goal: str) -> bool:
    """Tell whether taking `goal` follows, directly or not, from holding `start`."""
    seen: set[str] = set()
    ahead = [start]
    while ahead:
        pool = ahead.pop()
        if pool == goal:
            return True
        if pool not in seen:
            seen.add(pool)
            ahead.extend(inside.get(pool, ()))
    return False


def _faults(draft: Draft) -> Iterator[Finding]:
    for index, fault in mappings(draft.spec, "faults"):
        loc: Loc = ("faults", index)
        yield from _unknown((*loc, "link"), "a link", fault.get("link"), draft.links)
        yield from _unknown((*loc, "server"), "a server", fault.get("server"), draft.servers)
        replicas = (draft.server(fault.get("server")) or {}).get("replicas", 1)
        replica = fault.get("replica")
        known = draft.server(fault.get("server")) is not None and isinstance(replicas, int)
        if known and isinstance(replica, int) and replica >= max(replicas, 1):
            expected = f"a replica below {replicas} (they count from 0)"
            yield Finding.of((*loc, "replica"), expected, replica)


def _objectives(draft: Draft) -> Iterator[Finding]:
    objectives = draft.spec.get("objectives")
    for index, objective in enumerate(objectives if isinstance(objectives, list) else ()):
        mapping = quietly(read_sentence, objective)
        if not isinstance(mapping, dict):
            continue

        # A sentence has no keys of its own to point at, so its finding points at the whole.
        def at(kind: str, loc: Loc = ("objectives", index), item: object = objective) -> Loc:
            return (*loc, kind) if isinstance(item, dict) else loc

        yield from _unknown(at("workload"), "a workload", mapping.get("workload"), draft.workloads)
        yield from _unknown(at("server"), "a server", mapping.get("server"), draft.servers)
        endpoints = {name: 0 for server in draft.servers for name in draft.endpoints(server)}
        yield from _unknown(at("endpoint"), "an endpoint", mapping.get("endpoint"), endpoints)
