"""Settling a delivery is insisted on: refusals and silence are met with another try."""

import asyncio

import pytest

from headroom_common.event_manager import EventManagerSettings
from headroom_common.event_manager.counters import Counters
from headroom_common.event_manager.publisher import Publisher
from headroom_common.event_manager.states import StateMachine
from headroom_common.event_manager.virtual_time import VirtualClock, in_virtual_time
from headroom_common.transports.memory import MemoryBroker
from headroom_common.transports.port import ConnectionLostError, PublishRefusedError

SETTINGS = EventManagerSettings(publish_timeout=3.0, publish_base=0.01, publish_cap=0.1)


def publisher(counters: Counters) -> Publisher:
    states = StateMachine(lambda _: None)
    return Publisher(MemoryBroker().transport(), SETTINGS, VirtualClock(), states, counters)


@in_virtual_time
async def test_a_settlement_that_is_never_answered_is_tried_again() -> None:
    # Moving a delivery to a retry queue waits for a confirm; without an end it would be in hand for ever.
    tries = 0

    async def settle() -> None:
        nonlocal tries
        tries += 1
        if tries < 3:
            await asyncio.Event().wait()

    await publisher(Counters()).persist("a", settle)
    assert tries == 3
    assert 6.0 <= asyncio.get_running_loop().time() < 6.5


@in_virtual_time
async def test_a_refused_settlement_is_tried_again() -> None:
    counters = Counters()
    refusals = [PublishRefusedError("full"), PublishRefusedError("full")]

    async def settle() -> None:
        if refusals:
            raise refusals.pop()

    await publisher(counters).persist("a", settle)
    assert counters.refused == 2


@in_virtual_time
async def test_a_void_delivery_is_not_settled_again() -> None:
    async def settle() -> None:
        msg = "void"
        raise ConnectionLostError(msg)

    with pytest.raises(ConnectionLostError, match="void"):
        await publisher(Counters()).persist("a", settle)
