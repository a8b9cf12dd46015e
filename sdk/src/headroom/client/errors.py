"""What a gateway refuses, and what it cannot do now, as typed errors made from its problem details."""

from collections.abc import Sequence
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from headroom_common.errors import HeadroomError, PermanentError, TransientError
from headroom_common.scenario.problems import Problem

_KIND: Final = "urn:headroom:problem:"
_SHOWN: Final = 20
_PASSING: Final = frozenset({408, 425, 429, 500, 502, 503, 504})

_LOG_IN: Final = "Give a key: headroom login URL, or the environment variable HEADROOM_KEY."


class Fault(BaseModel):
    """What is wrong with one part of a request.

    Attributes:
        field: path of the part.
        message: what was expected and found, in a sentence.
        line: the line in the YAML, from 1; None when there is no YAML.
        column: the column, from 1; None as above.
        expected: what would have been right; None when it is no problem of a scenario.
        found: what is there.
        hint: what to do.
        override: the override to blame, as it was given.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    field: str = ""
    message: str = ""
    line: int | None = None
    column: int | None = None
    expected: str | None = None
    found: str | None = None
    hint: str | None = None
    override: str | None = None

    @property
    def problem(self) -> Problem | None:
        """The same as a problem of a scenario; None when it is none."""
        if self.expected is None or self.found is None:
            return None
        words = self.expected, self.found, self.hint or "", self.override or ""
        return Problem(self.field, self.line, self.column, *words)

    def __str__(self) -> str:
        return str(self.problem or (f"{self.field}: {self.message}" if self.field else self.message))


class ProblemDetails(BaseModel):
    """A failure as the gateway told it (RFC 9457).

    Attributes:
        type: a URI that names the kind of problem.
        title: the kind of problem in words.
        status: HTTP status.
        detail: what happened in this case, and what to do next.
        request_id: id of the request, as in the gateway's logs.
        errors: the faults of a request that is not valid.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    type: str = "about:blank"
    title: str = ""
    status: int = 0
    detail: str = ""
    request_id: str = ""
    errors: Sequence[Fault] = Field(default=())

    @property
    def kind(self) -> str:
        """The kind of problem as one word, such as ``too-many-runs``; empty when the status says it all."""
        return self.type.removeprefix(_KIND) if self.type.startswith(_KIND) else ""

    def __str__(self) -> str:
        words = self.detail or self.title or f"status {self.status}"
        shown = "".join(f"\n  {fault}" for fault in self.errors[:_SHOWN])
        rest = len(self.errors) - _SHOWN
        return words + shown + (f"\n  and {rest} more" if rest > 0 else "")


class GatewayError(HeadroomError):
    """A gateway did not do what it was asked for.

    Args:
        message: what went wrong.
        next_step: what the reader should do next.
        details: what the gateway said; None when it said nothing that can be read.

    Attributes:
        details: as given.
    """

    def __init__(self, message: str, *, next_step: str = "", details: ProblemDetails | None = None) -> None:
        super().__init__(message, next_step=next_step)
        self.details = details

    @property
    def status(self) -> int | None:
        """The HTTP status; None when there was no answer."""
        return None if self.details is None else self.details.status

    @property
    def kind(self) -> str:
        """The kind of problem as one word, such as ``too-many-runs``; empty when there is none."""
        return "" if self.details is None else self.details.kind


class GatewayUnavailableError(GatewayError, TransientError):
    """The gateway cannot be reached, has no room or has a fault, in every try; that may pass.

    Attributes:
        delay: seconds for which the gateway wants to be left alone; None when it did not say.
    """


class GatewayRefusedError(GatewayError, PermanentError):
    """The gateway will not do what it was asked for, however often it is asked."""


class GatewayScenarioError(GatewayRefusedError):
    """The gateway found problems in the scenario.

    Attributes:
        problems: all of them, with their paths, and their lines where it was given YAML.
    """

    @property
    def problems(self) -> Sequence[Problem]:
        """All problems, in the order of the document."""
        faults = () if self.details is None else self.details.errors
        return [fault.problem for fault in faults if fault.problem is not None]


def passes(status: int) -> bool:
    """Tell whether a failure with this status may pass by itself."""
    return status in _PASSING


def details_of(answer: httpx.Response) -> ProblemDetails:
    """Return what an answer, already read, says about its failure; a proxy may have made it."""
    try:
        details = ProblemDetails.model_validate_json(answer.content)
    except ValidationError:
        details = ProblemDetails(
            title=answer.reason_phrase, request_id=answer.headers.get("X-Request-ID", "")
        )
    return details.model_copy(update={"status": answer.status_code})


def refusal(answer: httpx.Response, address: str) -> GatewayError:
    """Return the error that says why an answer, already read, is a failure."""
    details = details_of(answer)
    found = f"gateway at {address}: {details}"
    if details.request_id and answer.is_server_error:
        found += f" (request {details.request_id})"
    if answer.has_redirect_location:
        found = f"gateway at {address}: expected an answer, found a redirect to {answer.headers['Location']}"
    # What the gateway says ends with what to do; of this program's own ways it cannot know.
    next_step = _LOG_IN if answer.status_code == HTTPStatus.UNAUTHORIZED else ""
    if passes(answer.status_code):
        error = GatewayUnavailableError(found, next_step=next_step, details=details)
        error.delay = retry_after(answer)
        return error
    if any(fault.problem is not None for fault in details.errors):
        return GatewayScenarioError(found, next_step=next_step, details=details)
    return GatewayRefusedError(found, next_step=next_step, details=details)


def retry_after(answer: httpx.Response) -> float | None:
    """Return the seconds for which an answer asks to be left alone; None when it does not say."""
    told = answer.headers.get("Retry-After", "").strip()
    if told.isascii() and told.isdigit():
        return float(told)
    try:
        until = parsedate_to_datetime(told)
        now = parsedate_to_datetime(answer.headers.get("Date", ""))
        return max(0.0, (until - now).total_seconds())
    except (ValueError, TypeError):
        return None
