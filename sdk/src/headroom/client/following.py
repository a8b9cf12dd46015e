"""Following runs and experiments: their news until they have ended, over however many connections."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Final, TypeVar

from headroom.client.calls import Calls, Pauses
from headroom.client.errors import GatewayUnavailableError
from headroom.client.streams import Decoder
from headroom_gateway.experiment_representations import ExperimentEvent
from headroom_gateway.representations import RunEvent

NewsT = TypeVar("NewsT", RunEvent, ExperimentEvent)

_NEWS: Final = frozenset({"state", "progress"})


async def follow(
    calls: Calls, path: str, kind: type[NewsT], is_active: Callable[[], Awaitable[bool]], after: int
) -> AsyncGenerator[NewsT, None]:
    """Yield news until the end; a lost connection is taken up where it was lost.

    Args:
        calls: how the gateway is asked.
        path: of what is followed.
        kind: its news.
        is_active: asks whether it has not ended.
        after: sequence number of the last news that are known already.

    Raises:
        GatewayError: the gateway refuses, or stayed away for longer than the client has patience.
    """
    pauses, last = Pauses(calls.patience, calls.patience.lost), after
    while True:
        news = False
        error = GatewayUnavailableError(f"{path[1:]}: expected news until its end, found none")
        try:
            async with aclosing(_stream(calls, path, kind, last)) as stream:
                async for event in stream:
                    if event.sequence <= last:
                        continue
                    last, news = event.sequence, True
                    pauses.restart()
                    yield event
                    if not event.state.active:
                        return
            if not news and not await is_active():
                return
        except GatewayUnavailableError as lost:
            error = lost
        await pauses.after(error)


async def _stream(calls: Calls, path: str, kind: type[NewsT], last: int) -> AsyncGenerator[NewsT, None]:
    headers = {"Accept": "text/event-stream", **({"Last-Event-ID": str(last)} if last else {})}
    decoder = Decoder()
    async with calls.streamed(f"{path}/events", headers=headers) as answer:
        async for chunk in answer.aiter_bytes():
            for event in decoder.feed(chunk):
                if event.name in _NEWS:
                    yield calls.read(kind, event.data)
