"""The backend: links, routers, servers, endpoints with their steps, and faults."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, overload

from headroom.builder.parts import Law, Part, given

Policy = Literal[
    "round_robin",
    "weighted_round_robin",
    "random",
    "weighted_random",
    "consistent_hash",
    "traffic_split",
    "least_connections",
    "power_of_two",
]


def link(name: str, *, delay: Law, loss: str | float | None = None) -> Part:
    """A network link with its delay and its loss, such as `"1%"`."""
    return given(name=name, delay=delay, loss=loss)


def target(
    server: str,
    *,
    link: str | None = None,
    weight: float | None = None,
    return_via: Sequence[str] | None = None,
) -> Part:
    """A server behind a router: the link to it, its weight, and the links of the way back."""
    back = None if return_via is None else list(return_via)
    return given(server=server, link=link, weight=weight, return_via=back)


def rate_limit(rate: str, *, burst: int) -> Part:
    """A token bucket that holds `burst` tokens and fills at `rate`."""
    return {"rate": rate, "burst": burst}


def router(
    name: str,
    *,
    policy: Policy,
    targets: Sequence[str | Mapping[str, Any]],
    rate_limit: Mapping[str, Any] | None = None,
) -> Part:
    """A load balancer over `targets`: made by `target`, or plain server names."""
    behind = [{"server": one} if isinstance(one, str) else one for one in targets]
    return given(name=name, policy=policy, targets=behind, rate_limit=rate_limit)


def cpu(duration: Law) -> Part:
    """A step that runs on a core."""
    return {"cpu": duration}


def io(duration: Law) -> Part:
    """A step that waits without a core."""
    return {"io": duration}


@overload
def pool(name: str, *, size: int) -> Part: ...
@overload
def pool(name: str, *, steps: Sequence[Mapping[str, Any]]) -> Part: ...
def pool(name: str, *, size: int | None = None, steps: Sequence[Mapping[str, Any]] | None = None) -> Part:
    """With `size`, a pool of a server; with `steps`, a step that holds one of its tokens meanwhile.

    Raises:
        TypeError: both or neither are given.
    """
    if (size is None) == (steps is None):
        message = f"pool {name!r}: expected size (of a pool) or steps (that hold it), found both or neither"
        raise TypeError(message)
    if size is not None:
        return {"name": name, "size": size}
    return {"pool": name, "steps": list(steps or ())}


def endpoint(name: str, *, steps: Sequence[Mapping[str, Any]], memory: str | None = None) -> Part:
    """What a server does for a request: reserve memory, then take `cpu`, `io` and `pool` steps in order."""
    return given(name=name, memory=memory, steps=list(steps))


def server(
    name: str,
    *,
    cores: int | str,
    endpoints: Sequence[Mapping[str, Any]],
    replicas: int | None = None,
    memory: str | None = None,
    pools: Sequence[Mapping[str, Any]] | None = None,
    queue_limit: int | None = None,
    concurrency_limit: int | None = None,
) -> Part:
    """A group of `replicas` equal servers; `cores`, `memory`, `pools` and limits are those of each one."""
    return given(
        name=name,
        replicas=replicas,
        cores=cores,
        memory=memory,
        pools=None if pools is None else list(pools),
        queue_limit=queue_limit,
        concurrency_limit=concurrency_limit,
        endpoints=list(endpoints),
    )


def server_down(
    server: str,
    *,
    start: str,
    end: str | None = None,
    duration: str | None = None,
    replica: int | None = None,
    in_flight: Literal["continue", "lost"] | None = None,
    name: str | None = None,
) -> Part:
    """The server, or one replica of it, is down from `start` to `end` (or for `duration`)."""
    return given(
        kind="server_down",
        server=server,
        replica=replica,
        start=start,
        end=end,
        duration=duration,
        in_flight=in_flight,
        name=name,
    )


def server_slowdown(
    server: str,
    *,
    factor: float,
    start: str,
    end: str | None = None,
    duration: str | None = None,
    replica: int | None = None,
    name: str | None = None,
) -> Part:
    """CPU steps of the server take `factor` times as long from `start` to `end` (or for `duration`)."""
    return given(
        kind="server_slowdown",
        server=server,
        replica=replica,
        factor=factor,
        start=start,
        end=end,
        duration=duration,
        name=name,
    )


def link_delay(
    link: str,
    *,
    extra: str,
    start: str,
    end: str | None = None,
    duration: str | None = None,
    name: str | None = None,
) -> Part:
    """The link takes `extra` longer from `start` to `end` (or for `duration`)."""
    return given(
        kind="link_delay", link=link, extra=extra, start=start, end=end, duration=duration, name=name
    )


def link_loss(
    link: str,
    *,
    loss: str | float,
    start: str,
    end: str | None = None,
    duration: str | None = None,
    name: str | None = None,
) -> Part:
    """The link loses `loss` more of what crosses it from `start` to `end` (or for `duration`)."""
    return given(kind="link_loss", link=link, loss=loss, start=start, end=end, duration=duration, name=name)
