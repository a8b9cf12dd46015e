"""Remove from an image what only builds need; runs in builds, with nothing but the standard library.

``slim_image.py packages FOLDER`` takes from installed packages their tests, headers and what Headroom never
loads, and ``slim_image.py installers`` takes pip and its like from the base image's Python. Shared objects
are not stripped: some wheels are patched in a way that strip breaks, and it would save a twentieth.
"""

from __future__ import annotations

import argparse
import importlib.util
import shutil
from pathlib import Path

UNUSED = (
    # tests, and what C and Cython compilers read
    "**/tests",
    "**/*.a",
    "**/*.h",
    "**/*.hpp",
    "**/*.pxd",
    "**/*.pyx",
    "**/*.pyi",
    # Arrow's clients of storage and query services; the libraries are there three times under three names
    "pyarrow/*flight*",
    "pyarrow/*s3*",
    "pyarrow/_gcsfs*",
    "pyarrow/_azurefs*",
    "pyarrow/_hdfs*",
    "pyarrow/include",
    "pyarrow/src",
    "pyarrow/lib*.so",
    "pyarrow/lib*.so.*.*.*",
)
"""Patterns of files and folders, relative to a site-packages folder."""

KEPT = ("pyarrow/lib.*.so",)
"""What the patterns above match and is needed."""

INSTALLERS = ("pip", "setuptools", "pkg_resources", "wheel", "ensurepip")


def size(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder."""
    files = path.rglob("*") if path.is_dir() and not path.is_symlink() else [path]
    return sum(file.lstat().st_size for file in files)


def remove(path: Path) -> int:
    """Remove a file or a folder; returns its bytes."""
    freed = size(path)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
    return freed


def slim_packages(folder: Path) -> int:
    """Remove what is not used from every site-packages folder below a folder; returns the bytes freed."""
    freed = 0
    for packages in folder.glob("lib/python*/site-packages"):
        kept = {path for pattern in KEPT for path in packages.glob(pattern)}
        for pattern in UNUSED:
            freed += sum(
                remove(path) for path in list(packages.glob(pattern)) if path.exists() and path not in kept
            )
    return freed


def remove_installers() -> int:
    """Remove what installs packages from this Python; returns the bytes freed."""
    freed = 0
    for name in INSTALLERS:
        spec = importlib.util.find_spec(name)
        for found in spec.submodule_search_locations or () if spec else ():
            freed += remove(Path(found))
    for name in ("pip", "pip3", "wheel"):
        while script := shutil.which(name):
            freed += remove(Path(script))
    return freed


def main() -> None:
    """Do one of the two, and tell how much it was."""
    parser = argparse.ArgumentParser(description="Remove from an image what only builds need.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("installers")
    commands.add_parser("packages").add_argument("folder", type=Path)
    options = parser.parse_args()
    freed = remove_installers() if options.command == "installers" else slim_packages(options.folder)
    print(f"{freed / 1e6:.1f} MB removed")


if __name__ == "__main__":
    main()
