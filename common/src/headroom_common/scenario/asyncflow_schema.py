"""AsyncFlow's YAML as models, so that it is validated with the same care as Headroom's own.

Its meaning was read from AsyncFlow 0.1.1. Times are seconds, memory is megabytes. Unknown keys are allowed
here,
because AsyncFlow allows them, and reported as warnings by the conversion.
"""

from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from headroom_common.scenario.base import refuse

DEFAULT_LOSS: Final = 0.01
CPU_KINDS: Final = ("initial_parsing", "cpu_bound_operation")
IO_KINDS: Final = ("io_task_spawn", "io_llm", "io_wait", "io_db", "io_cache")

Law = Literal["poisson", "normal", "log_normal", "exponential", "uniform"]
StepKind = Literal[
    "initial_parsing", "cpu_bound_operation", "io_task_spawn", "io_llm", "io_wait", "io_db", "io_cache", "ram"
]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Identifier = Annotated[str, Field(min_length=1)]


class _Part(BaseModel):
    """Base of the models: frozen, numbers read leniently like AsyncFlow's, unknown keys kept."""

    model_config = ConfigDict(frozen=True, extra="allow")


class RandomVariable(_Part):
    """A random variable by mean, law and variance."""

    mean: Positive
    distribution: Law | None = None
    variance: NotNegative | None = None


class Generator(_Part):
    """The traffic: active users, and requests per user and minute."""

    id: Identifier
    type: Literal["generator"] = "generator"
    avg_active_users: RandomVariable
    avg_request_per_minute_per_user: RandomVariable
    user_sampling_window: Annotated[int, Field(ge=1, le=120)] = 60

    @model_validator(mode="after")
    def _laws_are_known(self) -> Self:
        if self.avg_active_users.distribution not in (None, "poisson", "normal"):
            refuse("avg_active_users with distribution poisson or normal", self.avg_active_users.distribution)
        if self.avg_request_per_minute_per_user.distribution not in (None, "poisson"):
            law = self.avg_request_per_minute_per_user.distribution
            refuse("avg_request_per_minute_per_user with distribution poisson", law)
        return self


class StepOperation(_Part):
    """How much of what one step takes: exactly one of the three."""

    cpu_time: Positive | None = None
    io_waiting_time: Positive | None = None
    necessary_ram: Positive | None = None


class Step(_Part):
    """One step of an endpoint."""

    kind: StepKind
    step_operation: StepOperation

    @property
    def amount(self) -> float:
        """Seconds of a cpu or io step, MB of a ram step."""
        return float(getattr(self.step_operation, _operation_of(self.kind)) or 0)

    @model_validator(mode="after")
    def _operation_fits_kind(self) -> Self:
        wanted = _operation_of(self.kind)
        given = [
            name for name in StepOperation.model_fields if getattr(self.step_operation, name) is not None
        ]
        if given != [wanted]:
            refuse(f"'{wanted}' alone with kind {self.kind}", " and ".join(given) or "nothing", text=True)
        return self


def _operation_of(kind: str) -> str:
    if kind == "ram":
        return "necessary_ram"
    return "cpu_time" if kind in CPU_KINDS else "io_waiting_time"


class Endpoint(_Part):
    """An endpoint; AsyncFlow itself knows no `probability` and chooses among them with equal chances."""

    endpoint_name: Identifier
    steps: tuple[Step, ...]
    probability: Positive | None = None


class ServerResources(_Part):
    """What a server has."""

    cpu_cores: Annotated[int, Field(ge=1)] = 1
    ram_mb: Annotated[int, Field(ge=256)] = 1024
    db_connection_pool: Annotated[int, Field(ge=1)] | None = None


class Server(_Part):
    """A server."""

    id: Identifier
    type: Literal["server"] = "server"
    server_resources: ServerResources
    endpoints: Annotated[tuple[Endpoint, ...], Field(min_length=1)]


class LoadBalancer(_Part):
    """The load balancer."""

    id: Identifier
    type: Literal["load_balancer"] = "load_balancer"
    algorithms: Literal["round_robin", "least_connection"] = "round_robin"
    server_covered: tuple[str, ...] = ()


class Client(_Part):
    """The client, which requests leave from and answers come back to."""

    id: Identifier
    type: Literal["client"] = "client"


class Nodes(_Part):
    """The nodes of the graph."""

    servers: Annotated[tuple[Server, ...], Field(min_length=1)]
    client: Client
    load_balancer: LoadBalancer | None = None


class Edge(_Part):
    """A directed network connection."""

    id: Identifier
    source: Identifier
    target: Identifier
    latency: RandomVariable
    edge_type: Literal["network_connection"] = "network_connection"
    dropout_rate: Annotated[float, Field(ge=0, le=1)] = DEFAULT_LOSS


class Graph(_Part):
    """The topology."""

    nodes: Nodes
    edges: tuple[Edge, ...]


class Settings(_Part):
    """How long to simulate, how often to sample; the lists of metrics choose what AsyncFlow keeps."""

    total_simulation_time: Annotated[int, Field(ge=5)] = 3600
    sample_period_s: Annotated[float, Field(ge=0.001, le=0.1)] = 0.01
    enabled_sample_metrics: Any = None
    enabled_event_metrics: Any = None


class EventStart(_Part):
    """How an event begins."""

    kind: Literal["server_down", "network_spike_start"]
    t_start: NotNegative
    spike_s: Positive | None = None


class EventEnd(_Part):
    """How an event ends."""

    kind: Literal["server_up", "network_spike_end"]
    t_end: Positive


class Event(_Part):
    """A server's outage or a spike of an edge's latency."""

    event_id: Identifier
    target_id: Identifier
    start: EventStart
    end: EventEnd

    @model_validator(mode="after")
    def _start_fits_end(self) -> Self:
        is_outage = self.start.kind == "server_down"
        wanted = "server_up" if is_outage else "network_spike_end"
        if self.end.kind != wanted:
            refuse(f"an end of kind {wanted} after {self.start.kind}", self.end.kind)
        if self.end.t_end <= self.start.t_start:
            found = f"t_start {self.start.t_start:g} and t_end {self.end.t_end:g}"
            refuse("an end after the start", found, text=True)
        if is_outage != (self.start.spike_s is None):
            expected = "no 'spike_s' with server_down" if is_outage else "'spike_s' with network_spike_start"
            refuse(expected, self.start.spike_s)
        return self


class Payload(_Part):
    """The whole document."""

    rqs_input: Generator
    topology_graph: Graph
    sim_settings: Settings
    events: tuple[Event, ...] | None = None
