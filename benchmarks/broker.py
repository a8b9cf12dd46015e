"""A throw-away broker for the measurements of events, and what both sides do with it outside of them."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from benchmarks.sample import Sample, Stopwatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from headroom_servers.rabbitmq import RabbitMQ

URL: Final = "HEADROOM_BENCHMARK_BROKER"
"""Environment variable that tells a measurement the URL of a virtual host that it has for itself."""
QUEUE_LIMIT: Final = 10_000
"""Messages that the queues of both sides take: more than a measurement has."""
_SERVERS: Final = Path(__file__).resolve().parent.parent / "tests" / "servers"
_VIRTUAL_HOST: Final = "benchmark"


@contextmanager
def running() -> Iterator[RabbitMQ]:
    """Run a broker on all cores but the one where everything is measured."""
    from benchmarks.processes import one_core  # noqa: PLC0415 - workers import this module as well

    sys.path.insert(0, str(_SERVERS))
    from headroom_servers.rabbitmq import RabbitMQ  # noqa: PLC0415 - found only now

    everything = os.sched_getaffinity(0)
    os.sched_setaffinity(0, everything - {one_core()} or everything)
    broker = RabbitMQ()
    try:
        broker.start()
        os.sched_setaffinity(0, everything)
        yield broker
    finally:
        os.sched_setaffinity(0, everything)
        broker.stop()


@contextmanager
def fresh_virtual_host(broker: RabbitMQ) -> Iterator[None]:
    """Give the next measurement a virtual host that is gone afterwards, with all queues."""
    broker.add_virtual_host(_VIRTUAL_HOST)
    os.environ[URL] = broker.url_of(_VIRTUAL_HOST)
    try:
        yield
    finally:
        del os.environ[URL]
        broker.delete_virtual_host(_VIRTUAL_HOST)


class Meter:
    """Measures from the first event in hand until the last one is settled.

    Args:
        expected: how many events.
    """

    def __init__(self, expected: int) -> None:
        self.expected = expected
        self._watch = Stopwatch()

    def begin(self) -> None:
        """Note that an event is in hand; the first one counts."""
        self._watch.start()

    def end(self) -> None:
        """Note that all events are settled."""
        self._watch.stop()

    async def sample(self, output_queue: str) -> Sample:
        """Return the sample; its "latencies" are the sizes in bytes of all answers, read from their queue."""
        sizes = await _sizes(output_queue, self.expected)
        mean, p99 = float(np.mean(sizes)), float(np.percentile(sizes, 99))
        return Sample(self.expected, self._watch.wall, self._watch.cpu, mean, p99, {})


async def _sizes(queue_name: str, expected: int) -> list[int]:
    import aio_pika  # noqa: PLC0415 - no other measurement needs it

    sizes: dict[str, int] = {}
    async with await aio_pika.connect(os.environ[URL]) as connection:
        channel = await connection.channel()
        await channel.set_qos(prefetch_count=20)
        queue = await channel.get_queue(queue_name, ensure=False)
        async with asyncio.timeout(60), queue.iterator(no_ack=False) as messages:
            async for message in messages:
                sizes[str(message.headers["ce-id"])] = len(message.body)
                await message.ack()
                if len(sizes) == expected:
                    break
    return list(sizes.values())
