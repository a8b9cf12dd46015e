"""The life of a run: which news change it, and what has to be told to the other services then.

    queued ──▶ running ──▶ completed | failed
      │           │
      ▼           ▼
    cancelled ◀── cancelling

News come late, twice and in any order; what no longer matters changes nothing.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

UNANSWERED: Final = "the services did not answer the cancellation in time"


class RunState(StrEnum):
    """Where a run is in its life."""

    QUEUED = "queued"
    RUNNING = "running"
    CANCELLING = "cancelling"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def active(self) -> bool:
        """Whether the run has not ended."""
        return self in ACTIVE


ACTIVE: Final = frozenset({RunState.QUEUED, RunState.RUNNING, RunState.CANCELLING})
"""The states of runs that have not ended."""


class Message(StrEnum):
    """What the other services are told."""

    REQUESTED = "requested"
    CANCELLED = "cancelled"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Life:
    """What changes about a run.

    Attributes:
        state: where it is.
        trials_done: trials that are complete; None before the first progress.
        requests: requests simulated so far; None as above.
        simulated_s: virtual time simulated so far, in seconds; None as above.
        failure_reason: why it failed.
        failure_field: path of the scenario's field at fault.
        last_event: what was heard of it last.
        result_hash: its result.
    """

    state: RunState
    trials_done: int | None = None
    requests: int | None = None
    simulated_s: float | None = None
    failure_reason: str | None = None
    failure_field: str | None = None
    last_event: str | None = None
    result_hash: str | None = None


@dataclass(frozen=True, slots=True)
class Started:
    """The run is handed to the services."""


@dataclass(frozen=True, slots=True)
class Progressed:
    """The services came further.

    Attributes:
        trials_done: trials that are complete.
        requests: requests simulated so far.
        simulated_s: virtual time simulated so far, in seconds.
        subject: what the event was about.
    """

    trials_done: int
    requests: int
    simulated_s: float
    subject: str


@dataclass(frozen=True, slots=True)
class Completed:
    """All trials are analysed.

    Attributes:
        result_hash: the result.
    """

    result_hash: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """The services have let the run go, as they were told to.

    Attributes:
        trials_done: trials that were complete by then.
        result_hash: the result of these; None when there is none.
    """

    trials_done: int
    result_hash: str | None


@dataclass(frozen=True, slots=True)
class Failed:
    """A service could not go on.

    Attributes:
        reason: why.
        field: path of the scenario's field at fault; None when it is none.
    """

    reason: str
    field: str | None


@dataclass(frozen=True, slots=True)
class CancelAsked:
    """A user wants no more of it."""


@dataclass(frozen=True, slots=True)
class Stalled:
    """Nothing was heard of it for too long.

    Attributes:
        limit: how long, in seconds.
    """

    limit: float


News = Started | Progressed | Completed | Stopped | Failed | CancelAsked | Stalled
"""Whatever may happen to a run."""


@dataclass(frozen=True, slots=True)
class Change:
    """What follows from news.

    Attributes:
        life: the run from then on.
        message: what the other services are told.
    """

    life: Life
    message: Message | None = None


def change(life: Life, news: News) -> Change | None:
    """Return what follows from news, None when nothing does."""
    match news:
        case Started() | CancelAsked():
            return _told(life, news)
        case Progressed():
            return _progressed(life, news)
        case Stalled():
            return _stalled(life, news)
        case _:
            return _ended(life, news)


def _told(life: Life, news: Started | CancelAsked) -> Change | None:
    match life.state, news:
        case RunState.QUEUED, Started():
            started = replace(life, state=RunState.RUNNING, last_event="run.requested")
            return Change(started, Message.REQUESTED)
        case RunState.QUEUED, CancelAsked():
            return Change(replace(life, state=RunState.CANCELLED))
        case RunState.RUNNING, CancelAsked():
            return Change(replace(life, state=RunState.CANCELLING), Message.CANCELLED)
        case _:
            return None


def _progressed(life: Life, news: Progressed) -> Change | None:
    known = (life.trials_done or 0, life.requests or 0, life.simulated_s or 0.0)
    told = (news.trials_done, news.requests, news.simulated_s)
    if life.state is not RunState.RUNNING or told <= known:
        return None
    later = replace(
        life,
        trials_done=max(known[0], told[0]),
        requests=max(known[1], told[1]),
        simulated_s=max(known[2], told[2]),
        last_event=f"run.progressed {news.subject}",
    )
    return Change(later)


def _ended(life: Life, news: Completed | Stopped | Failed) -> Change | None:
    match life.state, news:
        case RunState.RUNNING | RunState.CANCELLING, Completed(result_hash=result):
            # Whoever cancels too late gets all of it.
            return Change(replace(life, state=RunState.COMPLETED, result_hash=result))
        case RunState.RUNNING | RunState.CANCELLING, Stopped(trials_done=done, result_hash=result):
            return Change(replace(life, state=RunState.CANCELLED, trials_done=done, result_hash=result))
        case ((RunState.FAILED | RunState.CANCELLED), Stopped(result_hash=str() as result)) if (
            not life.result_hash
        ):
            return Change(replace(life, result_hash=result))
        case RunState.RUNNING, Failed(reason=reason, field=field):
            failed = replace(life, state=RunState.FAILED, failure_reason=reason, failure_field=field)
            return Change(failed, Message.CANCELLED)
        case _:
            return None


def _stalled(life: Life, news: Stalled) -> Change | None:
    if life.state is RunState.CANCELLING:
        return Change(replace(life, state=RunState.CANCELLED, failure_reason=UNANSWERED))
    if life.state is not RunState.RUNNING:
        return None
    reason = f"no progress for {news.limit:g} s; the last that was heard of it: {life.last_event}"
    return Change(replace(life, state=RunState.FAILED, failure_reason=reason), Message.CANCELLED)
