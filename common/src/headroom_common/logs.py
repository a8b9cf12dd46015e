"""The event manager's log lines, which a process may silence; a silent one never imports structlog.

structlog brings rich along, and its loggers are made anew for every line, even one that nobody hears: both
are dear to a run in one process, which reports its failures as exceptions.
"""

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from headroom_common.contracts.envelope import Envelope

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

_SILENT: AbstractContextManager[None] = nullcontext()


class _Voice:
    """What this process logs."""

    silent = False
    details = True


def silence(*, silent: bool, details: bool = True) -> None:
    """Drop all log lines from now on, or write them as structlog is configured.

    Args:
        silent: whether to drop all.
        details: whether anybody hears those of level debug.
    """
    _Voice.silent = silent
    _Voice.details = details


def within(envelope: Envelope) -> AbstractContextManager[None]:
    """Return a context whose log lines carry the event's ids."""
    if _Voice.silent:
        return _SILENT
    from headroom_common.telemetry import bind_event  # noqa: PLC0415 - see the module's docstring

    return bind_event(envelope)


class Log:
    """The log of one module.

    Args:
        name: of the module.
    """

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def debug(self, event: str, **values: Any) -> None:  # noqa: ANN401 - whatever can be written
        """Tell what helps to find a fault."""
        if _Voice.details and not _Voice.silent:
            self._structured().debug(event, **values)

    def info(self, event: str, **values: Any) -> None:  # noqa: ANN401 - as above
        """Tell what happened."""
        if not _Voice.silent:
            self._structured().info(event, **values)

    def warning(self, event: str, **values: Any) -> None:  # noqa: ANN401 - as above
        """Tell what went wrong and is dealt with."""
        if not _Voice.silent:
            self._structured().warning(event, **values)

    def error(self, event: str, **values: Any) -> None:  # noqa: ANN401 - as above
        """Tell what went wrong."""
        if not _Voice.silent:
            self._structured().error(event, **values)

    def exception(self, event: str, **values: Any) -> None:  # noqa: ANN401 - as above
        """Tell what went wrong, with the traceback of the exception that is being handled."""
        if not _Voice.silent:
            self._structured().exception(event, **values)

    def _structured(self) -> "FilteringBoundLogger":
        import structlog  # noqa: PLC0415 - see the module's docstring

        logger: FilteringBoundLogger = structlog.get_logger(self._name)
        return logger
