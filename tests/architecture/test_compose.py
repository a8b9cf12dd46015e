"""Policies of docker-compose.yml: what holds for every container, and that a breach of it is noticed."""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from scripts.compose_secrets import FILES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

SERVICES = ("gateway", "generator", "router", "server-model", "analysis")
SERVERS = {
    "rabbitmq": set(SERVICES),
    "redis": set(SERVICES),
    "postgresql": {"gateway", "analysis"},
}
"""Who talks to which server."""

DRAIN = 30
UNITS = {"K": 2**10, "M": 2**20, "G": 2**30}
SECRET = re.compile(r"passw|secret|token|(^|_)key$", re.IGNORECASE)
HARMLESS = {"HEADROOM_SECRETS_DIR"}
"""Variables that sound secret and hold the name of a folder."""

Compose = dict[str, Any]


def size(text: str) -> int:
    """Bytes of ``600MiB`` or ``1G``."""
    found = re.fullmatch(r"([0-9]+)([KMG])(iB)?", text)
    assert found is not None, text
    return int(found[1]) * UNITS[found[2]]


def least_privilege(name: str, service: Mapping[str, Any], _: Compose) -> Iterator[str]:
    """Rows 5, 20 and 21 of the checklist."""
    if not re.fullmatch(r"[1-9][0-9]*:[1-9][0-9]*", str(service.get("user"))):
        yield f"{name}: user: expected numbers other than 0, found {service.get('user')}"
    if service.get("cap_drop") != ["ALL"] or service.get("cap_add") or service.get("privileged"):
        yield f"{name}: expected no capabilities at all"
    if "no-new-privileges:true" not in service.get("security_opt", ()):
        yield f"{name}: security_opt: expected no-new-privileges:true"
    if service.get("read_only") is not True:
        yield f"{name}: read_only: expected true"


def limits(name: str, service: Mapping[str, Any], _: Compose) -> Iterator[str]:
    """Row 29: memory, processor, processes and logs are bounded; one core is what every machine has."""
    bounds = service.get("deploy", {}).get("resources", {}).get("limits", {})
    if not {"cpus", "memory", "pids"} <= set(bounds):
        yield f"{name}: expected limits of cpus, memory and pids, found {sorted(bounds)}"
    elif float(bounds["cpus"]) > 1:
        yield f"{name}: cpus: expected 1 at most, found {bounds['cpus']}"
    if "max-size" not in service.get("logging", {}).get("options", {}):
        yield f"{name}: expected a limit of its log"


def lasting(name: str, service: Mapping[str, Any], _: Compose) -> Iterator[str]:
    """Row 37, and 16 and 18: what lasts comes back, tells how it is, and has the time to end."""
    if service.get("restart") == "no":
        return
    if service.get("restart") != "unless-stopped":
        yield f"{name}: restart: expected unless-stopped"
    if "healthcheck" not in service:
        yield f"{name}: expected a health check"
    elif re.search(r"rabbitmq-diagnostics|rabbitmqctl", str(service["healthcheck"])):
        yield f"{name}: expected a health check by TCP or HTTP"
    grace = re.fullmatch(r"([0-9]+)s", str(service.get("stop_grace_period")))
    if grace is None or int(grace[1]) <= DRAIN:
        yield f"{name}: stop_grace_period: expected more than the drain's {DRAIN} s"


def order(name: str, service: Mapping[str, Any], compose: Compose) -> Iterator[str]:
    """Row 37: whoever needs something waits until it is healthy, or done."""
    needs = service.get("depends_on", {})
    if isinstance(needs, list):
        yield f"{name}: depends_on: expected conditions"
        return
    for other, need in needs.items():
        once = compose["services"][other].get("restart") == "no"
        expected = "service_completed_successfully" if once else "service_healthy"
        if need.get("condition") != expected:
            yield f"{name}: depends_on {other}: expected {expected}"
    wanted = {server for server, users in SERVERS.items() if name in users}
    wanted |= {"secrets"} - {name}
    if set(needs) != wanted:
        yield f"{name}: depends_on: expected {sorted(wanted)}, found {sorted(needs)}"


def no_secrets(name: str, service: Mapping[str, Any], _: Compose) -> Iterator[str]:
    """Row 32: a secret comes from a file, or from who starts it, never from here."""
    for variable, value in service.get("environment", {}).items():
        given = str(value).startswith("${") and ":-" not in str(value)
        if SECRET.search(variable) and variable not in HARMLESS and not given:
            yield f"{name}: {variable}: expected no literal secret"
        if re.search(r"://[^/]*:[^/$]+@", str(value)):
            yield f"{name}: {variable}: expected no password in an address"
    for volume in service.get("volumes", ()):
        source, target, *mode = volume.split(":")
        if target == "/run/secrets" and mode != ["ro"]:
            yield f"{name}: {source}: expected to be read-only"


def doors(name: str, service: Mapping[str, Any], _: Compose) -> Iterator[str]:
    """The gateway's port alone is published, on loopback alone; nothing shares what is the machine's."""
    for port in service.get("ports", ()):
        if name != "gateway" or not str(port).startswith("127.0.0.1:"):
            yield f"{name}: ports: expected none but the gateway's on 127.0.0.1, found {port}"
    for key in ("network_mode", "pid", "ipc", "uts", "userns_mode"):
        if service.get(key) not in {None, "none"}:
            yield f"{name}: {key}: expected nothing of the machine's"
    if "docker.sock" in str(service.get("volumes", ())):
        yield f"{name}: volumes: expected no way to the engine"


def arrows(compose: Compose) -> Iterator[str]:
    """Networks let through what the architecture draws, and nothing else."""
    members: dict[str, set[str]] = {}
    for name, service in compose["services"].items():
        for network in service.get("networks", ()):
            members.setdefault(network, set()).add(name)
    for network, options in compose["networks"].items():
        if network != "public" and not (options or {}).get("internal"):
            yield f"{network}: expected an internal network"
    if members.pop("public", set()) != {"gateway"}:
        yield "public: expected the gateway alone"
    pairs = {
        (one, other) for inside in members.values() for one in inside for other in inside if one in SERVICES
    }
    drawn = {(user, server) for server, users in SERVERS.items() for user in users}
    drawn |= {(name, name) for name in SERVICES} | {("gateway", "analysis"), ("analysis", "gateway")}
    yield from (f"{one} and {other}: expected no common network" for one, other in sorted(pairs - drawn))
    yield from (f"{one} and {other}: expected a common network" for one, other in sorted(drawn - pairs))


RULES: tuple[Callable[[str, Mapping[str, Any], Compose], Iterator[str]], ...] = (
    least_privilege,
    limits,
    lasting,
    order,
    no_secrets,
    doors,
)


def faults(compose: Compose) -> list[str]:
    found = [
        fault
        for rule in RULES
        for name, service in compose["services"].items()
        for fault in rule(name, service, compose)
    ]
    return [*found, *arrows(compose)]


@pytest.fixture(scope="module")
def composed(root: Path) -> Compose:
    loaded: Compose = yaml.safe_load((root / "docker-compose.yml").read_text(encoding="utf-8"))
    return loaded


def test_the_policies_hold(composed: Compose) -> None:
    assert faults(composed) == []
    assert set(composed["services"]) == {*SERVICES, *SERVERS, "secrets"}
    assert "version" not in composed


BROKEN = {
    "a user by name": ("router", "user", "headroom", "router: user: expected numbers"),
    "root": ("redis", "user", "0:0", "redis: user: expected numbers"),
    "a capability": ("rabbitmq", "cap_add", ["CHOWN"], "rabbitmq: expected no capabilities"),
    "privileges": ("postgresql", "security_opt", [], "postgresql: security_opt"),
    "a root file system to write": ("gateway", "read_only", False, "gateway: read_only"),
    "no limits": ("analysis", "deploy", {}, "analysis: expected limits"),
    "more cores than a machine has": (
        "analysis",
        "deploy",
        {"resources": {"limits": {"cpus": "4", "memory": "1G", "pids": 9}}},
        "analysis: cpus: expected 1",
    ),
    "an endless log": ("router", "logging", {"driver": "json-file"}, "router: expected a limit of its log"),
    "a service that stays away": ("generator", "restart", "on-failure", "generator: restart"),
    "the broker's command line": (
        "rabbitmq",
        "healthcheck",
        {"test": ["CMD", "rabbitmq-diagnostics", "ping"]},
        "rabbitmq: expected a health check by TCP",
    ),
    "no time to end": ("server-model", "stop_grace_period", "10s", "server-model: stop_grace_period"),
    "an order without conditions": (
        "router",
        "depends_on",
        ["rabbitmq"],
        "router: depends_on: expected cond",
    ),
    "a server that only has to be started": (
        "router",
        "depends_on",
        {"rabbitmq": {"condition": "service_started"}},
        "router: depends_on rabbitmq: expected service_healthy",
    ),
    "a password": (
        "postgresql",
        "environment",
        {"POSTGRES_PASSWORD": "secret"},
        "postgresql: POSTGRES_PASSWORD: expected no literal",
    ),
    "a default password": (
        "postgresql",
        "environment",
        {"POSTGRES_PASSWORD": "${POSTGRES_PASSWORD:-secret}"},
        "postgresql: POSTGRES_PASSWORD: expected no literal",
    ),
    "a password in an address": (
        "router",
        "environment",
        {"HEADROOM_BROKER__URL": "amqp://guest:guest@rabbitmq/"},
        "router: HEADROOM_BROKER__URL: expected no password",
    ),
    "secrets to write": ("router", "volumes", ["x:/run/secrets"], "router: x: expected to be read-only"),
    "a port for everybody": ("gateway", "ports", ["8080:8080"], "gateway: ports: expected none"),
    "a port of the broker": ("rabbitmq", "ports", ["127.0.0.1:5672:5672"], "rabbitmq: ports: expected none"),
    "the machine's network": ("gateway", "network_mode", "host", "gateway: network_mode"),
    "the engine": ("gateway", "volumes", ["/run/docker.sock:/s:ro"], "gateway: volumes: expected no way"),
    "the broker in public": (
        "rabbitmq",
        "networks",
        ["public", *SERVICES],
        "public: expected the gateway alone",
    ),
    "a way round the broker": (
        "router",
        "networks",
        ["router", "reports"],
        "router and analysis: expected no common network",
    ),
    "no way to the broker": ("router", "networks", [], "router and rabbitmq: expected a common network"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_breaks_a_policy_is_noticed(composed: Compose, what: str) -> None:
    service, key, value, told = BROKEN[what]
    broken = copy.deepcopy(composed)
    broken["services"][service][key] = value
    assert any(fault.startswith(told) for fault in faults(broken)), faults(broken)


def test_a_network_that_leads_outside_is_noticed(composed: Compose) -> None:
    broken = copy.deepcopy(composed)
    broken["networks"]["analysis"] = {}
    assert faults(broken) == ["analysis: expected an internal network"]


def too_much_memory(composed: Compose, configuration: str, service: str, setting: str) -> bool:
    """Tell whether a server may take more than its container has, which it does not see itself (row 30)."""
    found = re.search(
        rf"^{re.escape(setting)}[ =]+([0-9]+)([KMG])i?b$", configuration, re.MULTILINE | re.IGNORECASE
    )
    limit = size(composed["services"][service]["deploy"]["resources"]["limits"]["memory"])
    return found is None or int(found[1]) * UNITS[found[2].upper()] > 0.8 * limit


@pytest.mark.parametrize(
    ("service", "setting"), [("rabbitmq", "vm_memory_high_watermark.absolute"), ("redis", "maxmemory")]
)
def test_servers_know_their_memory(composed: Compose, root: Path, service: str, setting: str) -> None:
    source = composed["services"][service]["configs"][0]["source"]
    configuration = (root / composed["configs"][source]["file"]).read_text(encoding="utf-8")
    assert not too_much_memory(composed, configuration, service, setting)
    assert too_much_memory(composed, "", service, setting)
    assert too_much_memory(composed, f"{setting} = 1000GiB\n", service, setting)


def test_every_container_sees_its_own_secrets_alone(composed: Compose) -> None:
    seen = {
        name: [volume.split(":")[0] for volume in service.get("volumes", ()) if volume.startswith("secrets-")]
        for name, service in composed["services"].items()
    }
    made = seen.pop("secrets")
    assert made == [f"secrets-{name}" for name in ("passwords", *FILES)]
    workers = {name: ["secrets-worker"] for name in ("generator", "router", "server-model")}
    assert seen == {name: [f"secrets-{name}"] for name in seen} | workers


def test_what_serves_development_changes_nothing_else(root: Path) -> None:
    override = yaml.safe_load((root / "docker-compose.override.yml").read_text(encoding="utf-8"))
    assert set(override) == {"services"}
    for name, service in override["services"].items():
        assert set(service) == {"develop"}, name
        for watched in service["develop"]["watch"]:
            assert (root / watched["path"]).exists(), watched["path"]
            assert watched["action"] == "rebuild"
