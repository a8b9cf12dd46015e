"""Structured logs: one configuration for all services, and the context that every line carries.

Log lines are JSON objects in deployment and readable text at a terminal. While an event is being handled,
each line carries its run, trial, segment, event id and trace id.
"""

import logging
import sys
from contextlib import AbstractContextManager
from contextvars import ContextVar
from typing import Final, Literal, TextIO

import structlog
from structlog.typing import EventDict

from headroom_common import logs
from headroom_common.contracts.envelope import Envelope

LogFormat = Literal["json", "console"]
"""How log lines are written."""

LogLevel = Literal["debug", "info", "warning", "error"]
"""The least severe level that is written."""

_LEVELS: Final[dict[LogLevel, int]] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
# Tracebacks without local variables: whole scenarios are among them, and perhaps secrets.
_TRACEBACKS: Final = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)
_IN_HAND: Final[ContextVar[Envelope | None]] = ContextVar("event in hand", default=None)
_SUBJECT_PARTS: Final = ("run", "trial", "segment", "part")


def configure(
    *, log_format: LogFormat = "json", level: LogLevel = "info", stream: TextIO | None = None
) -> None:
    """Configure structlog for this process, and let the event manager be heard.

    Args:
        log_format: JSON lines or readable text.
        level: the least severe level that is written.
        stream: where lines go; standard error when None, so that standard output stays the program's own.
    """
    target = stream if stream is not None else sys.stderr
    last: list[structlog.typing.Processor] = (
        [_TRACEBACKS, structlog.processors.JSONRenderer(sort_keys=False)]
        if log_format == "json"
        else [
            structlog.dev.ConsoleRenderer(
                colors=target.isatty(), exception_formatter=structlog.dev.plain_traceback
            )
        ]
    )
    logs.silence(silent=False, details=level == "debug")
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            _with_event,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.StackInfoRenderer(),
            *last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(target),
        cache_logger_on_first_use=False,
    )


def adopt_standard_logging(level: LogLevel = "info") -> None:
    """Have what libraries log through the standard library written like everything else.

    Args:
        level: the least severe level that is written; the libraries' own details below warnings are written
            at ``debug`` only.
    """
    root = logging.getLogger()
    root.handlers[:] = [_Adopted()]
    root.setLevel(logging.DEBUG if level == "debug" else max(logging.WARNING, _LEVELS[level]))


class _Adopted(logging.Handler):
    """Hands records of the standard library's loggers to structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        log = structlog.get_logger(record.name)
        log.log(record.levelno, record.getMessage(), logger=record.name, exc_info=record.exc_info)


def event_context(envelope: Envelope) -> dict[str, str]:
    """Return what tells an event from others: run, trial, segment, part, id, type, trace, as it has them."""
    context = {"event_id": str(envelope.id), "event_type": envelope.type}
    if envelope.correlationid is not None:
        context.update(zip(_SUBJECT_PARTS, envelope.subject.split("/"), strict=False))
        context["run"] = str(envelope.correlationid)
    if envelope.traceparent is not None:
        context["trace_id"] = envelope.traceparent.split("-")[1]
    return context


def bind_event(envelope: Envelope) -> AbstractContextManager[None]:
    """Return a context whose log lines carry the event's run, trial, segment, id, type and trace."""
    return _Bound(envelope)


class _Bound(AbstractContextManager[None]):
    """Keeps an event until a line is written: most events are handled without one."""

    __slots__ = ("_envelope", "_token")

    def __init__(self, envelope: Envelope) -> None:
        self._envelope = envelope

    def __enter__(self) -> None:
        self._token = _IN_HAND.set(self._envelope)

    def __exit__(self, *_: object) -> None:
        _IN_HAND.reset(self._token)


def _with_event(_logger: object, _method: str, line: EventDict) -> EventDict:
    envelope = _IN_HAND.get()
    return line if envelope is None else {**event_context(envelope), **line}
