"""The few rules of tidiness that no linter knows. The lists of exceptions may only shrink."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

FILE_LINES = 400
FUNCTION_LINES = 60

LONG_FILES: dict[str, str] = {}
"""Path to reason."""

LONG_FUNCTIONS: dict[str, str] = {
    "sdk/src/headroom/cli/main.py::run": "one parameter per option of the command, each with its help",
}
"""``path::function`` to reason."""

REGISTRY_HOSTS = tuple(
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("docker", "io"),
        ("ghcr", "io"),
        ("quay", "io"),
        ("anaconda", "org"),
        ("crates", "io"),
        ("debian", "org"),
        ("ubuntu", "com"),
    )
)
# Debian's package of the container engine has the name of a registry.
ENGINE_PACKAGE = next(host for host in REGISTRY_HOSTS if host.startswith("docker"))
PACKAGES = {
    ("scripts/containers.sh", ENGINE_PACKAGE),
    ("tests/architecture/test_engine_search.py", ENGINE_PACKAGE),
}
"""Written in pieces, so that this file does not name them."""

MACHINE_PATH = re.compile(r"(^|[^A-Za-z0-9_.}\])-])/(root|work|home/[a-z]+|Users/[A-Za-z]+)/")


def relative(path: Path, root: Path) -> str:
    return str(path.relative_to(root))


def functions(path: Path) -> list[tuple[str, int]]:
    """Every function of a file with its number of lines, decorators left out."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    found = [node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return [(node.name, (node.end_lineno or node.lineno) - node.lineno + 1) for node in found]


def test_files_are_short(python_files: list[Path], root: Path) -> None:
    sizes = {
        relative(path, root): len(path.read_text(encoding="utf-8").splitlines()) for path in python_files
    }
    assert {name for name, size in sizes.items() if size > FILE_LINES} == set(LONG_FILES)


def test_functions_are_short(python_files: list[Path], root: Path) -> None:
    sources = [path for path in python_files if "tests" not in path.relative_to(root).parts]
    sizes = {f"{relative(path, root)}::{name}": size for path in sources for name, size in functions(path)}
    assert {name for name, size in sizes.items() if size > FUNCTION_LINES} == set(LONG_FUNCTIONS)


def test_every_exception_has_a_reason(texts: dict[str, str]) -> None:
    # Of a type error the code says enough; why a rule is set aside has to be said.
    bare = re.compile(r"#\s*noqa(?!: [A-Z0-9, ]+ - \S)|#\s*type:\s*ignore(?!\[[a-z-]+\])")
    offenders = [
        f"{name}:{number}"
        for name, text in texts.items()
        if name.endswith(".py") and not name.startswith("tests/architecture/")
        for number, line in enumerate(text.splitlines(), start=1)
        if bare.search(line)
    ]
    assert offenders == []


def test_no_file_knows_a_package_registry(texts: dict[str, str]) -> None:
    offenders = [
        f"{name}: {host}"
        for name, text in texts.items()
        for host in REGISTRY_HOSTS
        if host in text and (name, host) not in PACKAGES
    ]
    assert offenders == []


def test_no_file_holds_a_path_of_a_machine(texts: dict[str, str]) -> None:
    offenders = [
        f"{name}:{number}: {line.strip()}"
        for name, text in texts.items()
        # The paths in a Dockerfile are an image's, the same everywhere.
        if not name.startswith("tests/architecture/") and not name.endswith("/Dockerfile")
        for number, line in enumerate(text.splitlines(), start=1)
        if MACHINE_PATH.search(line)
    ]
    assert offenders == []


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("see /root/notes", True),
        ("'/home/ann/x'", True),
        ("api/work/items", False),
        ("https://a.b/root/x", False),
    ],
)
def test_the_pattern_of_machine_paths(line: str, *, found: bool) -> None:
    assert bool(MACHINE_PATH.search(line)) is found


def test_shell_scripts_are_strict_and_executable(files: list[Path], root: Path) -> None:
    scripts = [path for path in files if path.suffix == ".sh" or relative(path, root) == ".ci/run"]
    assert scripts
    for path in scripts:
        assert path.stat().st_mode & 0o111, f"{path.name} is not executable"
        assert "set -euo pipefail" in path.read_text(encoding="utf-8"), f"{path.name} goes on after a failure"
