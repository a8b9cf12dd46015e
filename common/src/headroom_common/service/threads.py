"""Blocking calls that may be left behind: neither the event loop nor the process waits for them."""

import asyncio
import threading
from collections.abc import Callable


async def in_thread(call: Callable[[], object]) -> None:
    """Run ``call`` in a thread of its own; a cancelled caller leaves it behind.

    Raises:
        Exception: whatever ``call`` raises.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def settle(error: Exception | None) -> None:
        if done.cancelled():
            return
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)

    def work() -> None:
        failure: Exception | None = None
        try:
            call()
        except Exception as error:  # noqa: BLE001 - raised again where it is waited for
            failure = error
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, failure)

    threading.Thread(target=work, name="headroom-closing", daemon=True).start()
    await done
