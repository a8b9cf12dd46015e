"""What the engine really gives the containers: no privileges, few files, and the ways that are drawn."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from headroom_stacks.engine import EngineError, docker
from headroom_stacks.stack import SERVERS, SERVICES

from scripts.compose_secrets import FILES

if TYPE_CHECKING:
    from headroom_stacks.stack import Stack

LISTENING = {
    "gateway": 8080,
    "generator": 8080,
    "router": 8080,
    "server-model": 8080,
    "analysis": 8080,
    "rabbitmq": 5672,
    "postgresql": 5432,
    "redis": 6379,
}
WAYS = {
    "gateway": {"gateway", "analysis", "rabbitmq", "postgresql", "redis"},
    "generator": {"generator", "rabbitmq", "redis"},
    "router": {"router", "rabbitmq", "redis"},
    "server-model": {"server-model", "rabbitmq", "redis"},
    "analysis": {"analysis", "gateway", "rabbitmq", "postgresql", "redis"},
}
"""Whom each service reaches."""

KNOCK = """
import json, socket, sys
from concurrent.futures import ThreadPoolExecutor

def reached(door):
    try:
        socket.create_connection(door[1:], timeout=5).close()
    except OSError:
        return None
    return door[0]

doors = json.loads(sys.argv[1])
with ThreadPoolExecutor(len(doors)) as visitors:
    print(json.dumps(sorted(set(visitors.map(reached, doors)) - {None})))
"""
"""Tries all doors at once, for a packet that is thrown away has no answer."""

WRITE = """
import os
for path in ("/x", "/opt/headroom/x", "/run/secrets/x", "/etc/x"):
    try:
        open(path, "w")
    except OSError as error:
        continue
    raise SystemExit(path)
open("/tmp/x", "w").write("x")
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0, "capabilities"
assert status["NoNewPrivs"].strip() == "1"
assert os.getuid() == os.getgid() == 10001, (os.getuid(), os.getgid())
"""


def test_no_container_has_privileges(stack: Stack) -> None:
    containers = stack.containers()
    assert len(containers) == len(SERVICES) + len(SERVERS) + 1
    for container in containers:
        name, config, host = container["Name"], container["Config"], container["HostConfig"]
        assert config["User"] in {"10001:10001", "999:999"}, name
        assert host["ReadonlyRootfs"], name
        assert host["CapDrop"] == ["ALL"], name
        assert not host["CapAdd"], name
        assert not host["Privileged"], name
        assert host["SecurityOpt"] == ["no-new-privileges:true"], name
        assert 0 < host["Memory"] <= 2**31, name
        assert 0 < host["NanoCpus"] <= 10**9, name
        assert host["PidsLimit"] > 0, name


def test_a_service_may_write_nothing_but_what_is_temporary(stack: Stack) -> None:
    for service in SERVICES:
        stack.run_in(service, "python", "-c", WRITE)


def test_services_reach_whom_they_have_to_and_nobody_else(stack: Stack) -> None:
    # By address: what has no name on a network may still be reached there.
    networks = {name: stack.container(name)["NetworkSettings"]["Networks"].values() for name in LISTENING}
    doors = json.dumps(
        [(name, one["IPAddress"], LISTENING[name]) for name in LISTENING for one in networks[name]]
    )

    def reached(service: str) -> set[str]:
        return set(json.loads(stack.run_in(service, "python", "-c", KNOCK, doors)))

    with ThreadPoolExecutor(len(SERVICES)) as visitors:
        assert dict(zip(SERVICES, visitors.map(reached, SERVICES), strict=True)) == WAYS


def test_one_port_is_open_to_this_machine_alone(stack: Stack) -> None:
    published = [
        (container["Config"]["Labels"]["com.docker.compose.service"], binding["HostIp"], binding["HostPort"])
        for container in stack.containers()
        for bindings in container["NetworkSettings"]["Ports"].values()
        for binding in bindings or ()
    ]
    assert published == [("gateway", "127.0.0.1", str(stack.port))]


def test_the_gateway_answers_this_machine_and_no_web_page(stack: Stack) -> None:
    assert stack.get("/api/v1/runs").status_code == 200
    foreign = stack.get("/api/v1/runs", Host="evil.example")
    assert (foreign.status_code, foreign.json()["type"]) == (421, "urn:headroom:problem:foreign-host")
    page = stack.get("/api/v1/runs", Origin="https://evil.example")
    assert (page.status_code, page.json()["type"]) == (403, "urn:headroom:problem:foreign-origin")


def test_secrets_are_random_files_that_only_their_readers_see(stack: Stack) -> None:
    image, passwords = stack.image("gateway"), f"{stack.project}_secrets-passwords:/secrets:ro"
    reading = ["run", "--rm", "--network=none", f"--volume={passwords}", "--entrypoint=cat", image]
    kept = set(json.loads(docker(*reading, "/secrets/passwords.json")).values())
    assert len(kept) >= 5
    assert all(len(password) == 64 for password in kept)
    volumes = {name: name for name in ("gateway", "analysis", "rabbitmq", "postgresql", "redis")}
    for service, volume in {**volumes, "generator": "worker"}.items():
        listing = stack.run_in(
            service, "sh", "-c", "cd /run/secrets && stat -c '%n %a %u:%g' -- * .[!.]*; true"
        )
        found = dict(line.split(" ", 1) for line in listing.splitlines())
        assert found == {name: "440 10001:10001" for _, name in FILES[volume]}, service
    told = json.dumps(stack.containers()) + stack.compose("logs", "--no-color") + stack.compose("config")
    assert not [password for password in kept if password in told]


def test_whoever_is_not_the_superuser_has_one_database(stack: Stack) -> None:
    asking = "PGPASSWORD=$(cat /run/secrets/analysis) psql -h 127.0.0.1 -U analysis --tuples-only -c"
    assert stack.run_in("postgresql", "sh", "-c", f"{asking} 'SELECT 7' analysis").strip() == "7"
    with pytest.raises(EngineError, match='permission denied for database "gateway"'):
        stack.run_in("postgresql", "sh", "-c", f"{asking} 'SELECT 7' gateway")
    with pytest.raises(EngineError, match="password authentication failed"):
        stack.run_in("postgresql", "sh", "-c", asking.replace("cat", "echo") + " 'SELECT 7' analysis")
