"""Puts off events whose handling failed for now, and gives up after too many attempts."""

import asyncio

from headroom_common.errors import PermanentError, TransientError
from headroom_common.event_manager.backoff import backoff
from headroom_common.event_manager.handling import Handling, Proceed, RetryLater
from headroom_common.event_manager.publisher import being_cancelled
from headroom_common.event_manager.settings import EventManagerSettings


class AttemptsExhaustedError(PermanentError):
    """The last attempt at an event failed as the ones before."""


class Retry:
    """Retries transient errors with exponential backoff and full jitter, or after the error's own delay.

    Args:
        settings: how often and how long.
    """

    def __init__(self, settings: EventManagerSettings) -> None:
        self._settings = settings

    async def __call__(self, handling: Handling, proceed: Proceed) -> None:
        """Handle the event, or put it off.

        Raises:
            AttemptsExhaustedError: this was the last attempt.
        """
        try:
            await proceed(handling)
        except asyncio.CancelledError as error:
            if being_cancelled():
                raise
            broken = TransientError("a connection broke under the handling of the event")
            self._put_off(handling, broken, error)
        except TransientError as error:
            self._put_off(handling, error, error)

    def _put_off(self, handling: Handling, error: TransientError, cause: BaseException) -> None:
        attempt = handling.delivery.attempt
        if attempt >= self._settings.max_attempts:
            msg = f"given up after {attempt} attempts: {error}"
            raise AttemptsExhaustedError(msg, next_step=error.next_step) from cause
        delay = error.delay
        if delay is None:
            identity = handling.delivery.message.event_id
            delay = backoff(identity, attempt, base=self._settings.retry_base, cap=self._settings.retry_cap)
        handling.verdict = RetryLater(delay, str(error))
