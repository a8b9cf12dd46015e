"""Compiles kernels before anybody calls them: ``python -m headroom_common.kernels --into FOLDER PACKAGE``.

An image is built once and runs on many processors, so its kernels are compiled for every baseline, those
included that the building machine does not have: each in a process of its own, which executes none of them.
A service that finds the folder by ``NUMBA_CACHE_DIR`` compiles nothing and needs not write there.
"""

import argparse
import os
import pkgutil
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path

from headroom_common.event_manager.workers import available_cores
from headroom_common.simcore import jit
from headroom_common.simcore.kernel_cache import base_directory

EVERY = "every"
"""Compile for all baselines, so that any machine finds its own."""
HERE = "here"
"""Compile for this machine alone: a third of the time, for images that stay where they are built."""

_PROGRAM = """
import sys
from headroom_common import kernels

kernels.compile_here(sys.argv[1], sys.argv[2:])
"""


def targets(which: str = EVERY) -> list[str]:
    """Return the baselines of machines like this one, or with `HERE` the one that this machine uses."""
    if which == HERE:
        return [jit.target()]
    return list(jit.TARGETS) if platform.machine() in jit.X86_64 else [jit.GENERIC]


def compile_for(target: str, into: str, packages: Sequence[str]) -> None:
    """Compile the kernels of packages for one baseline, whether this processor has it or not.

    Args:
        target: the baseline.
        into: the folder that receives them.
        packages: such as ``headroom_router``.

    Raises:
        CalledProcessError: they do not compile.
    """
    options = jit.TARGETS[target][1] if target in jit.TARGETS else ""
    subprocess.run(  # noqa: S603 - our own interpreter and program
        [sys.executable, "-c", _PROGRAM, into, *packages],
        env=os.environ | {"NUMBA_CPU_NAME": target, "NUMBA_CPU_FEATURES": options},
        check=True,
    )


def compile_here(into: str, packages: Sequence[str]) -> None:
    """Compile all kernels of packages for this process' processor and the arguments that they state.

    What numba keeps for itself, the functions that kernels call, is not taken along: a kernel contains them.

    Raises:
        ModuleNotFoundError: a package is not installed, or has no domain.
    """
    for package in packages:
        domain = import_module(f"{package}.domain")
        for module in pkgutil.walk_packages(domain.__path__, f"{domain.__name__}."):
            import_module(module.name)
    for kernel in jit.KERNELS:
        kernel.compile()
        for file in kernel.files():
            copy = Path(into, file.relative_to(base_directory()))
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)
    print(f"{jit.target()}: {len(jit.KERNELS)} kernels", flush=True)  # noqa: T201 - it is a command


def main() -> None:
    """Compile the kernels of packages for the baselines that are asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m headroom_common.kernels", description="Compile kernels for every baseline processor."
    )
    parser.add_argument("packages", nargs="+", metavar="PACKAGE", help="such as headroom_router")
    parser.add_argument("--into", required=True, metavar="FOLDER", help="receives the kernels")
    parser.add_argument(
        "--targets", choices=[EVERY, HERE], default=EVERY, help="every baseline, or this machine's"
    )
    options = parser.parse_args()
    wanted = targets(options.targets)
    Path(options.into).mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(available_cores()) as several:
        list(several.map(lambda target: compile_for(target, options.into, options.packages), wanted))


if __name__ == "__main__":
    main()
