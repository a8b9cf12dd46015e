"""Gives up events that cannot be handled, and tells the run's user why."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from headroom_common.contracts.events import RunFailed
from headroom_common.contracts.wire import Encoded
from headroom_common.errors import HeadroomError
from headroom_common.event_manager.handling import GiveUp, Handling, Proceed
from headroom_common.logs import Log

_log = Log(__name__)


class DeadLettering:
    """Turns every failure that retrying did not mend into a dead letter; the service goes on.

    Args:
        announce: publishes the failure of the run that an event belongs to.
    """

    def __init__(self, announce: Callable[[Handling, RunFailed], Awaitable[None]]) -> None:
        self._announce = announce

    async def __call__(self, handling: Handling, proceed: Proceed) -> None:
        """Handle the event, or give it up."""
        try:
            await proceed(handling)
        except Exception as error:  # noqa: BLE001 - the boundary: whatever fails, the service goes on
            if not isinstance(error, HeadroomError):
                _log.exception("handler failed unexpectedly")
            run = _run_of(handling)
            reason = str(error) if isinstance(error, HeadroomError) else f"unexpected {error!r}"
            if run is not None and handling.subscribed.contract.body is not RunFailed:
                failure = RunFailed(run_id=run, reason=reason or repr(error), field=_field_of(error))
                await self._announce(handling, failure)
            handling.verdict = GiveUp(reason, type(error).__name__)


def _run_of(handling: Handling) -> UUID | None:
    content = handling.event or handling.delivery.message.content
    if not isinstance(content, Encoded):
        return content.envelope.correlationid
    # Of a message that cannot be decoded, this one header may still be good.
    try:
        return UUID(content.headers.get("ce-correlationid", ""))
    except ValueError:
        return None


def _field_of(error: Exception) -> str | None:
    field = getattr(error, "field", None)
    return field if isinstance(field, str) else None
