"""The AsyncAPI document is complete and consistent in itself; its examples fit its schemas."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7

from headroom_common.contracts.registry import CONTRACTS, Contract
from headroom_common.event_manager.asyncapi import document, short_name, to_yaml
from headroom_common.transports.port import Message, Queue
from headroom_common.transports.rabbitmq_topology import routing_key
from scripts.generate_event_docs import ASYNCAPI, read_sample

DOCUMENT: dict[str, Any] = yaml.safe_load(ASYNCAPI.read_text(encoding="utf-8"))
REGISTRY: Registry[Any] = Registry().with_resource(
    "urn:document", Resource(contents=DOCUMENT, specification=DRAFT7)
)
MESSAGES = DOCUMENT["components"]["messages"]
SCHEMAS = DOCUMENT["components"]["schemas"]
each_contract = pytest.mark.parametrize("contract", CONTRACTS.values(), ids=list(CONTRACTS))


def resolve(reference: str) -> Any:
    assert reference.startswith("#/")
    found: Any = DOCUMENT
    for part in reference[2:].split("/"):
        found = found[part]
    return found


def references(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def problems(pointer: str, instance: object) -> list[str]:
    """What the schema at a place in the document finds wrong with an instance."""
    # AsyncAPI's schemas are a superset of JSON Schema draft 7.
    checker = jsonschema.FormatChecker()
    schema = {"$ref": f"urn:document#/components/{pointer}"}
    validator = jsonschema.Draft7Validator(schema, registry=REGISTRY, format_checker=checker)
    return [error.message for error in validator.iter_errors(instance)]


def test_the_committed_document_is_what_the_contracts_say() -> None:
    made = to_yaml(document({event_type: read_sample(event_type) for event_type in CONTRACTS}))
    assert ASYNCAPI.read_text(encoding="utf-8") == made, "run `make docs` and commit the result"


def test_every_reference_leads_somewhere() -> None:
    found = set(references(DOCUMENT))
    assert found
    for reference in found:
        assert resolve(reference) is not None


def test_nothing_is_left_unused() -> None:
    used = set(references(DOCUMENT))
    for kind, components in DOCUMENT["components"].items():
        for name in components:
            assert f"#/components/{kind}/{name}" in used


def test_names_are_allowed_by_the_specification() -> None:
    for components in DOCUMENT["components"].values():
        assert all(re.fullmatch(r"[\w.-]+", name) for name in components)


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_schema_is_valid_and_so_are_its_examples(name: str) -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMAS[name])
    for example in SCHEMAS[name].get("examples", []):
        assert problems(f"schemas/{name}", example) == []


@each_contract
def test_every_contract_has_its_message_channels_and_operations(contract: Contract) -> None:
    name = short_name(contract)
    message = MESSAGES[name]
    assert (message["name"], message["contentType"]) == (contract.event_type, contract.content_type)
    own = {
        key: operation
        for key, operation in DOCUMENT["operations"].items()
        if operation["messages"][0]["$ref"].endswith(f"/messages/{name}")
    }
    assert {key for key in own if ".sends." in key} == {f"{s}.sends.{name}" for s in contract.producers}
    assert {key for key in own if ".receives." in key} == {f"{s}.receives.{name}" for s in contract.consumers}


def test_operations_fit_their_channels() -> None:
    kinds = {"send": "routingKey", "receive": "queue"}
    for operation in DOCUMENT["operations"].values():
        channel = resolve(operation["channel"]["$ref"])
        assert channel["bindings"]["amqp"]["is"] == kinds[operation["action"]]
        for message in operation["messages"]:
            assert message["$ref"].startswith(operation["channel"]["$ref"] + "/messages/")


def test_no_channel_is_without_an_operation() -> None:
    used = {operation["channel"]["$ref"] for operation in DOCUMENT["operations"].values()}
    assert used == {f"#/channels/{name}" for name in DOCUMENT["channels"]}


def test_parameters_are_those_of_the_addresses() -> None:
    for channel in DOCUMENT["channels"].values():
        assert set(re.findall(r"\{(\w+)\}", channel["address"])) == set(channel.get("parameters", {}))


@each_contract
def test_the_examples_are_the_samples_and_fit_their_schemas(contract: Contract) -> None:
    sample = read_sample(contract.event_type)
    name = short_name(contract)
    message = MESSAGES[name]
    for example in message["examples"]:
        assert example["headers"] == sample.headers
        assert problems(f"messages/{name}/headers", example["headers"]) == []
        if contract.kind == "control":
            assert example["payload"] == json.loads(sample.body)
            assert problems(f"messages/{name}/payload", example["payload"]) == []


@each_contract
def test_the_schemas_refuse_what_the_models_refuse(contract: Contract) -> None:
    name = short_name(contract)
    message = MESSAGES[name]
    headers = message["examples"][0]["headers"]
    assert problems(f"messages/{name}/headers", {**headers, "x-other": "taken"}) == []
    assert problems(f"messages/{name}/headers", {**headers, "ce-other": "refused"}) != []
    assert problems(f"messages/{name}/headers", {**headers, "ce-type": "headroom.other.v1"}) != []
    assert problems(f"messages/{name}/headers", {**headers, "ce-id": "no uuid"}) != []
    assert (
        problems(f"messages/{name}/headers", {key: headers[key] for key in headers if key != "ce-subject"})
        != []
    )
    if contract.kind == "control":
        payload = message["examples"][0]["payload"]
        assert problems(f"messages/{name}/payload", {**payload, "unknown": 1}) != []


@each_contract
def test_data_events_tell_their_columns(contract: Contract) -> None:
    schema = SCHEMAS[contract.body.__name__]
    if contract.header is None:
        assert set(contract.body.model_fields) == set(schema["properties"])  # type: ignore[union-attr] # a model
        assert all("description" in field for field in schema["properties"].values())
        return
    assert schema["x-headroom-header"]["$ref"].endswith(f"/{contract.header.__name__}")
    if contract.tables is None:
        assert schema["x-headroom-tables"] == "any"
        return
    for name, spec in contract.tables.items():
        families = {f"{prefix}<n>": dtype for prefix, dtype in spec.families.items()}
        assert schema["x-headroom-tables"][name] == {**spec.columns, **families}


@each_contract
def test_a_message_is_published_where_the_document_says(contract: Contract) -> None:
    channel = DOCUMENT["channels"][short_name(contract)]
    sample = read_sample(contract.event_type)
    outside = channel["parameters"]["run"]["default"]
    run = sample.headers.get("ce-correlationid", outside)
    assert routing_key(Message(contract.event_type, sample)) == channel["address"].format(run=run)


@each_contract
def test_a_message_is_taken_where_the_document_says(contract: Contract) -> None:
    for service in contract.consumers:
        channel = resolve(
            DOCUMENT["operations"][f"{service}.receives.{short_name(contract)}"]["channel"]["$ref"]
        )
        instance = f"{service}-0" if service in contract.private else ""
        queue = Queue(service, contract.event_type, instance)
        assert channel["address"].format(instance=instance) == queue.name


def test_nothing_secret_is_told() -> None:
    text = ASYNCAPI.read_text(encoding="utf-8")
    assert not re.search(r"://[^/\s]*:[^/\s]*@", text)
    assert "guest" not in text


def test_a_sample_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scripts.generate_event_docs.SAMPLES", tmp_path)
    (tmp_path / "headroom.new.v1.headers.json").write_text("{}", encoding="utf-8")
    with pytest.raises(FileNotFoundError, match=r"expected headroom\.new\.v1\.body"):
        read_sample("headroom.new.v1")
