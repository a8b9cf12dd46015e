"""The images as the engine built them: who runs in them, what they hold, how large they are, how they end."""

from __future__ import annotations

import copy
import re
import secrets
import shutil
from contextlib import contextmanager
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import pytest
from headroom_servers.processes import wait_until
from headroom_stacks.engine import EngineError, docker, inspected
from headroom_stacks.stack import ROOT, SERVICES

from scripts.images import build_commands

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from headroom_stacks.stack import Stack

MEGABYTE = 1_000_000
BUDGETS = {"gateway": 490, "generator": 420, "router": 420, "server-model": 430, "analysis": 720}
"""Megabytes that /opt/headroom may take: what an image has beyond its base; docs/images.md has them too."""

UNPRIVILEGED = ("--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--security-opt=no-new-privileges")
ASSIGNED_SECRET = re.compile(r"(password|secret|token|api_?key)\w*[=:]\s*\S", re.IGNORECASE)
LABELS = {"title", "description", "licenses", "version", "revision", "created"}

LIVE = """
import urllib.request
print(urllib.request.urlopen("http://127.0.0.1:8080/health/live", timeout=5).status)
"""
LOAD = """
import importlib, sys
importlib.import_module(sys.argv[1] + ".app")
from headroom_common.simcore.jit import KERNELS, target
for kernel in KERNELS:
    kernel.compile()
misses = sum(sum(kernel.dispatcher.stats.cache_misses.values()) for kernel in KERNELS)
print(target(), len(KERNELS), misses)
"""
FIRST = """
status = dict(line.split(":", 1) for line in open("/proc/1/status"))
print(open("/proc/1/cmdline").read().replace("\\0", " ").strip())
print(*(status[name].split()[0] for name in ("CapEff", "CapBnd", "NoNewPrivs", "Uid")))
"""


def package(service: str) -> str:
    return f"headroom_{service.replace('-', '_')}"


@pytest.fixture(params=SERVICES)
def service(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def run(image: str, *command: str, options: tuple[str, ...] = UNPRIVILEGED) -> str:
    """Run a program in an image's container, and return what it prints."""
    return docker(
        "run", "--rm", "--network=none", *options, f"--entrypoint={command[0]}", image, *command[1:]
    )


@contextmanager
def started(image: str) -> Iterator[str]:
    """A service that reaches nobody, in a container that is removed in the end."""
    settings = {
        "HEADROOM_DATABASE_URL": "sqlite:////tmp/x.db",
        "HEADROOM_AUTHENTICATION__ADMIN_KEY": secrets.token_hex(32),
        "HEADROOM_LOG_LEVEL": "error",
    }
    variables = [f"--env={name}={value}" for name, value in settings.items()]
    container = docker("run", "--detach", "--network=none", *UNPRIVILEGED, *variables, image).strip()
    try:
        yield container
    finally:
        docker("rm", "--force", "--volumes", container)


def live(container: str) -> bool:
    try:
        return docker("exec", container, "python", "-c", LIVE).strip() == "200"
    except EngineError:
        return False


def findings(image: dict[str, Any], service: str) -> Iterator[str]:
    """Yield what the engine knows of an image and should not be so."""
    config = image["Config"]
    if not re.fullmatch(r"[1-9]\d*:[1-9]\d*", config["User"]):
        yield f"user: expected two numbers above 0, found {config['User']!r}"
    if config["Entrypoint"] != ["python", "-m", package(service)] or config["Cmd"]:
        yield f"entry point: expected the service, found {config['Entrypoint']} {config['Cmd']}"
    if config.get("StopSignal") != "SIGTERM":
        yield "signal: expected SIGTERM"
    if list(config["ExposedPorts"]) != ["8080/tcp"]:
        yield "ports: expected 8080"
    missing = LABELS - {name.rsplit(".", 1)[1] for name in config["Labels"] or {} if "opencontainers" in name}
    if missing:
        yield f"labels: {', '.join(sorted(missing))} missing"
    if config.get("Volumes"):
        yield "volumes: none are declared"
    if any(ASSIGNED_SECRET.search(variable) for variable in config["Env"]):
        yield "variables: one is a secret"


def _change(path: str, value: object) -> Callable[[dict[str, Any]], None]:
    def change(image: dict[str, Any]) -> None:
        image["Config"][path] = value

    return change


BAD = {
    "user": _change("User", "headroom"),
    "entry point": _change("Entrypoint", ["/bin/sh", "-c", "python -m headroom_router"]),
    "signal": _change("StopSignal", "SIGINT"),
    "ports": _change("ExposedPorts", {"8080/tcp": {}, "22/tcp": {}}),
    "labels": _change("Labels", {}),
    "volumes": _change("Volumes", {"/data": {}}),
    "variables": _change("Env", ["HEADROOM_REDIS_PASSWORD=hunter2"]),
}


def test_images_keep_to_the_policy(built: Stack, service: str) -> None:
    (image,) = inspected(built.image(service))
    assert list(findings(image, service)) == []


@pytest.mark.parametrize("what", BAD)
def test_the_policy_refuses_bad_images(built: Stack, what: str) -> None:
    image = copy.deepcopy(inspected(built.image("router"))[0])
    BAD[what](image)
    (found,) = findings(image, "router")
    assert found.startswith(f"{what}: ")


def test_nothing_that_builds_is_in_an_image(built: Stack, service: str) -> None:
    tools = "for name in pip pip3 gcc cc make git curl; do command -v $name; done"
    found = run(built.image(service), "sh", "-c", f"({tools}; ls /var/lib/apt/lists) 2>/dev/null; true")
    assert found.split() == []
    modules = (
        "import importlib.util as u; print([n for n in ('pip', 'setuptools', 'ensurepip') if u.find_spec(n)])"
    )
    assert run(built.image(service), "python", "-c", modules).strip() == "[]"


def test_licences_are_in_an_image(built: Stack, service: str) -> None:
    find = "find /opt/headroom -ipath '*dist-info*' -iname '*licen*' | wc -l"
    assert int(run(built.image(service), "sh", "-c", find)) > 30


def test_history_tells_no_secret(built: Stack, service: str) -> None:
    history = docker("history", "--no-trunc", "--format={{.CreatedBy}}", built.image(service))
    assert not ASSIGNED_SECRET.search(history)
    assert ASSIGNED_SECRET.search("ENV REDIS_PASSWORD=hunter2")


def test_an_image_keeps_to_its_budget(built: Stack, service: str) -> None:
    size = run(built.image(service), "du", "--summarize", "--bytes", "/opt/headroom")
    assert int(size.split()[0]) <= BUDGETS[service] * MEGABYTE


def test_all_images_share_their_packages(built: Stack) -> None:
    layers = [image["RootFS"]["Layers"] for image in inspected(*map(built.image, SERVICES))]
    shared = list(takewhile(lambda same: len(set(same)) == 1, zip(*layers, strict=False)))
    assert all(len(own) - len(shared) <= 3 for own in layers), "extras, the service, and a gateway's folders"


def test_a_service_lives_without_privileges_and_ends_when_told(built: Stack, service: str) -> None:
    with started(built.image(service)) as container:
        wait_until(lambda: live(container), within=180.0, what="the service is live")
        command, privileges = docker("exec", container, "python", "-c", FIRST).splitlines()
        assert command == f"python -m {package(service)}"
        assert privileges.split() == ["0" * 16, "0" * 16, "1", "10001"]
        docker("stop", "--time=120", container)
        (ended,) = inspected(container)
        assert ended["State"]["ExitCode"] == 0
        assert "Warning" not in docker("logs", container)


@pytest.mark.parametrize("baseline", [None, "x86-64-v4", "x86-64-v3", "x86-64-v2"])
def test_a_container_compiles_nothing(built: Stack, service: str, baseline: str | None) -> None:
    if baseline is not None and not built.published:
        pytest.skip("the images that the tests build have kernels for this machine alone")
    options = (*UNPRIVILEGED, *([f"--env=HEADROOM_KERNEL_TARGET={baseline}"] if baseline else []))
    told = run(built.image(service), "python", "-W", "error", "-c", LOAD, package(service), options=options)
    target, kernels, misses = told.split()
    assert target in {baseline or "x86-64-v4", "x86-64-v3", "x86-64-v2", "generic"}, "the widest there is"
    assert int(misses) == 0
    assert (int(kernels) > 0) == (service != "gateway")


def test_a_secret_in_the_tree_does_not_get_into_a_build(built: Stack, tmp_path: Path) -> None:
    shutil.copy(ROOT / ".dockerignore", tmp_path)
    secret = ("k8s/secrets/key", ".env", "microservices/gateway/.env", "id_rsa", "common/secrets.yaml")
    for name in (*secret, "common/src/x.py", "requirements/common.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("hunter2", encoding="utf-8")
    dockerfile = f"FROM {built.image('router')}\nCOPY . /context\n"
    (tmp_path / "Dockerfile").write_text(dockerfile, encoding="utf-8")
    tag = f"{built.image('router')}-context"
    docker("buildx", "build", "--load", "--tag", tag, str(tmp_path))
    try:
        found = run(tag, "find", "/context", "-type", "f").split()
    finally:
        docker("rmi", tag)
    assert sorted(found) == ["/context/common/src/x.py", "/context/requirements/common.txt"]


def test_make_images_names_what_the_engine_can_build() -> None:
    for command in build_commands("x", "headroom"):
        help_of = docker(*command[1:3], "--help")
        assert all(word.split("=")[0] in help_of for word in command if word.startswith("--"))


def test_labels_tell_what_was_built(built: Stack, service: str) -> None:
    (image,) = inspected(built.image(service))
    labels = {name.rsplit(".", 1)[1]: value for name, value in image["Config"]["Labels"].items()}
    assert labels["title"] == f"headroom-{service}"
    assert labels["licenses"] == "Apache-2.0"
