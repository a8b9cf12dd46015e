"""The domain and the simulation core: no clock, no stream of random numbers, nothing outside a short list."""

from __future__ import annotations

import ast
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

OURS = "headroom_common.simcore"
THIRD_PARTY = {"numpy", "numba"}
SPECIAL_FUNCTIONS = "scipy.special"
IMPURE_STANDARD = {
    "asyncio",
    "concurrent",
    "datetime",
    "io",
    "logging",
    "multiprocessing",
    "os",
    "pathlib",
    "random",
    "secrets",
    "shutil",
    "socket",
    "sqlite3",
    "subprocess",
    "sys",
    "tempfile",
    "threading",
    "time",
    "urllib",
    "uuid",
}
# Where compiled kernels are kept is decided where they are compiled.
EXCEPTIONS = {
    ("jit.py", "os"),
    ("jit.py", "pathlib"),
    ("kernel_cache.py", "os"),
    ("kernel_cache.py", "pathlib"),
}
IMPURE_NAMES = {"default_rng", "RandomState", "perf_counter", "monotonic", "time_ns", "utcnow"}
IMPURE_CALLS = {"open", "print", "input"}


def pure_folders(root: Path) -> list[Path]:
    return [root / "common/src/headroom_common/simcore", *sorted(root.glob("microservices/*/src/*/domain"))]


def imported_modules(tree: ast.AST) -> set[str]:
    """Every module that is imported anywhere in a file, under its full name."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute here"
            found.add(node.module or "")
    return found


def foreign(module: str, package: str) -> bool:
    """Whether a pure module of `package` may not import `module`."""
    top = module.partition(".")[0]
    if module in {package, OURS} or module.startswith((f"{package}.", f"{OURS}.")):
        return False
    if top in sys.stdlib_module_names:
        return top in IMPURE_STANDARD
    if module.startswith(SPECIAL_FUNCTIONS):
        return package != "headroom_analysis.domain"
    return top not in THIRD_PARTY


def test_there_is_something_to_check(root: Path) -> None:
    assert len(pure_folders(root)) == 6
    assert all(list(folder.glob("*.py")) for folder in pure_folders(root))


@pytest.mark.parametrize(
    ("module", "verdict"),
    [
        ("numpy.typing", False),
        ("math", False),
        ("time", True),
        ("pydantic", True),
        ("headroom_common.scenario.units", True),
        ("headroom_common.simcore.random", False),
        ("scipy.special", True),
    ],
)
def test_what_counts_as_foreign(module: str, *, verdict: bool) -> None:
    assert foreign(module, "headroom_router.domain") is verdict


def test_pure_code_imports_what_is_allowed(root: Path) -> None:
    offenders = []
    for folder in pure_folders(root):
        package = f"{folder.parent.name}.{folder.name}"
        for path in sorted(folder.rglob("*.py")):
            modules = imported_modules(ast.parse(path.read_text(encoding="utf-8")))
            offenders += [
                f"{path.relative_to(root)}: {module}"
                for module in modules
                if foreign(module, package) and (path.name, module) not in EXCEPTIONS
            ]
    assert offenders == []


def test_pure_code_reads_no_clock_and_no_stream(root: Path) -> None:
    offenders = []
    for path in sorted(path for folder in pure_folders(root) for path in folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            named = isinstance(node, ast.Attribute) and (
                node.attr in IMPURE_NAMES or ast.unparse(node).startswith(("np.random", "numpy.random"))
            )
            called = (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in IMPURE_CALLS
            )
            if named or called:
                offenders.append(f"{path.relative_to(root)}: {ast.unparse(node)}")
    assert offenders == []
