"""Validates objects strictly: Kubernetes' own kinds against its schemas, operators' kinds against ours.

`kubernetes-validate` brings the schemas. It reads all definitions anew for each object and stops at the first
error; here they are read once for a version, and every error is told.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml
from jsonschema import Draft202012Validator
from kubernetes_validate.utils import latest_version, major_minor, schema_contents
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from headroom_policies.manifests import Object, told

OLDEST: Final = "1.32"
VERSIONS: Final = (OLDEST, major_minor(latest_version()))
"""Of Kubernetes: what the schemas are taken from."""

_OWN: Final = Path(__file__).parent / "schemas"


class Unknown(Exception):  # noqa: N818 - what it is, not that something went wrong
    """There is no schema for a kind."""


@cache
def _definitions(version: str) -> Registry[Any]:
    contents = schema_contents(f"kubernetes-json-schema/v{version}.0-local-strict/_definitions.json", version)
    return Resource.from_contents(contents) @ Registry()


@cache
def _kubernetes(api_version: str, kind: str, version: str) -> Draft202012Validator:
    group, _, number = api_version.rpartition("/")
    name = "-".join(part for part in (kind.lower(), group.partition(".")[0], number) if part)
    try:
        schema = schema_contents(f"kubernetes-json-schema/v{version}.0-local-strict/{name}.json", version)
    except FileNotFoundError as error:
        raise Unknown(kind) from error
    registry = Resource.from_contents(schema) @ _definitions(version)
    return Draft202012Validator(schema, registry=registry)


@cache
def _own_schemas() -> dict[str, Draft202012Validator]:
    schemas = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(_OWN.glob("*.yaml"))]
    registry: Registry[Any] = Registry().with_resources(
        (schema["$id"], Resource.from_contents(schema, DRAFT202012)) for schema in schemas
    )
    return {schema["$id"]: Draft202012Validator(schema, registry=registry) for schema in schemas}


def _validators(obj: Object) -> list[Draft202012Validator]:
    own = _own_schemas().get(f"headroom:{obj['apiVersion']}/{obj['kind']}")
    if own is not None:
        return [own]
    return [_kubernetes(obj["apiVersion"], obj["kind"], version) for version in VERSIONS]


def errors(obj: Object) -> list[str]:
    """Return what is not valid in an object: where, and what was found."""
    try:
        validators = _validators(obj)
    except Unknown:
        return [f"{told(obj)}: expected a known kind, found {obj['kind']} of {obj['apiVersion']}"]
    found = [error for validator in validators for error in validator.iter_errors(obj)]
    return sorted({f"{told(obj)}: {error.json_path}: {error.message}" for error in found})


class Validation:
    """Validates objects, each content once."""

    def __init__(self) -> None:
        self._seen: dict[str, list[str]] = {}

    def errors(self, objects: list[Object]) -> list[str]:
        """Return what is not valid in any of these objects."""
        found = []
        for obj in objects:
            content = json.dumps(obj, sort_keys=True)
            if content not in self._seen:
                self._seen[content] = errors(obj)
            found += self._seen[content]
        return found
