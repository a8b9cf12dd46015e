"""Each distribution stands on its own: the same shape everywhere, and everything it imports is declared."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from typing import TYPE_CHECKING, Any

import pytest

from scripts.lock import Member, closure, requirement_name

if TYPE_CHECKING:
    from pathlib import Path

SERVICE_FILES = {"__init__.py", "__main__.py", "app.py", "py.typed", "handlers.py", "domain/__init__.py"}
IMPORT_NAMES = {
    "yaml": "pyyaml",
    "pydantic_core": "pydantic",
    "annotated_types": "pydantic",
    "starlette": "fastapi",
    "opentelemetry.exporter.otlp.proto.http": "opentelemetry-exporter-otlp-proto-http",
    "opentelemetry.sdk": "opentelemetry-sdk",
    "opentelemetry": "opentelemetry-api",
    "jwt": "pyjwt",
}
"""Modules whose distribution has another name, the longer names first; pydantic and FastAPI document their
companions as parts of themselves."""


LOADED_BY_NAME = {"aiosqlite", "psycopg"}
"""Drivers of databases, which SQLAlchemy imports when a URL names them."""


def project(member: Member) -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((member.folder / "pyproject.toml").read_text(encoding="utf-8"))[
        "project"
    ]
    return found


def distribution_of(module: str) -> str:
    """The name of the distribution that a module comes from."""
    for prefix, distribution in IMPORT_NAMES.items():
        if f"{module}.".startswith(f"{prefix}."):
            return distribution
    return requirement_name(module.partition(".")[0])


def imported(member: Member) -> set[str]:
    """The distributions that a member's sources import, wherever the import stands."""
    modules = set()
    for path in (member.folder / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                modules.add(node.module)
    outside = {name for name in modules if name.partition(".")[0] not in sys.stdlib_module_names}
    return {distribution_of(name) for name in outside} - {member.name}


def declared(member: Member) -> set[str]:
    extras = project(member).get("optional-dependencies", {}).values()
    optional = [need for needs in extras for need in needs]
    return {requirement_name(need) for need in (*member.external, *member.internal, *optional)}


def test_every_service_has_the_same_files(root: Path) -> None:
    services = sorted(root.glob("microservices/*/pyproject.toml"))
    assert len(services) >= 4
    for service in services:
        folder = service.parent
        package = folder / "src" / f"headroom_{folder.name.replace('-', '_')}"
        missing = {name for name in SERVICE_FILES if not (package / name).exists()}
        assert missing == set(), f"{folder.name}: {missing}"
        assert list((folder / "tests").rglob("test_*.py")), f"{folder.name} has no tests"


def test_every_distribution_describes_itself(members: dict[str, Member]) -> None:
    for member in members.values():
        facts = project(member)
        readme = (member.folder / facts["readme"]).read_text(encoding="utf-8")
        assert len(readme.split()) > 40, f"{member.name}: its README says too little"
        assert facts["description"]
        assert facts["license"] == "Apache-2.0"
        assert facts["requires-python"] == ">=3.11"


def test_distributions_declare_what_they_import(members: dict[str, Member]) -> None:
    missing = {member.name: imported(member) - declared(member) for member in members.values()}
    assert {name: needs for name, needs in missing.items() if needs} == {}


def test_distributions_declare_nothing_else(members: dict[str, Member]) -> None:
    unused = {
        member.name: declared(member) - imported(member) - LOADED_BY_NAME for member in members.values()
    }
    assert {name: needs for name, needs in unused.items() if needs} == {}


def test_all_members_carry_one_version_and_pin_it(members: dict[str, Member]) -> None:
    versions = {project(member)["version"] for member in members.values()}
    assert len(versions) == 1
    (version,) = versions
    for member in members.values():
        pins = [
            need
            for need in project(member).get("dependencies", [])
            if requirement_name(need) in member.internal
        ]
        assert pins == [f"{name}=={version}" for name in member.internal], member.name


def test_external_dependencies_are_bounded_on_both_sides(members: dict[str, Member]) -> None:
    loose = [
        need for member in members.values() for need in member.external if not re.search(r">=.+,<", need)
    ]
    assert loose == []


def test_no_service_builds_on_another(members: dict[str, Member]) -> None:
    for member in members.values():
        if member.folder.parent.name == "microservices":
            assert [part.name for part in closure(member, members)] == sorted(
                [member.name, "headroom-common"]
            )


@pytest.mark.parametrize("kind", ["external", "tools"])
def test_every_dependency_has_its_reason_written_down(
    kind: str, members: dict[str, Member], root: Path
) -> None:
    page = (root / "docs/dependencies.md").read_text(encoding="utf-8")
    first_cells = re.findall(r"^\| ([^|]+) \|", page, flags=re.MULTILINE)
    explained = {name.strip() for cell in first_cells for name in cell.split(",")}
    if kind == "external":
        names = {requirement_name(need) for member in members.values() for need in member.external}
    else:
        lines = (root / "requirements/dev.in").read_text(encoding="utf-8").splitlines()
        names = {requirement_name(line) for line in lines if line and not line.startswith("#")}
    assert names - explained == set()
