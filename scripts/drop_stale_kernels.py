"""Remove numba's cached machine code when any file that kernels are made of has changed.

Numba's cache compares only the file in which a kernel stands. A kernel keeps the inlined code of functions
from other files (the random numbers, the balancing policies), so a change there would go unnoticed. A digest
of all those files, kept in the environment, is compared instead; milliseconds when nothing changed.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KERNEL_SOURCES = ("common/src/headroom_common/simcore", "microservices/*/src/*/domain")
STAMP = ROOT / ".venv" / ".kernel-sources"


def kernel_folders() -> list[Path]:
    """Return the folders that hold kernels or functions that kernels call."""
    return sorted(folder for pattern in KERNEL_SOURCES for folder in ROOT.glob(pattern))


def digest(folders: list[Path]) -> str:
    """Return a digest of every source file in the folders, names included."""
    state = hashlib.sha256()
    for path in sorted(path for folder in folders for path in folder.rglob("*.py")):
        state.update(str(path.relative_to(ROOT)).encode())
        state.update(path.read_bytes())
    return state.hexdigest()


def main() -> int:
    """Compare, drop what is stale and remember; return the exit status."""
    folders = kernel_folders()
    now = digest(folders)
    before = STAMP.read_text(encoding="utf-8") if STAMP.exists() else None
    if before == now:
        return 0
    if before is not None:
        for path in [path for folder in folders for path in folder.rglob("__pycache__/*.nb[ic]")]:
            path.unlink(missing_ok=True)
    STAMP.write_text(now, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
