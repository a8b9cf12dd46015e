"""The scripts that make, lock and draw: what they decide, and that they leave things as they should."""

from __future__ import annotations

import re
import shutil
import subprocess
import threading
from typing import TYPE_CHECKING

import pytest

from diagrams import __main__ as diagrams
from diagrams import broker_topology, cicd_pipeline, manifests
from headroom_common.contracts.registry import CONTRACTS
from headroom_common.transports.port import Queue
from headroom_common.transports.rabbitmq_topology import (
    DEAD_LETTERS,
    DUE,
    EVENTS,
    RETRIES,
    UNROUTED,
    dead_letter_queue,
    delay_queue,
    retry_queue,
)
from headroom_common.transports.settings import BrokerSettings
from scripts import setup_environment
from scripts.lock import Member, closure, read_members, requirement_name

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("requirement", "name"),
    [("numpy>=2.4,<3", "numpy"), ("Typing_Extensions", "typing-extensions"), ("a.b[x]==1", "a-b")],
)
def test_requirement_names_are_normalised(requirement: str, name: str) -> None:
    assert requirement_name(requirement) == name


def test_a_requirement_without_a_name_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a requirement that starts with a name, found '==1'"):
        requirement_name("==1")


def test_members_are_read_with_their_own_apart(tmp_path: Path) -> None:
    for folder, body in {
        "common": 'name = "x-common"\ndependencies = ["numpy>=2"]',
        "microservices/a": 'name = "x-a"\ndependencies = ["x-common==1", "scipy"]',
        "sdk": 'name = "x"\ndependencies = ["x-a==1"]',
    }.items():
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "pyproject.toml").write_text(
            f'[build-system]\nrequires = ["hatchling"]\n[project]\n{body}\n', encoding="utf-8"
        )
    members = read_members(tmp_path)
    assert list(members) == ["x", "x-a", "x-common"]
    assert members["x-a"] == Member(
        "x-a", tmp_path / "microservices/a", ("scipy",), ("x-common",), ("hatchling",)
    )
    assert [member.name for member in closure(members["x"], members)] == ["x", "x-a", "x-common"]
    assert members["x-a"].lock_name == "a"


def test_setup_knows_every_member(members: dict[str, Member], root: Path) -> None:
    folders = {str(member.folder.relative_to(root)) for member in members.values()}
    assert set(setup_environment.MEMBERS) == folders


def test_two_setups_do_not_overlap(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    inside: list[str] = []
    with setup_environment.exclusive(tmp_path / "lock"):

        def second() -> None:
            with setup_environment.exclusive(tmp_path / "lock"):
                inside.append("second")

        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.2)
        inside.append("first")
    thread.join()
    assert inside == ["first", "second"]
    assert "waiting for it" in capsys.readouterr().out


def test_a_failing_command_stops_the_setup(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        setup_environment.run("sh", "-c", "exit 3")
    assert stopped.value.code == 3
    assert "setup failed: `sh -c exit 3 …` ended with status 3" in capsys.readouterr().out


def test_the_help_lists_the_commands(root: Path) -> None:
    make = shutil.which("make")
    assert make is not None
    shown = subprocess.run([make, "-C", root, "help"], check=True, capture_output=True, text=True).stdout  # noqa: S603 - no shell
    for command in ("setup", "demo", "lint", "test", "test-quick", "bench", "lock", "wheels", "clean"):
        assert re.search(rf"\b{command}\b", shown), command


@pytest.mark.parametrize("name", sorted(diagrams.SOURCES))
def test_diagrams_are_committed_as_the_code_draws_them(name: str, root: Path) -> None:
    assert name not in diagrams.stale()
    assert (root / f"diagrams/{name}.svg").read_text(encoding="utf-8").rstrip().endswith("</svg>")


def test_every_event_is_in_the_picture() -> None:
    drawn = diagrams.SOURCES["event_flow"]()
    for event_type in CONTRACTS:
        assert event_type.removeprefix("headroom.").rsplit(".", 1)[0] in drawn


def test_the_topology_shows_every_queue_of_its_example() -> None:
    drawn = diagrams.SOURCES["broker_topology"]()
    work = Queue("analysis", broker_topology.TAKES)
    waits = [delay_queue(work.service, delay) for delay in BrokerSettings().retry_delays]
    queues = (work.name, retry_queue(work), dead_letter_queue(work.service), *waits)
    for name in (EVENTS, UNROUTED, DEAD_LETTERS, RETRIES, DUE, *queues):
        assert name in drawn


def test_the_pipeline_shows_what_stands_behind_a_command() -> None:
    assert "types" in [name.removeprefix("lint-") for name in cicd_pipeline.prerequisites("lint")]
    assert cicd_pipeline.commands({"steps": [{"run": ".ci/run"}, {"uses": "x"}]}) == [
        "make lint",
        "make test",
    ]
    jobs: dict[str, dict[str, object]] = {"a": {}, "b": {"needs": "a"}, "c": {"needs": ["a", "b"]}}
    assert cicd_pipeline.waits_for(jobs, "c") == ["b"], "what follows from another arrow is not drawn"


def test_the_deployment_shows_every_service_and_every_way_in() -> None:
    found = manifests.overlay("staging")
    deployments = manifests.of_kind("Deployment", found)
    allowed = manifests.arrows(found)
    drawn = {name: diagrams.SOURCES[name]() for name in ("microservices_deployment", "security_architecture")}
    for picture in drawn.values():
        assert all(name in picture for name in deployments)
        assert all(str(arrow.port) in picture for arrow in allowed)
    held = {secret for one in deployments.values() for secret in manifests.secrets(one)}
    assert all(secret in drawn["security_architecture"] for secret in held - {"redis-server"})
    ways_in = {arrow for arrow in allowed if arrow.target == "gateway"}
    assert {arrow.source for arrow in ways_in} == {"namespace/ingress-nginx", "namespace/monitoring"}
    assert [arrow for arrow in allowed if arrow.target == "analysis" and "/" not in arrow.source] == [
        manifests.Arrow("gateway", "analysis", 8080)
    ]


def test_a_selector_by_expression_names_each_service() -> None:
    expression = {"key": manifests.NAME, "operator": "In", "values": ["a", "b"]}
    assert manifests.selected({"matchExpressions": [expression]}) == ["a", "b"]
    assert manifests.selected({"matchLabels": {manifests.NAME: "c"}}) == ["c"]
    assert manifests.selected({}) == []
