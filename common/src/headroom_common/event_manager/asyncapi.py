"""The AsyncAPI 3.0 document of the whole platform, made from the contracts: ``docs/asyncapi.yaml``.

A channel per type of event says under which routing key it is published; a channel per work queue says where
a service takes it. What a service sends and receives are its operations.
"""

import json
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, Final

import yaml

from headroom_common.contracts.codec import decode
from headroom_common.contracts.events import SegmentData
from headroom_common.contracts.registry import CONTRACTS, JSON, Contract
from headroom_common.contracts.wire import Encoded
from headroom_common.event_manager.json_schemas import SCHEMAS, all_schemas, headers_of
from headroom_common.transports.port import Message, Queue
from headroom_common.transports.rabbitmq_topology import (
    DEAD_LETTERS,
    EVENTS,
    UNROUTED,
    dead_letter_queue,
    delay_queue,
    routing_key,
)
from headroom_common.transports.settings import BrokerSettings

_BINDINGS_VERSION: Final = "0.3.0"


def document(samples: Mapping[str, Encoded]) -> dict[str, Any]:
    """Return the document.

    Args:
        samples: a sample of every type of event, by type; the examples are taken from them.

    Raises:
        KeyError: a type of event has no sample.
    """
    contracts = CONTRACTS.values()
    return {
        "asyncapi": "3.0.0",
        "id": "urn:headroom:events",
        "info": _info(),
        "defaultContentType": JSON,
        "servers": _servers(),
        "channels": {
            **{short_name(contract): _routed(contract) for contract in contracts},
            **{
                _queue_name(contract, service): _queued(contract, service)
                for contract in contracts
                for service in contract.consumers
            },
        },
        "operations": {
            name: operation for contract in contracts for name, operation in _operations(contract).items()
        },
        "components": {
            "messages": {
                short_name(contract): _message(contract, samples[contract.event_type])
                for contract in contracts
            },
            "schemas": _with_header_examples(all_schemas(), samples),
            "securitySchemes": {
                "password": {
                    "type": "userPassword",
                    "description": "A user of the broker; from the environment or a file.",
                }
            },
        },
    }


def to_yaml(content: Mapping[str, Any]) -> str:
    """Return a document as YAML, the same bytes for equal documents."""
    text: str = yaml.dump(
        content,
        Dumper=_WithoutAliases,
        sort_keys=False,
        allow_unicode=True,
        width=110,
        default_flow_style=False,
    )
    return text


def short_name(contract: Contract) -> str:
    """Return the name of an event's channel and message: its type without the platform's name."""
    return contract.event_type.removeprefix("headroom.")


class _WithoutAliases(yaml.SafeDumper):
    def ignore_aliases(self, _data: object) -> bool:
        return True


def _info() -> dict[str, Any]:
    services = dict.fromkeys(
        name for contract in CONTRACTS.values() for name in (*contract.producers, *contract.consumers)
    )
    return {
        "title": "Headroom's events",
        "version": version("headroom-common"),
        "description": (
            "The events that Headroom's services exchange over RabbitMQ. Every service publishes to one "
            "topic exchange and takes what it needs from work queues of its own, for which its instances "
            "compete. Delivery is at least once; ids of events follow from their causes, so that copies are "
            "recognised. `docs/events.md` says what everyone may rely on."
        ),
        "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        "tags": [
            *({"name": service, "description": f"what {service} sends or receives"} for service in services),
            {"name": "control", "description": "events with a small JSON body"},
            {"name": "data", "description": "events that carry columns"},
        ],
    }


def _servers() -> dict[str, Any]:
    return {
        name: {
            "host": "{host}:{port}",
            "pathname": "/{virtual_host}",
            "protocol": protocol,
            "protocolVersion": "0.9.1",
            "description": description,
            "variables": {
                "host": {"default": "localhost", "description": "where the broker is"},
                "port": {"default": port, "description": "its port"},
                "virtual_host": {"default": "%2F", "description": "virtual host, percent-encoded"},
            },
            "security": [{"$ref": "#/components/securitySchemes/password"}],
        }
        for name, protocol, port, description in (
            ("broker", "amqp", "5672", "RabbitMQ."),
            ("broker-tls", "amqps", "5671", "RabbitMQ, over TLS."),
        )
    }


def _queue_name(contract: Contract, service: str) -> str:
    """Return the name of the channel where a service takes a type of event."""
    return Queue(service, contract.event_type).name


def _routed(contract: Contract) -> dict[str, Any]:
    """Return the channel of a type of event: how it is published."""
    outside = routing_key(Message(contract.event_type, Encoded({}, b""))).removeprefix(
        f"{contract.event_type}."
    )
    return {
        "address": f"{contract.event_type}.{{run}}",
        "title": contract.event_type,
        "summary": contract.summary,
        "description": (
            f"Kept in the queue {UNROUTED} when no other queue takes it."
            if contract.must_route
            else "Dropped when no queue takes it."
        ),
        "messages": {short_name(contract): {"$ref": f"#/components/messages/{short_name(contract)}"}},
        "parameters": {
            "run": {
                "description": "The run that the event belongs to, or the default.",
                "default": outside,
                "location": "$message.header#/ce-correlationid",
            }
        },
        "bindings": {
            "amqp": {
                "is": "routingKey",
                "exchange": {
                    "name": EVENTS,
                    "type": "topic",
                    "durable": True,
                    "autoDelete": False,
                },
                "bindingVersion": _BINDINGS_VERSION,
            }
        },
        "x-headroom-must-route": contract.must_route,
    }


def _queued(contract: Contract, service: str) -> dict[str, Any]:
    """Return the channel of a queue: where a service takes a type of event, all instances or one of them."""
    queue = Queue(service, contract.event_type, "{instance}" if service in contract.private else "")
    bound = f"Bound to {EVENTS} with the key {contract.event_type}.*"
    channel: dict[str, Any] = {
        "address": queue.name,
        "title": queue.name,
        "summary": f"{'Private' if queue.private else 'Work'} queue of {service} for {contract.event_type}.",
        "description": (
            f"{bound}; every instance gets copies of its own and deletes the queue when it leaves."
            if queue.private
            else f"{bound}; the service's instances compete. What has to wait goes to one of the service's "
            f"delay queues and comes back; what is given up goes through {DEAD_LETTERS} to its dead letters."
        ),
        "messages": {short_name(contract): {"$ref": f"#/components/messages/{short_name(contract)}"}},
        "bindings": {
            "amqp": {
                "is": "queue",
                "queue": {"name": queue.name, "durable": True, "exclusive": False, "autoDelete": False},
                "bindingVersion": _BINDINGS_VERSION,
            }
        },
        "x-headroom-dead-letters": dead_letter_queue(service),
    }
    if queue.private:
        channel["parameters"] = {"instance": {"description": "The instance of the service."}}
    else:
        channel["x-headroom-delay-queues"] = [
            delay_queue(service, delay) for delay in BrokerSettings().retry_delays
        ]
    return channel


def _operations(contract: Contract) -> dict[str, Any]:
    name = short_name(contract)
    sent = {"deliveryMode": 2, "mandatory": contract.must_route, "bindingVersion": _BINDINGS_VERSION}
    taken = {"ack": True, "bindingVersion": _BINDINGS_VERSION}
    return {
        **{
            f"{service}.sends.{name}": _operation("send", service, contract, name, sent)
            for service in contract.producers
        },
        **{
            f"{service}.receives.{name}": _operation(
                "receive", service, contract, _queue_name(contract, service), taken
            )
            for service in contract.consumers
        },
    }


def _operation(
    action: str, service: str, contract: Contract, channel: str, binding: dict[str, Any]
) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "summary": f"{service} {action}s {contract.event_type}.",
        "tags": [{"name": service}],
        "bindings": {"amqp": binding},
        "messages": [{"$ref": f"#/channels/{channel}/messages/{short_name(contract)}"}],
    }


def _message(contract: Contract, sample: Encoded) -> dict[str, Any]:
    example: dict[str, Any] = {
        "name": "sample",
        "summary": "The committed sample of this version.",
        "headers": dict(sample.headers),
    }
    if contract.kind == "control":
        example["payload"] = json.loads(sample.body)
    return {
        "name": contract.event_type,
        "title": contract.body.__name__,
        "summary": contract.summary,
        "contentType": contract.content_type,
        "headers": headers_of(contract),
        "payload": {"$ref": SCHEMAS + contract.body.__name__},
        "correlationId": {
            "description": "The run; an event outside any run has none.",
            "location": "$message.header#/ce-correlationid",
        },
        "tags": [{"name": contract.kind}],
        "examples": [example],
    }


def _with_header_examples(schemas: dict[str, Any], samples: Mapping[str, Encoded]) -> dict[str, Any]:
    """Add an example to every header of data events; their bodies are bytes, which no document shows."""
    for contract in CONTRACTS.values():
        body = decode(samples[contract.event_type]).body
        if isinstance(body, SegmentData):
            schema = schemas[type(body.header).__name__]
            schema.setdefault("examples", [body.header.model_dump(mode="json")])
    return schemas
