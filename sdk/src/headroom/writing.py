"""Writing files so that a reader never sees half of one."""

import secrets
from collections.abc import Callable
from pathlib import Path


def write_atomically(path: Path, write: Callable[[Path], None]) -> None:
    """Let `write` create a temporary file beside `path`, then put it in the place of `path` in one step.

    An interrupted or failed write leaves what stood at `path` untouched and no temporary file behind.

    Args:
        path: the file to create or to replace.
        write: creates the file whose path it is given; that path has the suffix of `path`.

    Raises:
        OSError: the folder does not exist, is not writable, or is full.
    """
    temporary = path.with_name(f".{path.stem}.{secrets.token_hex(8)}{path.suffix}")
    try:
        write(temporary)
        temporary.replace(path)
    except OSError as error:
        if error.filename == str(temporary):
            error.filename = str(path)  # the caller never heard of the other name
        raise
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Put `text` at `path` in one step, in UTF-8 and with line feeds on every platform.

    Raises:
        OSError: as `write_atomically`.
    """
    write_atomically(path, lambda file: _create(file, text))


def _create(path: Path, text: str) -> None:
    """Create the file; equal texts make equal bytes everywhere."""
    path.write_text(text, encoding="utf-8", newline="\n")
