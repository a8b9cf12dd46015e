"""Connecting to a real RabbitMQ: TLS, refusals, absence, and every way to lose the connection."""

import asyncio
import gc
import traceback
from pathlib import Path
from typing import Any

import pytest
from aio_pika.exceptions import AMQPConnectionError
from headroom_servers.proxy import Proxy
from headroom_servers.rabbitmq import Certificates, make_certificates

from headroom_common.errors import PermanentError, TransientError
from headroom_common.transports.port import ConnectionLostError, Message
from headroom_common.transports.rabbitmq_session import _Connection


async def insist(transport: Any, message: Message) -> None:
    """Publish until it is confirmed, as the event manager does."""
    while True:
        try:
            return await transport.publish(message)
        except TransientError:
            await asyncio.sleep(0.05)


def tls_url(site: Any) -> str:
    return f"amqps://guest:guest@localhost:{site.broker.tls_port}/{site.virtual_host}"


async def test_tls_with_a_trusted_certificate(
    site: Any, trials: Any, taken: Any, until: Any, certificates: Certificates
) -> None:
    transport = await site.connected(url=tls_url(site), ca_file=certificates.authority)
    got = taken()
    await transport.declare(trials)
    await transport.subscribe(trials, got, prefetch=1)
    await transport.publish(site.message(body=bytes(2**20)))
    await until(lambda: got.ids)


async def test_tls_with_another_authority_is_refused(site: Any, tmp_path: Path) -> None:
    other = make_certificates(tmp_path)
    with pytest.raises(PermanentError, match="certificate is not trusted") as caught:
        await site.connected(url=tls_url(site), ca_file=other.authority)
    assert "guest:guest" not in str(caught.value)
    await site.connected(url=tls_url(site), ca_file=other.authority, verify_certificate=False)


async def test_tls_with_no_such_file_says_so(site: Any, tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match="cannot be read"):
        await site.connected(url=tls_url(site), ca_file=tmp_path / "absent.pem")


async def test_a_wrong_password_is_told_without_the_password(site: Any) -> None:
    url = f"amqp://guest:wr0ng-secret@127.0.0.1:{site.broker.port}/{site.virtual_host}"
    with pytest.raises(PermanentError, match="refuses user and password") as caught:
        await site.connected(url=url)
    assert "wr0ng-secret" not in "".join(traceback.format_exception(caught.value))
    assert "wr0ng-secret" not in repr(site.settings(url=url))


async def test_an_unknown_virtual_host_is_told(site: Any) -> None:
    with pytest.raises(PermanentError, match="virtual host"):
        await site.connected(url=site.broker.url_of("absent"))


async def test_an_absent_broker_is_waited_for(site: Any) -> None:
    with Proxy(site.broker.port) as proxy:
        proxy.refuse()
        transport = site.opened(port=proxy.port)
        with pytest.raises(ConnectionLostError, match="cannot be reached"):
            await transport.connect(lambda *_: None)
        proxy.accept()
        await transport.connect(lambda *_: None)
        await transport.close()


async def test_a_broker_that_says_nothing_is_given_up_in_time(site: Any) -> None:
    writers: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: writers.append(writer), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(ConnectionLostError, match="cannot be reached"):
            await site.connected(port=port, connection_timeout=0.2)
        for writer in writers:
            writer.close()
            await writer.wait_closed()
    gc.collect()


async def test_what_needs_a_connection_says_so(site: Any, trials: Any, taken: Any) -> None:
    transport = site.opened()
    for call in (
        transport.declare(trials),
        transport.subscribe(trials, taken(), prefetch=1),
        transport.publish(site.message()),
    ):
        with pytest.raises(ConnectionLostError, match="there is no connection"):
            await call
    await transport.close()


async def test_cut_connections_lose_nothing_that_was_confirmed(
    site: Any, trials: Any, taken: Any, until: Any
) -> None:
    with Proxy(site.broker.port) as proxy:
        sender, receiver = await site.connected(port=proxy.port), await site.connected(port=proxy.port)
        got = taken()
        await receiver.declare(trials)
        await receiver.subscribe(trials, got, prefetch=10)
        messages = [site.message() for _ in range(500)]
        publishing = asyncio.gather(*(insist(sender, message) for message in messages))
        for _ in range(4):
            await asyncio.sleep(0.1)
            proxy.cut()
        await publishing
        await until(lambda: {message.event_id for message in messages} == set(got.ids))
        assert (True, "the connection is back") in site.told
        await sender.close()
        await receiver.close()


async def test_a_killed_broker_keeps_what_it_confirmed(
    site: Any, trials: Any, taken: Any, until: Any
) -> None:
    sender, receiver = await site.connected(), await site.connected()
    got = taken()
    await receiver.declare(trials)
    # RabbitMQ 3.10 does not recover a quorum queue that is killed within its first second.
    await asyncio.sleep(2)
    messages = [site.message() for _ in range(2_000)]
    confirmed: list[str] = []

    async def publish(message: Message) -> None:
        await sender.publish(message)
        confirmed.append(message.event_id)

    publishing = [asyncio.create_task(publish(message)) for message in messages]
    await until(lambda: len(confirmed) > 200)
    await asyncio.to_thread(site.broker.kill)
    answers = await asyncio.gather(*publishing, return_exceptions=True)
    failed = [answer for answer in answers if answer is not None]
    assert failed
    assert {type(answer) for answer in failed} == {ConnectionLostError}
    await asyncio.to_thread(site.broker.start)
    await until(lambda: site.told.count((True, "the connection is back")) == 2)
    await receiver.subscribe(trials, got, prefetch=100)
    await until(lambda: set(confirmed) <= set(got.ids))


async def test_a_frozen_broker_is_noticed_by_its_silence(
    site: Any, trials: Any, taken: Any, until: Any
) -> None:
    transport = await site.connected(heartbeat=1, connection_timeout=1.0)
    got = taken()
    await transport.declare(trials)
    await transport.subscribe(trials, got, prefetch=1)
    site.broker.pause()
    publishing = [asyncio.create_task(transport.publish(site.message())) for _ in range(20)]
    answers = await asyncio.gather(*publishing, return_exceptions=True)
    # The library cancels what waits when the heartbeat is missed; nobody may take that for a cancellation.
    assert {type(answer) for answer in answers} == {ConnectionLostError}
    await until(lambda: [connected for connected, _ in site.told] == [False])
    site.broker.resume()
    await until(lambda: site.told[-1] == (True, "the connection is back"))
    message = site.message()
    await insist(transport, message)
    await until(lambda: message.event_id in got.ids)


async def test_a_cancelled_publish_is_cancelled(site: Any) -> None:
    with Proxy(site.broker.port) as proxy:
        transport = await site.connected(port=proxy.port)
        proxy.slow_down(0.5)
        publishing = asyncio.create_task(transport.publish(site.message(must_route=False)))
        await asyncio.sleep(0.1)
        publishing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await publishing
        proxy.slow_down(0)
        # The next confirm is not mistaken for the one that nobody waits for any more.
        await transport.publish(site.message(must_route=False))
        await transport.close()


async def test_a_queue_that_was_deleted_comes_back(site: Any, trials: Any, taken: Any, until: Any) -> None:
    transport = await site.connected()
    got = taken()
    await transport.declare(trials)
    await transport.subscribe(trials, got, prefetch=1)
    site.broker.management("DELETE", f"/api/queues/{site.virtual_host}/{trials.name}")
    await until(lambda: (True, "the connection is back") in site.told)
    await insist(transport, site.message())
    await until(lambda: got.ids)


async def test_a_connection_that_was_never_made_is_closed(unused_tcp_port: int) -> None:
    connection = _Connection(f"amqp://guest:guest@127.0.0.1:{unused_tcp_port}/")
    with pytest.raises(AMQPConnectionError):
        await connection.connect()
    assert connection.is_closed, "or it is closed when it is collected, wherever that may be"
