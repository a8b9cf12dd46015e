"""What is around the platform: containers, the files of Alloy, and a runbook for every alert."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

ROOT: Final = Path(__file__).resolve().parents[2]
OBSERVABILITY: Final = ROOT / "observability"
COMPOSE: Final = yaml.safe_load((OBSERVABILITY / "compose.yaml").read_text(encoding="utf-8"))
RUNBOOKS: Final = (ROOT / "docs/runbooks.md").read_text(encoding="utf-8")
ALLOY: Final = OBSERVABILITY / "alloy"

Json = dict[str, Any]


def alerts() -> dict[str, Json]:
    groups = yaml.safe_load((OBSERVABILITY / "prometheus/rules.yaml").read_text(encoding="utf-8"))["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"] if "alert" in rule}


@pytest.mark.parametrize("service", COMPOSE["services"].values(), ids=COMPOSE["services"])
def test_a_container_has_no_more_than_it_needs(service: Json) -> None:
    assert service["profiles"] == ["observability"]
    assert re.fullmatch(r"[a-z]+/[a-z]+:v?\d+\.\d+\.\d+", service["image"]), "a version, and no other tag"
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", service["user"])
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}
    assert service["healthcheck"]["test"][0] == "CMD"
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
    for volume in service["volumes"]:
        source, _, _ = volume.partition(":")
        assert source in COMPOSE["volumes"] or volume.startswith("./"), "nothing of the machine's"
        assert volume.endswith(":ro") == volume.startswith("./")


def test_files_that_containers_see_are_there() -> None:
    for service in COMPOSE["services"].values():
        for volume in service["volumes"]:
            source, _, _ = volume.partition(":")
            assert not source.startswith("./") or (OBSERVABILITY / source).exists(), source


def test_every_message_of_the_engine_names_its_service() -> None:
    overlay = yaml.safe_load((OBSERVABILITY / "logs.yaml").read_text(encoding="utf-8"))
    for name, service in overlay["services"].items():
        logging = service["logging"]
        assert (logging["driver"], logging["options"]["tag"]) == ("syslog", f"{name}/{{{{.Name}}}}")
        assert logging["options"]["syslog-address"].startswith("udp://127.0.0.1:"), "nobody waits for Alloy"
        # The name of a program in a syslog message has 48 characters at most.
        assert len(f"{name}/headroom-{name}-99") <= 48


@pytest.mark.parametrize("source", ["compose", "kubernetes"])
def test_the_components_of_alloy_refer_to_one_another(source: str) -> None:
    text = "\n".join((ALLOY / f"{name}.alloy").read_text(encoding="utf-8") for name in ("pipeline", source))
    code = re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE)
    assert all(code.count(one) == code.count(other) for one, other in ("{}", "[]", "()"))
    defined = {
        f"{kind}.{label}" for kind, label in re.findall(r'^([a-z.]+) "(\w+)" \{$', code, flags=re.MULTILINE)
    }
    used = set(re.findall(r"\b((?:loki|discovery)\.[a-z_.]+)\.(?:receiver|rules|output|targets)\b", code))
    assert used <= defined
    ends = {name for name in defined if name.startswith(("loki.source.", "loki.write."))}
    assert defined - ends == used - ends, "each is used but those at the ends"


@pytest.mark.parametrize("name", sorted(alerts()))
def test_an_alert_says_what_is_wrong_and_has_a_runbook(name: str) -> None:
    rule = alerts()[name]
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
    assert rule["annotations"]["runbook_url"] == f"docs/runbooks.md#{name.lower()}"
    found = re.search(rf"^### {name}\n(.*?)(?=^#|\Z)", RUNBOOKS, flags=re.MULTILINE | re.DOTALL)
    assert found is not None, f"{name}: expected a section in docs/runbooks.md"
    positions = [found[1].find(f"**{part}**") for part in ("Means", "Impact", "Diagnose", "Mitigate")]
    assert -1 not in positions
    assert positions == sorted(positions)


def test_every_runbook_has_an_alert() -> None:
    assert set(re.findall(r"^### (\w+)$", RUNBOOKS, flags=re.MULTILINE)) == set(alerts())
