"""What requests cross and what serves them: links, routers, servers with their pools, endpoints and steps."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from headroom_common.scenario.base import EndpointName, Items, Name, Number, SchemaModel
from headroom_common.scenario.distributions import Dist
from headroom_common.scenario.units import Cores, PositiveRate, Quantity, Ratio

MAX_REPLICAS = 100_000
MAX_STEPS = 1_000

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


class LinkSpec(SchemaModel):
    """A network link: every crossing takes a random delay and may lose the request."""

    name: Name = Field(description="The link's name, unique.", examples=["internet"])
    delay: Dist = Field(
        description="The delay of one crossing: a duration, or a law.",
        examples=["12ms", {"distribution": "lognormal", "mean": "20ms", "sd": "5ms"}],
    )
    loss: Ratio = Field(
        default=0.0, description="The probability that a crossing loses the request.", examples=["1%"]
    )


class TargetSpec(SchemaModel):
    """A server behind a router."""

    server: Name = Field(description="The server; all of its replicas become targets.", examples=["app"])
    link: Name | None = Field(
        default=None, description="The link from the router to the server; none means no delay and no loss."
    )
    weight: Annotated[Number, Field(gt=0, le=1e9)] = Field(
        default=1.0, description="The weight of each replica (of the whole target for traffic_split)."
    )
    return_via: Items[Name] | None = Field(
        default=None,
        description=(
            "The links that answers cross, in order; by default the way in, backwards. [] crosses none."
        ),
        examples=[["lan", "internet"]],
    )


class RateLimit(SchemaModel):
    """A token bucket at the router's door: a request that finds no token is shed."""

    rate: PositiveRate = Field(description="How fast tokens come back.", examples=["500/s"])
    burst: Annotated[int, Field(ge=1, le=1_000_000_000)] = Field(
        description="The bucket's size in requests.", examples=[100]
    )


class RouterSpec(SchemaModel):
    """A load balancer: spreads requests over the replicas of its targets."""

    name: Name = Field(description="The router's name, unique among routers and servers.", examples=["lb"])
    policy: Policy = Field(
        description=(
            "How a replica is chosen: in turn (round_robin), in turn by weight (weighted_round_robin), by "
            "chance (random, "
            "weighted_random), by session (consistent_hash), by share per target (traffic_split), by "
            "fewest open "
            "requests (least_connections), or the better of two drawn at random (power_of_two)."
        ),
    )
    targets: Items[TargetSpec] = Field(
        description="The servers behind it, at least one.", min_length=1, max_length=100_000
    )
    rate_limit: RateLimit | None = Field(default=None, description="A token bucket; none means no limit.")


class PoolSpec(SchemaModel):
    """A fixed number of tokens, such as database connections, that requests take turns to hold."""

    name: Name = Field(description="The pool's name, unique in its server.", examples=["db"])
    size: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        description="The number of tokens.", examples=[20]
    )


class CpuStep(SchemaModel):
    """Computes: holds one core all the while."""

    cpu: Dist = Field(description="How long one core computes.", examples=["2ms"])


class IoStep(SchemaModel):
    """Waits without a core: a database, a cache, another system."""

    io: Dist = Field(
        description="How long the request waits without holding a core.",
        examples=["8ms", {"distribution": "exponential", "mean": "8ms"}],
    )


class PoolStep(SchemaModel):
    """Takes a token from a pool, runs the inner steps, gives the token back."""

    pool: Name = Field(description="The pool, one of the same server's.", examples=["db"])
    steps: "Items[Step]" = Field(
        description="The steps run while the token is held; pools may nest, but none twice at once.",
        min_length=1,
        max_length=MAX_STEPS,
    )


def _step_form(value: object) -> str | None:
    """Return which step *value* is, or None when it is none (or more than one)."""
    forms = ("cpu", "io", "pool")
    found = [form for form in forms if (form in value if isinstance(value, dict) else hasattr(value, form))]
    return found[0] if len(found) == 1 else None


Step = Annotated[
    Annotated[CpuStep, Tag("cpu")] | Annotated[IoStep, Tag("io")] | Annotated[PoolStep, Tag("pool")],
    Discriminator(_step_form),
]
"""One step of an endpoint, told apart by its key: `cpu`, `io` or `pool`."""


class EndpointSpec(SchemaModel):
    """What one kind of request does in a server."""

    name: EndpointName = Field(description="The endpoint's name, unique in its server.", examples=["/api"])
    memory: Quantity = Field(
        default=0,
        description="The working set, reserved before the first step and held to the end.",
        examples=["64Mi"],
    )
    steps: Items[Step] = Field(
        description="The steps in order: `cpu`, `io`, or `pool` with inner steps.",
        min_length=1,
        max_length=MAX_STEPS,
        examples=[[{"cpu": "2ms"}, {"io": "8ms"}]],
    )


class ServerSpec(SchemaModel):
    """A group of equal replicas, each with its own cores, memory, pools and queues."""

    name: Name = Field(description="The server's name, unique among routers and servers.", examples=["app"])
    template: Name | None = Field(
        default=None,
        exclude=True,
        description="A template of `templates.servers` whose keys this server's own keys replace.",
    )
    replicas: Annotated[int, Field(ge=1, le=MAX_REPLICAS)] = Field(
        default=1, description=f"The number of equal replicas, at most {MAX_REPLICAS:,}."
    )
    cores: Cores = Field(
        description="Cores per replica: how many cpu steps run at once. Whole.", examples=[4]
    )
    memory: Quantity | None = Field(
        default=None,
        description="Memory per replica that working sets share; none means unlimited.",
        examples=["2Gi"],
    )
    pools: Items[PoolSpec] = Field(default=(), description="Pools per replica.", max_length=100)
    queue_limit: Annotated[int, Field(ge=0, le=1_000_000_000)] | None = Field(
        default=None,
        description=(
            "Sheds a newcomer that would have to wait while this many wait already; none means no limit."
        ),
        examples=[100],
    )
    concurrency_limit: Annotated[int, Field(ge=1, le=1_000_000_000)] | None = Field(
        default=None,
        description="Sheds a newcomer while this many are inside; none means no limit.",
        examples=[200],
    )
    endpoints: Items[EndpointSpec] = Field(
        description="What the server answers, at least one.", min_length=1, max_length=1_000
    )


class Templates(SchemaModel):
    """Bodies that several servers share."""

    servers: dict[Name, dict[str, Any]] = Field(
        default_factory=dict,
        description="Server templates by name: any keys of a server but `name` and `template`.",
        examples=[{"web": {"cores": 2, "memory": "1Gi"}}],
    )


PoolStep.model_rebuild()
