"""Kernels that are compiled beforehand, and folders that can only be read."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from headroom_common.kernels import HERE, targets
from headroom_common.simcore.jit import COMPILED

pytestmark = pytest.mark.skipif(not COMPILED, reason="plain Python is not compiled")

MODULE = """
from headroom_common.simcore.jit import FLOATS, called, kernel

@called
def doubled(value):
    return value + value

@kernel(FLOATS)
def total(values):
    found = 0.0
    for value in values:
        found += doubled(value)
    return found
"""
SHOW = """
import numpy as np
from some_service.domain.sums import total
from headroom_common.simcore.jit import target

found = total(np.arange(8.0))
print(target(), found, sum(total.stats.cache_misses.values()))
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An environment with a service of one kernel, and a folder of its own for what is compiled."""
    domain = tmp_path / "packages/some_service/domain"
    domain.mkdir(parents=True)
    for package in (domain.parent, domain):
        (package / "__init__.py").touch()
    (domain / "sums.py").write_text(MODULE, encoding="utf-8")
    packages = os.pathsep.join([str(tmp_path / "packages"), *sys.path])
    return os.environ | {"PYTHONPATH": packages, "NUMBA_CACHE_DIR": str(tmp_path / "work")}


def python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own interpreter and programs
        [sys.executable, *arguments], env=environment, capture_output=True, text=True, check=False
    )


def test_what_was_compiled_beforehand_is_found_for_every_baseline(
    environment: dict[str, str], tmp_path: Path
) -> None:
    into = tmp_path / "kernels"
    done = python("-m", "headroom_common.kernels", "--into", str(into), "some_service", **environment)
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.splitlines()) == [f"{target}: 1 kernels" for target in sorted(targets())]
    names = {file.name.split("-")[0] for file in into.rglob("*") if file.is_file()}
    assert names == {"sums.total"}, "nothing but kernels is taken along"
    for target in targets():
        options = {"NUMBA_CACHE_DIR": str(into)}
        if len(targets()) > 1:
            options["HEADROOM_KERNEL_TARGET"] = target
        shown = python("-W", "error", "-c", SHOW, **environment | options)
        assert shown.stdout.split()[1:] == ["56.0", "0"], shown.stdout + shown.stderr


def test_kernels_for_this_machine_alone(environment: dict[str, str], tmp_path: Path) -> None:
    asked = ("--targets", HERE, "--into", str(tmp_path / "kernels"), "some_service")
    done = python("-m", "headroom_common.kernels", *asked, **environment)
    (target,) = targets(HERE)
    assert done.stdout.splitlines() == [f"{target}: 1 kernels"], done.stderr
    options = {"NUMBA_CACHE_DIR": str(tmp_path / "kernels")}
    shown = python("-W", "error", "-c", SHOW, **environment | options)
    assert shown.stdout.split() == [target, "56.0", "0"], shown.stdout + shown.stderr


def test_kernels_are_compiled_for_a_processor_that_is_not_here(
    environment: dict[str, str], tmp_path: Path
) -> None:
    foreign = "graniterapids" if len(targets()) > 1 else "neoverse-v2"
    program = "from headroom_common.kernels import compile_here; compile_here({!r}, ['some_service'])"
    into = str(tmp_path / "kernels")
    done = python("-c", program.format(into), **environment, NUMBA_CPU_NAME=foreign, NUMBA_CPU_FEATURES="")
    assert done.stdout == f"{foreign}: 1 kernels\n", done.stderr
    assert len([file for file in Path(into).rglob("*.nbc") if foreign in str(file)]) == 1


def test_a_package_that_is_not_there_is_refused(environment: dict[str, str], tmp_path: Path) -> None:
    done = python("-m", "headroom_common.kernels", "--into", str(tmp_path), "headroom_nobody", **environment)
    assert done.returncode == 1
    assert "No module named 'headroom_nobody'" in done.stderr


def test_a_kernel_that_cannot_be_kept_works_and_warns(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    shown = python("-c", SHOW, **environment | {"NUMBA_CACHE_DIR": str(tmp_path / "file")})
    assert shown.stdout.split()[1:] == ["56.0", "1"], shown.stderr
    assert "RuntimeWarning: kernels are compiled and not kept in" in shown.stderr
    assert "Not a directory" in shown.stderr
