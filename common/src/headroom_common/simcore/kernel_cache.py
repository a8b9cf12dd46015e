"""Where compiled kernels are kept: numba's files, in a folder of ours, which may be one that is only read."""

from __future__ import annotations

import hashlib
import os
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import numba
from numba.core import caching as untyped_caching

_caching: Any = untyped_caching  # numba ships no types for it
_config: Any = numba.config


def base_directory() -> Path:
    """Return the folder of all compiled kernels."""
    named = os.environ.get("NUMBA_CACHE_DIR")
    return Path(
        named or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "headroom", "kernels")
    )


@cache
def cache_directory(sources: Path) -> Path:
    """Return where the compiled kernels of a source folder are kept: one folder per version and processor.

    numba keeps a kernel for as long as its own file is unchanged, even when a function that it calls has
    changed; so the folder's name has a hash of the sources of both the kernels and this package. And it loses
    kernels when two processes write at once; so those that compile for several processors do not share one.
    """
    digest = hashlib.sha256()
    for folder in sorted({sources, Path(__file__).parent}):
        for file in sorted(folder.glob("*.py")):
            digest.update(file.read_bytes())
    return base_directory() / f"{digest.hexdigest()[:16]}-{_config.CPU_NAME}"


class _Locator(_caching._SourceFileBackedLocatorMixin, _caching._CacheLocator):  # type: ignore[misc]  # noqa: SLF001 - numba's way to choose a folder
    """Names the folder of one function's file. numba's own ones refuse a folder that cannot be written."""

    def __init__(self, function: Any, file: str) -> None:  # noqa: ANN401 - any function
        self._py_file = file
        self._lineno = function.__code__.co_firstlineno
        self._folder = cache_directory(Path(file).parent) / self.get_suitable_cache_subpath(file)

    @classmethod
    def from_function(cls, function: Any, file: str) -> _Locator:  # noqa: ANN401 - any function
        return cls(function, file)

    def get_cache_path(self) -> str:
        return str(self._folder)


class _Entries(_caching.CompileResultCacheImpl):  # type: ignore[misc] # numba ships no types
    _locator_classes = (_Locator,)


class KernelCache(_caching.FunctionCache):  # type: ignore[misc] # numba ships no types
    """The compiled versions of one function; what cannot be kept is compiled again in the next process."""

    _impl_class = _Entries

    def files(self) -> list[Path]:
        """Return the files that hold what has been kept of this function."""
        return sorted(Path(self.cache_path).glob(f"{self._impl.filename_base}.*"))

    def load_overload(self, sig: Any, target_context: Any) -> Any:  # noqa: ANN401 - numba's own types
        """Return a version that was kept, or None."""
        try:
            return super().load_overload(sig, target_context)
        except OSError:
            return None

    def save_overload(self, sig: Any, data: Any) -> None:  # noqa: ANN401 - numba's own types
        """Keep a compiled version, or warn once per folder that none can be kept there."""
        try:
            super().save_overload(sig, data)
        except OSError as error:
            folder = Path(self.cache_path).parent
            warnings.warn(
                f"kernels are compiled and not kept in {folder}: {error.strerror}",
                RuntimeWarning,
                stacklevel=2,
            )
