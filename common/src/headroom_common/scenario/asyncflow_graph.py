"""The paths through an AsyncFlow graph, and what is wrong with it."""

from collections.abc import Iterator
from dataclasses import dataclass

from headroom_common.scenario.asyncflow_schema import Edge, Payload, Server
from headroom_common.scenario.draft import Finding, Loc
from headroom_common.scenario.suggestions import did_you_mean

_NODES: Loc = ("topology_graph", "nodes")
_EDGES: Loc = ("topology_graph", "edges")


@dataclass(frozen=True, slots=True)
class Branch:
    """One server that requests reach.

    Attributes:
        server: the server.
        to: the edge to it.
        back: the edge from it to the client.
    """

    server: Server
    to: Edge
    back: Edge


@dataclass(frozen=True, slots=True)
class Paths:
    """The way of a request.

    Attributes:
        via: the edges from the generator to the load balancer (or to the only server, that last edge not
            included).
        branches: the servers behind, in the order of the edges.
    """

    via: tuple[Edge, ...]
    branches: tuple[Branch, ...]


def find_paths(payload: Payload) -> tuple[Paths, list[Finding]]:
    """Follow the edges from the generator; what leads nowhere is in the findings."""
    broken = [*_duplicates(payload), *_dangling(payload)]
    findings = [*broken, *_events(payload)]
    if broken:  # following a broken graph would only say the same in other words
        return Paths((), ()), findings
    graph = payload.topology_graph
    balancer = graph.nodes.load_balancer
    servers = {server.id: server for server in graph.nodes.servers}
    via: list[Edge] = []
    here = payload.rqs_input.id
    while not (balancer is not None and here == balancer.id):
        edge = _only_edge(payload, here, findings)
        if edge is None or edge in via:
            break
        if edge.target in servers:
            return Paths(tuple(via), tuple(_branches(payload, [edge], servers, findings))), findings
        via.append(edge)
        here = edge.target
    if balancer is None or here != balancer.id:
        if not findings:
            findings.append(Finding.of(_EDGES, "a way from the generator to a server", "none", text=True))
        return Paths(tuple(via), ()), findings
    edges = [edge for edge in graph.edges if edge.source == balancer.id]
    findings += _coverage(payload, edges, servers)
    return Paths(tuple(via), tuple(_branches(payload, edges, servers, findings))), findings


def edge_loc(payload: Payload, edge: Edge) -> Loc:
    """Return the place of *edge* in the document."""
    return (*_EDGES, payload.topology_graph.edges.index(edge))


def server_loc(payload: Payload, server: Server) -> Loc:
    """Return the place of *server* in the document."""
    return (*_NODES, "servers", payload.topology_graph.nodes.servers.index(server))


def _only_edge(payload: Payload, source: str, findings: list[Finding]) -> Edge | None:
    edges = [edge for edge in payload.topology_graph.edges if edge.source == source]
    if len(edges) == 1:
        return edges[0]
    if not edges:
        findings.append(Finding.of(_EDGES, f"an edge with source '{source}'", "none", text=True))
    else:
        loc = (*edge_loc(payload, edges[1]), "source")
        expected = f"one edge with source '{source}' (only the load balancer has several)"
        findings.append(Finding.of(loc, expected, str(len(edges)), text=True))
    return None


def _branches(
    payload: Payload, edges: list[Edge], servers: dict[str, Server], findings: list[Finding]
) -> Iterator[Branch]:
    client = payload.topology_graph.nodes.client.id
    for edge in edges:
        server = servers.get(edge.target)
        if server is None:
            findings.append(
                Finding.of((*edge_loc(payload, edge), "target"), "the id of a server", edge.target)
            )
            continue
        back = _only_edge(payload, server.id, findings)
        if back is None:
            continue
        if back.target != client:
            hint = "Headroom has no calls from server to server yet"
            loc = (*edge_loc(payload, back), "target")
            findings.append(Finding.of(loc, f"the client '{client}'", back.target, hint))
            continue
        yield Branch(server, edge, back)


def _coverage(payload: Payload, edges: list[Edge], servers: dict[str, Server]) -> Iterator[Finding]:
    balancer = payload.topology_graph.nodes.load_balancer
    linked = {edge.target for edge in edges}
    for index, name in enumerate(balancer.server_covered if balancer else ()):
        loc = (*_NODES, "load_balancer", "server_covered", index)
        if name not in servers:
            yield Finding.of(loc, "the id of a server", name, did_you_mean(name, servers))
        elif name not in linked:
            yield Finding.of(loc, "a server with an edge from the load balancer", name)


def _duplicates(payload: Payload) -> Iterator[Finding]:
    nodes = payload.topology_graph.nodes
    seen = {nodes.client.id: "the client"}
    if nodes.load_balancer is not None:
        if nodes.load_balancer.id in seen:
            yield Finding.of((*_NODES, "load_balancer", "id"), "a unique id", nodes.load_balancer.id)
        seen[nodes.load_balancer.id] = "the load balancer"
    for index, server in enumerate(nodes.servers):
        if server.id in seen:
            found = f"'{server.id}', which is {seen[server.id]}"
            yield Finding.of((*_NODES, "servers", index, "id"), "a unique id", found, text=True)
        seen.setdefault(server.id, f"servers[{index}]")
    edges: set[str] = set()
    for index, edge in enumerate(payload.topology_graph.edges):
        if edge.id in edges:
            yield Finding.of((*_EDGES, index, "id"), "a unique id", f"'{edge.id}' again", text=True)
        edges.add(edge.id)


def _dangling(payload: Payload) -> Iterator[Finding]:
    nodes = payload.topology_graph.nodes
    known = [server.id for server in nodes.servers] + [nodes.client.id]
    known += [nodes.load_balancer.id] if nodes.load_balancer else []
    for index, edge in enumerate(payload.topology_graph.edges):
        if edge.target not in known:
            hint = did_you_mean(edge.target, known)
            yield Finding.of((*_EDGES, index, "target"), "the id of a node", edge.target, hint)
        sources = [*known, payload.rqs_input.id]
        if edge.source not in sources:
            hint = did_you_mean(edge.source, sources)
            yield Finding.of(
                (*_EDGES, index, "source"), "the id of a node or of the generator", edge.source, hint
            )
        if edge.source == edge.target:
            yield Finding.of((*_EDGES, index, "target"), "another node than the source", edge.target)


def _events(payload: Payload) -> Iterator[Finding]:
    servers = [server.id for server in payload.topology_graph.nodes.servers]
    edges = [edge.id for edge in payload.topology_graph.edges]
    seen: set[str] = set()
    for index, event in enumerate(payload.events or ()):
        if event.event_id in seen:
            yield Finding.of(
                ("events", index, "event_id"), "a unique id", f"'{event.event_id}' again", text=True
            )
        seen.add(event.event_id)
        is_outage = event.start.kind == "server_down"
        known, what = (servers, "a server") if is_outage else (edges, "an edge")
        if event.target_id not in known:
            hint = did_you_mean(event.target_id, known)
            expected = f"the id of {what} with {event.start.kind}"
            yield Finding.of(("events", index, "target_id"), expected, event.target_id, hint)
