"""Policies for what pods are configured with: settings, secrets, images, and the broker's own limits."""

from __future__ import annotations

import re
from itertools import chain
from typing import TYPE_CHECKING

from pydantic import BaseModel

from headroom_analysis.app import AnalysisSettings
from headroom_common.service import ServiceSettings
from headroom_common.service.settings import NESTED, PREFIX, SECRETS_DIR
from headroom_gateway.settings import GatewaySettings
from headroom_policies.manifests import VERSION, Manifests, Object, Workload, told
from headroom_policies.quantities import memory
from headroom_policies.rules import rule
from scripts.version import current

if TYPE_CHECKING:
    from collections.abc import Iterator

WATERMARK = re.compile(r"^vm_memory_high_watermark\.absolute = (.+)$", re.MULTILINE)
HASHED = re.compile(r".-[a-z0-9]{10}$")
CREDENTIALS = re.compile(
    r"://[^/@\s]*:[^/@\s]+@|(?:requirepass|default_pass)\b[ =]+\S|PASSWORD +'", re.IGNORECASE
)
SECRET_NAME = re.compile(r"PASSWORD|SECRET(?!S_DIR)|TOKEN|_KEY$|REDIS_URL|DATABASE_URL|BROKER__URL")
IMAGE = re.compile(r"(?P<name>[a-z0-9./-]+?)(?::(?P<tag>[\w.-]+))?(?:@sha256:[0-9a-f]{64})?")
LARGEST_SHARE = 0.75
CLUSTERS_OWN = {"kube-root-ca.crt"}
"""ConfigMaps that every namespace has."""


@rule(30)
def the_broker_knows_its_memory(manifests: Manifests) -> Iterator[str]:
    """RabbitMQ does not see a container's limit: without a watermark it is killed."""
    for where, configuration, limit in _brokers(manifests):
        found = WATERMARK.search(configuration)
        if found is None:
            yield f"{where}: expected vm_memory_high_watermark.absolute"
        elif memory(found[1]) > LARGEST_SHARE * memory(limit):
            yield (
                f"{where}: vm_memory_high_watermark.absolute: "
                f"expected at most {LARGEST_SHARE:.0%} of {limit}, found {found[1]}"
            )


def _brokers(manifests: Manifests) -> Iterator[tuple[str, str, str]]:
    for cluster in manifests.of("RabbitmqCluster"):
        spec = cluster["spec"]
        configuration = spec.get("rabbitmq", {}).get("additionalConfig", "")
        yield told(cluster), configuration, spec["resources"]["limits"]["memory"]
    for workload in manifests.workloads:
        if workload.name != "rabbitmq":
            continue
        files = [manifests.named("ConfigMap", source["name"]) for source in workload.volumes("configMap")]
        texts = [text for one in files if one is not None for text in one["data"].values()]
        yield workload.told, "\n".join(texts), workload.containers[0]["resources"]["limits"]["memory"]


@rule(31)
def what_is_configured_is_made_by_generators(manifests: Manifests) -> Iterator[str]:
    """A hash in the name has pods replaced when the content changes, and keeps the old one for going back."""
    for obj in manifests.of("ConfigMap", "Secret"):
        if not HASHED.search(obj["metadata"]["name"]) and not _found_by_label(obj):
            yield f"{told(obj)}: expected a generator's name with a hash"


def _found_by_label(obj: Object) -> bool:
    return "grafana_dashboard" in obj["metadata"].get("labels", {})


@rule(31)
def everything_that_is_named_exists(manifests: Manifests) -> Iterator[str]:
    """A name that leads nowhere keeps a pod from starting."""
    named = chain.from_iterable(_references(workload) for workload in manifests.workloads)
    for where, kind, name, key in chain(named, _references_of_operators(manifests)):
        found = manifests.named(kind, name)
        if name in CLUSTERS_OWN:
            continue
        if found is None:
            yield f"{where}: expected {kind} {name} among the manifests"
        elif key is not None and key not in found.get("data", {}):
            yield f"{where}: {kind} {name}: expected the key {key}, found {', '.join(found.get('data', {}))}"


Reference = tuple[str, str, str, str | None]


def _references(workload: Workload) -> Iterator[Reference]:
    for container in workload.containers:
        for source in container.get("envFrom", []):
            for kind, reference in _either(source, "configMapRef", "secretRef"):
                yield workload.told, kind, reference["name"], None
        for entry in container.get("env", []):
            for kind, reference in _either(entry.get("valueFrom", {}), "configMapKeyRef", "secretKeyRef"):
                yield workload.told, kind, reference["name"], reference["key"]
    for kind, key, field in (("ConfigMap", "configMap", "name"), ("Secret", "secret", "secretName")):
        for source in workload.volumes(key):
            name = source.get(field) or source["name"]
            for item in source.get("items", [{"key": None}]):
                yield workload.told, kind, name, item["key"]


def _either(source: Object, config_map: str, secret: str) -> Iterator[tuple[str, Object]]:
    for kind, key in (("ConfigMap", config_map), ("Secret", secret)):
        if key in source:
            yield kind, source[key]


def _references_of_operators(manifests: Manifests) -> Iterator[Reference]:
    for cluster in manifests.of("RabbitmqCluster"):
        name = cluster["spec"]["secretBackend"]["externalSecret"]["name"]
        for key in ("default_user.conf", "username", "password"):
            yield told(cluster), "Secret", name, key
    for authentication in manifests.of("TriggerAuthentication"):
        for target in authentication["spec"]["secretTargetRef"]:
            yield told(authentication), "Secret", target["name"], target["key"]


@rule(32)
def no_secret_stands_outside_of_secrets(manifests: Manifests) -> Iterator[str]:
    """Neither in a variable nor in a file of configuration."""
    for obj in manifests.of("ConfigMap"):
        for key, text in obj.get("data", {}).items():
            if SECRET_NAME.search(key) or CREDENTIALS.search(text):
                yield f"{told(obj)}: {key}: expected no secret"
    for workload in manifests.workloads:
        for container in workload.containers:
            for entry in container.get("env", []):
                value = entry.get("value", "")
                if (value and SECRET_NAME.search(entry["name"])) or CREDENTIALS.search(value):
                    yield f"{workload.told}: {entry['name']}: expected no secret, but a file or a reference"
            if CREDENTIALS.search(" ".join([*container.get("command", []), *container.get("args", [])])):
                yield f"{workload.told}: expected no secret in its arguments"


@rule(32)
def services_get_the_secrets_that_they_need(manifests: Manifests) -> Iterator[str]:
    """As files, which only their own user may read, and nobody else's."""
    for workload in manifests.services:
        expected = {"broker", "redis"}
        if "database_url" in settings_of(workload.name).model_fields:
            expected.add(f"{workload.name}-database")
        if "authentication" in settings_of(workload.name).model_fields:
            expected.add(f"{workload.name}-admin-key")
        found = {source["name"].rpartition("-")[0] for source in workload.volumes("secret")}
        if found != expected:
            yield f"{workload.told}: expected the secrets {sorted(expected)}, found {sorted(found)}"
    for workload in manifests.workloads:
        for volume in workload.pod.get("volumes", []):
            source = volume.get("projected") or volume.get("secret")
            if source is not None and source.get("defaultMode", 0o644) & 0o007:
                yield f"{workload.told}: volume {volume['name']}: defaultMode: expected none for others"


def settings_of(service: str) -> type[BaseModel]:
    """Return the settings of a service; those that it shares with the others if it has none of its own."""
    own: dict[str, type[BaseModel]] = {"gateway": GatewaySettings, "analysis": AnalysisSettings}
    return own.get(service, ServiceSettings)


@rule(31)
def variables_are_settings(manifests: Manifests) -> Iterator[str]:
    """A variable that no service knows is a mistyped one: it would be ignored without a word."""
    known = {SECRETS_DIR, *_variables(GatewaySettings), *_variables(AnalysisSettings)}
    for workload in manifests.workloads:
        given = set(manifests.environment(workload))
        given |= {entry["name"] for one in workload.containers for entry in one.get("env", [])}
        for variable in sorted(given - known):
            if variable.startswith(PREFIX):
                yield f"{workload.told}: {variable}: expected a setting of docs/services.md"


def _variables(model: type[BaseModel], prefix: str = PREFIX) -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield prefix + name.upper()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _variables(field.annotation, prefix + name.upper() + NESTED)


@rule(34)
def images_have_one_fixed_version(manifests: Manifests) -> Iterator[str]:
    """No image is `latest`, all of ours are of one version, and labels say which."""
    versions = set()
    for workload in manifests.workloads:
        for container in workload.containers:
            found = IMAGE.fullmatch(container["image"])
            where = f"{workload.told}: image {container['image']}"
            if found is None or found["tag"] in (None, "latest"):
                yield f"{where}: expected a fixed tag"
                continue
            if container.get("imagePullPolicy") != "IfNotPresent":
                yield f"{where}: imagePullPolicy: expected IfNotPresent"
            if not found["name"].startswith("headroom/"):
                continue
            versions.add(found["tag"])
            labels = (workload.object["metadata"]["labels"].get(VERSION), workload.labels.get(VERSION))
            if labels != (found["tag"], found["tag"]):
                yield f"{where}: {VERSION}: expected {found['tag']}, found {labels}"
    if len(versions) != 1:
        yield f"expected one version of our images, found {sorted(versions)}"


@rule(34)
def migrations_are_of_this_version(manifests: Manifests) -> Iterator[str]:
    """A Job cannot be changed: each version needs a name of its own, and ended ones have to go."""
    suffix = "-migrate-" + current().replace(".", "-")
    jobs = manifests.of("Job")
    for job in jobs:
        if not job["metadata"]["name"].endswith(suffix):
            yield f"{told(job)}: expected a name that ends with {suffix}"
        if "ttlSecondsAfterFinished" not in job["spec"]:
            yield f"{told(job)}: ttlSecondsAfterFinished: expected, for a Job of other secrets needs the name"
        if any("envFrom" in container for container in Workload(job).containers):
            yield f"{told(job)}: envFrom: expected none, for it would change with any setting"
    waiting = {manifests.environment(workload).get("HEADROOM_MIGRATIONS") for workload in manifests.services}
    if waiting != ({"await"} if jobs else {None}):
        yield f"HEADROOM_MIGRATIONS: expected await where Jobs migrate and nowhere else, found {waiting}"
