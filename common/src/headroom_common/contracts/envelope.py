"""The envelope of every event: the attributes of CloudEvents 1.0, and ids that follow from their causes.

CloudEvents 1.0 (https://github.com/cloudevents/spec) names the attributes; its extensions
``correlationid``, ``causationid`` and ``traceparent`` carry the run, the input event and the W3C trace.
On the wire every attribute is a header with the prefix ``ce-``.
"""

import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Final, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from headroom_common.errors import PermanentError

HEADER_PREFIX: Final = "ce-"
"""What the name of an envelope's header starts with on the wire."""

NAMESPACE: Final = uuid.uuid5(uuid.NAMESPACE_DNS, "events.headroom.dev")
"""The UUIDv5 namespace of events that no other event caused."""

_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def child_id(cause: UUID, name: str) -> UUID:
    """Return the id of the output called ``name`` of handling the event ``cause``.

    Handling one event twice gives the same ids twice (UUIDv5, RFC 9562 section 5.5), so that a second
    copy is recognised wherever it arrives.
    """
    return uuid.uuid5(cause, name)


def root_id(event_type: str, subject: str) -> UUID:
    """Return the id of an event that no event caused and that happens once per type and subject."""
    return uuid.uuid5(NAMESPACE, f"{event_type} {subject}")


def trace_of(correlation: UUID, event_id: UUID) -> str:
    """Return the W3C ``traceparent`` that starts the trace of ``correlation`` at the event ``event_id``.

    Both ids follow from their arguments, so handling an event again continues the same trace.
    """
    return f"00-{correlation.hex}-{event_id.hex[16:]}-01"


def child_trace(parent: str, event_id: UUID) -> str:
    """Return the ``traceparent`` of an event caused within the trace ``parent``; flags are kept."""
    version, trace, _, flags = parent.split("-")
    return f"{version}-{trace}-{event_id.hex[16:]}-{flags}"


def _checked_traceparent(value: str) -> str:
    if _TRACEPARENT.fullmatch(value) is None:
        msg = "expected a W3C traceparent such as 00-<32 hex digits>-<16 hex digits>-01"
        raise ValueError(msg)
    return value


def _checked_time(value: datetime) -> datetime:
    if value.tzinfo is None:
        msg = "expected a time with its offset from UTC"
        raise ValueError(msg)
    return value.astimezone(UTC)


class Envelope(BaseModel):
    """The attributes of one event.

    Attributes:
        specversion: version of CloudEvents, always ``1.0``.
        id: unique for (source, type); equal for two copies of one event.
        source: ``/headroom/<service>/<instance>``.
        type: versioned name of the contract, such as ``headroom.run.requested.v1``.
        subject: what the event is about: ``<run>``, ``<run>/<trial>`` or ``<run>/<trial>/<segment>``.
        time: when it was produced, in UTC; says nothing about the result.
        datacontenttype: media type of the body on the wire.
        correlationid: the run, None for events outside any run.
        causationid: id of the event whose handling produced this one, None when there was none.
        traceparent: W3C trace context.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    specversion: Literal["1.0"] = "1.0"
    id: UUID
    source: Annotated[str, Field(min_length=1)]
    type: Annotated[str, Field(min_length=1)]
    subject: Annotated[str, Field(min_length=1)]
    time: Annotated[datetime, AfterValidator(_checked_time)]
    datacontenttype: str
    correlationid: UUID | None = None
    causationid: UUID | None = None
    traceparent: Annotated[str, AfterValidator(_checked_traceparent)] | None = None

    def headers(self) -> dict[str, str]:
        """Return the attributes as headers of the wire form; absent attributes have none."""
        attributes: dict[str, str] = self.model_dump(mode="json", exclude_none=True)
        return {HEADER_PREFIX + name: value for name, value in attributes.items()}

    @classmethod
    def from_headers(cls, headers: Mapping[str, str]) -> Self:
        """Return the envelope that ``headers`` carry; headers without the prefix are passed over.

        Raises:
            PermanentError: an attribute is missing, unknown or malformed; the message names it.
        """
        attributes = {
            name.removeprefix(HEADER_PREFIX): value
            for name, value in headers.items()
            if name.startswith(HEADER_PREFIX)
        }
        try:
            return cls.model_validate_strings(attributes)
        except ValidationError as error:
            msg = f"envelope: {describe(error)}"
            raise PermanentError(msg, next_step="Mend the producer of this event.") from error


def describe(error: ValidationError) -> str:
    """Return every finding of a pydantic error on one line: field, what was expected, what was found."""
    findings = []
    for finding in error.errors(include_url=False, include_context=False):
        path = ".".join(str(part) for part in finding["loc"]) or "body"
        found = "" if finding["type"] == "missing" else f", found {_short(finding['input'])}"
        findings.append(f"{path}: {finding['msg']}{found}")
    return "; ".join(findings)


def _short(value: object, limit: int = 80) -> str:
    text = repr(value)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
