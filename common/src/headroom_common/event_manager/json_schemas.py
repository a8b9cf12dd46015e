"""JSON Schemas of what travels: headers of events, bodies of control events, headers of data events.

The words come from the classes' docstrings, so that a schema says what the code says.
"""

import re
from inspect import cleandoc
from typing import TYPE_CHECKING, Any, Final

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema

from headroom_common.contracts.columns import STATE_PREFIXES, TableSpec
from headroom_common.contracts.envelope import HEADER_PREFIX, Envelope
from headroom_common.contracts.events import ControlBody
from headroom_common.contracts.registry import CONTRACTS, Contract

if TYPE_CHECKING:
    from pydantic import BaseModel

SCHEMAS: Final = "#/components/schemas/"
"""Where a document keeps these schemas."""

HEADERS: Final = "CloudEventHeaders"
"""Name of the schema of the headers that every event has."""

_ATTRIBUTE = re.compile(r"^    (\w+): (.*(?:\n {6,}.*)*)", re.MULTILINE)


def all_schemas() -> dict[str, Any]:
    """Return every schema by its name, in alphabetical order."""
    models: set[type[BaseModel]] = {Envelope}
    bodies = {}
    for contract in CONTRACTS.values():
        if contract.header is not None:
            models.add(contract.header)
            bodies[contract.body.__name__] = _columns(contract)
        elif issubclass(contract.body, ControlBody):
            models.add(contract.body)
    _, generated = models_json_schema(
        [(model, "validation") for model in sorted(models, key=lambda model: model.__name__)],
        ref_template=SCHEMAS + "{model}",
        schema_generator=_Described,
    )
    schemas = {**generated["$defs"], **bodies}
    schemas[HEADERS] = _as_headers(schemas.pop(Envelope.__name__))
    return {name: schemas[name] for name in sorted(schemas)}


def headers_of(contract: Contract) -> dict[str, Any]:
    """Return the schema of the headers of one type of event."""
    fixed = {"type": contract.event_type, "datacontenttype": contract.content_type}
    return {
        "allOf": [
            {"$ref": SCHEMAS + HEADERS},
            {"properties": {HEADER_PREFIX + name: {"const": value} for name, value in fixed.items()}},
        ]
    }


class _Described(GenerateJsonSchema):
    """Takes descriptions from docstrings, and leaves out titles that only repeat a field's name."""

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        described = super().model_schema(schema)
        model: type[BaseModel] = schema["cls"]
        described["description"] = _summary(model)
        for name, field in described.get("properties", {}).items():
            text = _attributes(model).get(name)
            if text is None:
                continue
            if "$ref" in field:
                # What stands beside a reference is passed over.
                field["allOf"] = [{"$ref": field.pop("$ref")}]
            field["description"] = text
        return described

    def field_title_should_be_set(self, _schema: object) -> bool:
        return False


def _summary(documented: type) -> str:
    text = cleandoc(documented.__doc__ or "").partition("\n\nAttributes:\n")[0]
    return " ".join(text.replace("``", "`").split())


def _attributes(model: type) -> dict[str, str]:
    found: dict[str, str] = {}
    for ancestor in reversed(model.__mro__):
        listed = cleandoc(vars(ancestor).get("__doc__") or "").partition("Attributes:\n")[2]
        found |= {
            name: " ".join(text.replace("``", "`").split()) for name, text in _ATTRIBUTE.findall(listed)
        }
    return found


def _as_headers(envelope: dict[str, Any]) -> dict[str, Any]:
    """Turn the schema of an envelope into that of its headers: prefixed, each one text or absent."""
    properties, required = {}, []
    for name, attribute in envelope["properties"].items():
        schema = {key: value for key, value in attribute.items() if key not in ("anyOf", "default")}
        present = [kind for kind in attribute.get("anyOf", []) if kind != {"type": "null"}]
        for kind in present:
            schema = kind | schema
        if not present:
            required.append(HEADER_PREFIX + name)
        properties[HEADER_PREFIX + name] = schema
    others = {"not": {"pattern": f"^{HEADER_PREFIX}"}}
    return {
        "type": "object",
        "title": HEADERS,
        "description": f"{envelope['description']} One header each; other headers may stand beside them.",
        "properties": properties,
        "required": required,
        "propertyNames": {"anyOf": [{"enum": list(properties)}, others]},
    }


def _columns(contract: Contract) -> dict[str, Any]:
    """Return the schema of a body of columns: JSON Schema knows it as bytes, the rest is told beside."""
    assert contract.header is not None  # noqa: S101 - only data events get here
    declared = contract.tables
    return {
        "type": "string",
        "format": "binary",
        "title": contract.body.__name__,
        "description": (
            f"{_summary(contract.body)} One Arrow IPC stream per table, one after the other. The metadata "
            "of the first stream's schema holds the header (`headroom.header`), the names of the tables "
            "(`headroom.tables`) and the version of this layout (`headroom.format`); each field's metadata "
            "holds the true type of its column (`headroom.dtype`) and how it is packed, see docs/events.md."
        ),
        "x-headroom-header": {"$ref": SCHEMAS + contract.header.__name__},
        "x-headroom-tables": "any"
        if declared is None
        else {name: _table(spec) for name, spec in declared.items()},
        "x-headroom-states": [f"{prefix}*" for prefix in STATE_PREFIXES],
    }


def _table(spec: TableSpec) -> dict[str, str]:
    return {**spec.columns, **{f"{prefix}<n>": dtype for prefix, dtype in spec.families.items()}}
