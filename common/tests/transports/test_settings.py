"""Settings of the broker, and the choice of a transport by the scheme of its URL."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from headroom_common.contracts.wire import Encoded
from headroom_common.errors import PermanentError
from headroom_common.transports.opening import open_transport
from headroom_common.transports.port import Message, Queue
from headroom_common.transports.rabbitmq_delivery import RabbitSubscription
from headroom_common.transports.rabbitmq_topology import routing_key
from headroom_common.transports.settings import BrokerSettings

TYPE = "headroom.trial.analysed.v1"
RUN = "0c9f6a52-4c7b-4f5e-8d0a-3b1f7f1f9a11"


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("amqp://guest:guest@localhost:5672/", "amqp://guest@localhost:5672/"),
        ("amqps://me:p%40ss@broker/hosts", "amqps://me@broker/hosts"),
        ("amqp://broker", "amqp://broker"),
        ("amqp://me:s3cret@[::1]:5672/%2F", "amqp://me@[::1]:5672/%2F"),
        ("amqp://me:s3@cret@broker/", "amqp://me@broker/"),
    ],
)
def test_the_address_is_the_url_without_its_password(url: str, address: str) -> None:
    settings = BrokerSettings(url=SecretStr(url))
    assert settings.address == address
    assert "s3" not in repr(settings)


@given(st.text("abcXYZ019-._~%@:", min_size=4))
def test_no_password_is_shown(password: str) -> None:
    settings = BrokerSettings(url=SecretStr(f"amqp://someone:{password}@broker.example:5672/host"))
    assert settings.address == "amqp://someone@broker.example:5672/host"


@pytest.mark.parametrize("spoiled", ["s3c/ret", "s3c?ret", "s3c#ret", "s3cret@broker:port/x@y"])
def test_a_url_that_can_be_misread_is_refused_and_not_shown(spoiled: str) -> None:
    with pytest.raises(ValidationError, match="percent-encoded") as caught:
        BrokerSettings(url=SecretStr(f"amqp://me:{spoiled}@broker/host"))
    assert "s3c" not in str(caught.value)
    with pytest.raises(ValidationError) as caught:
        BrokerSettings.model_validate({"url": f"amqp://me:{spoiled}@broker/host"})
    assert "s3c" not in str(caught.value)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"retry_delays": (1.0, 1.0)}, "expected ascending delays, found 1, 1"),
        ({"retry_delays": ()}, "at least 1 item"),
        ({"key_file": Path("key.pem")}, "certificate_file: expected one beside key_file"),
        ({"heartbeat": 0}, "heartbeat"),
        ({"delivery_limit": 1}, "delivery_limit"),
        ({"queue_limits": 1}, "queue_limits"),
    ],
)
def test_wrong_settings_are_named(wrong: dict[str, object], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        BrokerSettings.model_validate(wrong)


@pytest.mark.parametrize("url", ["redis://me:s3cret@host", "localhost:5672", "", "http://me:s3cret@host"])
def test_other_schemes_are_refused(url: str) -> None:
    with pytest.raises(PermanentError, match="expected amqp://… or amqps://…") as caught:
        open_transport(BrokerSettings(url=SecretStr(url)), name="test")
    assert "s3cret" not in str(caught.value)


def test_guarantees_follow_the_settings() -> None:
    settings = BrokerSettings(delivery_limit=7, retry_delays=(0.5, 2.0), max_body_bytes=100)
    guarantees = open_transport(settings, name="test").guarantees
    assert (guarantees.by_reference, guarantees.durable) == (False, True)
    assert (guarantees.delivery_limit, guarantees.delays, guarantees.max_body_bytes) == (7, (0.5, 2.0), 100)


def test_a_transport_is_imported_when_it_is_opened() -> None:
    program = "import sys, headroom_common.transports.opening; print('aio_pika' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603 - this interpreter
    assert done.stdout == "False\n"


@pytest.mark.parametrize(
    ("correlation", "key"),
    [(RUN, f"{TYPE}.{RUN}"), ("", f"{TYPE}.none"), ("nothing", f"{TYPE}.none"), ("a.b" * 12, f"{TYPE}.none")],
)
def test_keys_name_type_and_run(correlation: str, key: str) -> None:
    assert routing_key(Message(TYPE, Encoded({"ce-correlationid": correlation}, b""))) == key


@given(st.floats(0, 1e6))
def test_delays_are_rounded_up_and_cut(delay: float) -> None:
    delays = (1.0, 10.0, 60.0)
    subscription = RabbitSubscription(Queue("generator", TYPE), lambda _: None, 1, delays)
    kept = subscription.rounded_up(delay)
    assert kept in delays
    assert kept >= min(delay, delays[-1])
    assert not any(delay <= smaller < kept for smaller in delays)
