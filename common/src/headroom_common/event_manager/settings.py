"""Settings of the event manager, with their defaults."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from headroom_common.contracts.wire import Compression

Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
"""A positive span of time."""


class EventManagerSettings(BaseModel):
    """How an event manager takes, retries and sends.

    Attributes:
        prefetch_control: control events that a subscription has in hand at most.
        prefetch_data: data events that a subscription has in hand at most; they bound its memory. A crash
            counts as a delivery for everything in hand, so both stay far below the delivery limit.
        max_attempts: attempts at handling an event before it becomes a dead letter.
        retry_base: seconds before the second attempt, at most; every further attempt doubles them.
        retry_cap: seconds before any attempt, at most.
        publish_base: seconds before a refused publish is tried again, at most; doubled every time.
        publish_cap: seconds between two tries of a publish, at most.
        publish_timeout: seconds to wait for a confirm before a publish is tried again and the service counts
            as degraded: a broker short of memory takes publishes and says nothing.
        drain_timeout: seconds that draining waits for what is in hand.
        farewell_timeout: seconds that stopping waits for its last announcements.
        compression: how data events are compressed when they are encoded.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    prefetch_control: Annotated[int, Field(ge=1, le=1000)] = 20
    prefetch_data: Annotated[int, Field(ge=1, le=1000)] = 4
    max_attempts: Annotated[int, Field(ge=1)] = 8
    retry_base: Seconds = 0.5
    retry_cap: Seconds = 60.0
    publish_base: Seconds = 0.01
    publish_cap: Seconds = 2.0
    publish_timeout: Seconds = 30.0
    drain_timeout: Seconds = 30.0
    farewell_timeout: Seconds = 2.0
    compression: Compression | None = None

    @model_validator(mode="after")
    def _caps_are_not_below_their_bases(self) -> Self:
        for name in ("retry", "publish"):
            base, cap = getattr(self, f"{name}_base"), getattr(self, f"{name}_cap")
            if cap < base:
                msg = f"{name}_cap: expected at least {name}_base ({base}), found {cap}"
                raise ValueError(msg)
        return self
