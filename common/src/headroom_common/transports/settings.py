"""Settings of the connection to a broker, with their defaults."""

from itertools import pairwise
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from headroom_common.contracts.wire import MAX_BODY_BYTES
from headroom_common.event_manager.settings import Seconds


class BrokerSettings(BaseModel):
    """How to reach the broker, and how it keeps what it is given.

    The limits become arguments of the queues when these are first declared. A queue that exists with other
    arguments keeps them, and the transport says so in its log.

    Attributes:
        url: where the broker is: ``amqp://user:password@host:port/virtual-host``, ``amqps://`` for TLS.
        ca_file: certificates of the authorities that may have signed the broker's, PEM; None takes the
            system's.
        certificate_file: certificate that this client presents, PEM; None presents none.
        key_file: its private key, PEM; None when the certificate's file holds it too.
        verify_certificate: whether the broker's certificate has to be valid for its host.
        heartbeat: seconds between signs of life; silence for three times as long ends a connection.
        connection_timeout: seconds that connecting may take.
        reconnect_base: seconds before a lost connection is tried again, at most; doubled every time.
        reconnect_cap: seconds between two tries, at most.
        queue_limit: messages that a work queue takes before it refuses more, and that a private queue keeps
            before it forgets its oldest.
        delivery_limit: how often a message is delivered without being settled, before it becomes a dead
            letter.
        retry_delays: seconds after which a message can be delivered again, ascending; every other delay is
            rounded up to one of them, and those beyond the last are cut to it.
        dead_letter_limit: dead letters kept per service; with so many, giving up another one is refused.
        private_queue_expiry: seconds after which a private queue goes that nobody listens to.
        quorum_group_size: nodes that a new queue is replicated to; None leaves it to the broker.
        max_body_bytes: the largest body that is published, in bytes; no more than the broker takes.
    """

    # No input in errors: a URL that is refused holds a password too.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: SecretStr = SecretStr("amqp://guest:guest@localhost:5672/")
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None
    verify_certificate: bool = True
    heartbeat: Annotated[int, Field(ge=1, le=3600)] = 15
    connection_timeout: Seconds = 10.0
    reconnect_base: Seconds = 0.1
    reconnect_cap: Seconds = 5.0
    queue_limit: Annotated[int, Field(ge=1)] = 1_000
    delivery_limit: Annotated[int, Field(ge=2)] = 50
    retry_delays: Annotated[tuple[Seconds, ...], Field(min_length=1)] = (1.0, 10.0, 60.0, 600.0)
    dead_letter_limit: Annotated[int, Field(ge=1)] = 10_000
    private_queue_expiry: Seconds = 600.0
    quorum_group_size: Annotated[int, Field(ge=1)] | None = None
    max_body_bytes: Annotated[int, Field(ge=1, le=512 * 2**20)] = MAX_BODY_BYTES

    @property
    def address(self) -> str:
        """The URL without its password, for messages and logs."""
        parts = urlsplit(self.url.get_secret_value())
        user = f"{parts.username}@" if parts.username else ""
        return f"{parts.scheme}://{user}{parts.netloc.rpartition('@')[2]}{parts.path}"

    @field_validator("url")
    @classmethod
    def _a_url_has_one_reading(cls, url: SecretStr) -> SecretStr:
        parts = urlsplit(url.get_secret_value())
        try:
            unclear = "@" in parts.path + parts.query + parts.fragment or parts.port == 0
        except ValueError:
            unclear = True
        if unclear:
            msg = (
                "expected amqp://user:password@host:port/virtual-host, with / ? # @ : in them percent-encoded"
            )
            raise ValueError(msg)
        return url

    @field_validator("retry_delays")
    @classmethod
    def _delays_ascend(cls, delays: tuple[float, ...]) -> tuple[float, ...]:
        if any(later <= sooner for sooner, later in pairwise(delays)):
            msg = f"expected ascending delays, found {', '.join(f'{delay:g}' for delay in delays)}"
            raise ValueError(msg)
        return delays

    @model_validator(mode="after")
    def _a_key_has_its_certificate(self) -> Self:
        if self.key_file is not None and self.certificate_file is None:
            msg = "certificate_file: expected one beside key_file, found none"
            raise ValueError(msg)
        return self
