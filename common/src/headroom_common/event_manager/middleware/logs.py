"""Logs what became of each delivery, with the event's ids bound to every line on the way."""

from headroom_common.event_manager.handling import (
    Acknowledge,
    GiveUp,
    Handling,
    Outcome,
    Proceed,
    RetryLater,
)
from headroom_common.logs import Log, within

_log = Log(__name__)


class Logs:
    """Binds the event's ids to the log context and logs the verdict."""

    async def __call__(self, handling: Handling, proceed: Proceed) -> None:
        """Handle the event within its log context."""
        envelope = handling.envelope
        if envelope is None:
            await proceed(handling)
            self._log_verdict(handling)
            return
        with within(envelope):
            await proceed(handling)
            self._log_verdict(handling)

    def _log_verdict(self, handling: Handling) -> None:
        attempt = handling.delivery.attempt
        match handling.verdict:
            case Acknowledge(outcome=Outcome.HANDLED):
                _log.debug("event handled", outputs=handling.published, attempt=attempt)
            case Acknowledge(outcome=outcome):
                _log.debug(f"{outcome} dropped")
            case RetryLater(delay=delay, reason=reason):
                _log.warning("event put off", reason=reason, delay_s=round(delay, 3), attempt=attempt)
            case GiveUp(reason=reason, error=error):
                _log.error("event given up", reason=reason, error=error, attempt=attempt)
