"""The schema as JSON Schema 2020-12, for editors that complete and check a scenario while it is written."""

from typing import Any

from headroom_common.scenario.model import Scenario

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_TEMPLATE_OWN = ("name", "template")


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a scenario as its author may write it: human units, templates, shorthands."""
    schema = Scenario.model_json_schema(by_alias=True, mode="validation")
    definitions = schema["$defs"]
    _allow_templates(definitions)
    definitions["TraceArrivals"]["oneOf"] = [{"required": ["times"]}, {"required": ["file"]}]
    for name in ("ServerDown", "LinkDelay", "LinkLoss", "ServerSlowdown"):
        definitions[name]["oneOf"] = [{"required": ["end"]}, {"required": ["duration"]}]
    definitions["Objective"]["oneOf"] = [{"required": ["below"]}, {"required": ["above"]}]
    title = {"$schema": DIALECT, "title": "Headroom scenario"}
    return title | {key: value for key, value in schema.items() if key != "title"}


def _allow_templates(definitions: dict[str, Any]) -> None:
    """Let a server leave to its template what it requires, and let a template be part of a server."""
    server = definitions["ServerSpec"]
    own = [key for key in server["required"] if key in _TEMPLATE_OWN]
    shared = [key for key in server["required"] if key not in _TEMPLATE_OWN]
    definitions["ServerTemplate"] = {
        key: value for key, value in server.items() if key not in ("required", "properties", "title")
    } | {
        "properties": {key: value for key, value in server["properties"].items() if key not in _TEMPLATE_OWN},
        "title": "ServerTemplate",
    }
    server["required"] = own
    server["anyOf"] = [{"required": shared}, {"required": ["template"]}]
    servers = definitions["Templates"]["properties"]["servers"]
    servers["additionalProperties"] = {"$ref": "#/$defs/ServerTemplate"}
