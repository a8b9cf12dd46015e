"""Writing files so that a reader never sees half of one."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def write_atomically(path: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a temporary file beside `path`, then put it in the place of `path` in one step.

    An interrupted or failed write leaves what stood at `path` untouched and no temporary file behind.

    Args:
        path: the file to create or to replace.
        write: fills the file whose path it is given; its suffix is that of `path`.

    Raises:
        OSError: the folder does not exist, is not writable, or is full.
    """
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent)
    os.close(descriptor)
    temporary = Path(name)
    try:
        write(temporary)
        # mkstemp makes files for the owner's eyes only; a result gets the mode that an ordinary file would.
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _umask() -> int:
    """The process's file mode mask; POSIX lets it be read only by setting it."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
