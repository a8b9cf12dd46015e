"""Objects are validated strictly: a mistyped field passes nowhere, not in the kinds of operators either."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from headroom_policies.rendering import copy_tree, render
from headroom_policies.validation import VERSIONS, Validation, errors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from headroom_policies.manifests import Manifests, Object

OPERATORS_KINDS = {
    "HTTPRoute",
    "PrometheusRule",
    "RabbitmqCluster",
    "ScaledObject",
    "ServiceMonitor",
    "TriggerAuthentication",
}


CHOSEN = ("labels", "annotations", "data", "matchLabels", "requests", "limits", "selector", "params")
"""Where anybody chooses the keys."""


@pytest.fixture(scope="session")
def kinds(rendered_production: Manifests, rendered_dev: Manifests, route: Object) -> dict[str, Object]:
    """An object of each kind."""
    objects = [*rendered_production.objects, *rendered_dev.objects, route]
    return {obj["kind"]: obj for obj in objects}


@pytest.fixture(scope="session")
def route(tmp_path_factory: pytest.TempPathFactory, kubectl: str) -> Object:
    tree = copy_tree(tmp_path_factory.mktemp("route"))
    folder = tree / "overlays/route"
    folder.mkdir()
    overlay = {
        "kind": "Kustomization",
        "components": ["../../components/gateway-api"],
        "resources": ["../../base"],
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(overlay), encoding="utf-8")
    found = render(folder, kubectl).named("HTTPRoute", "gateway")
    assert found is not None
    return found


def maps(node: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every map in an object whose keys are fields."""
    if isinstance(node, dict):
        if not path.endswith(CHOSEN):
            yield path, node
        for key, value in node.items():
            yield from maps(value, f"{path}.{key}")
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from maps(value, f"{path}[{number}]")


def test_the_oldest_and_the_newest_version_are_asked() -> None:
    assert VERSIONS[0] == "1.32"
    assert VERSIONS[1] > VERSIONS[0]


def test_there_is_a_schema_for_every_kind_of_an_operator(kinds: dict[str, Object]) -> None:
    assert kinds.keys() >= OPERATORS_KINDS
    assert [found for obj in kinds.values() for found in errors(obj)] == []


def test_a_mistyped_field_is_found_wherever_it_is(kinds: dict[str, Object]) -> None:
    places = 0
    for original in kinds.values():
        obj = copy.deepcopy(original)
        for path, node in list(maps(obj)):
            node["mistyped"] = 1
            assert errors(obj) != [], f"{obj['kind']}{path}"
            del node["mistyped"]
            places += 1
    assert places > 200


def test_every_error_is_told_with_its_place(kinds: dict[str, Object]) -> None:
    obj = copy.deepcopy(kinds["ScaledObject"])
    obj["spec"]["minReplicaCount"] = "2"
    obj["spec"]["triggers"][0]["metadata"]["value"] = 8
    where = f"ScaledObject/{obj['metadata']['name']}: $.spec"
    assert errors(obj) == [
        f"{where}.minReplicaCount: '2' is not of type 'integer'",
        f"{where}.triggers[0].metadata.value: 8 is not of type 'string'",
    ]


@pytest.mark.parametrize(
    "version", ["policy/v1beta1", "autoscaling/v2beta2", "extensions/v1beta1", "keda.sh/v1", "other/v1"]
)
def test_versions_that_are_gone_or_unknown_are_refused(version: str, kinds: dict[str, Object]) -> None:
    obj = kinds["PodDisruptionBudget"] | {"apiVersion": version}
    expected = f"expected a known kind, found PodDisruptionBudget of {version}"
    assert errors(obj) == [f"PodDisruptionBudget/{obj['metadata']['name']}: {expected}"]


def test_what_was_validated_is_told_again(kinds: dict[str, Object]) -> None:
    wrong = kinds["Service"] | {"kind": "Servise"}
    validation = Validation()
    assert len(validation.errors([wrong, copy.deepcopy(wrong)])) == 2
