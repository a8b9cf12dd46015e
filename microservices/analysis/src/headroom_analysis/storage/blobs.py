"""Statistics as bytes for a database column: versioned, checked, and read without trust.

A blob is a header (magic, version, kind, CRC-32 of what follows) and a body of little-endian numbers. Sums
are stored in the fewest bytes that hold their bound; reading gives back exactly what was written.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Any, Final, NoReturn
from zlib import crc32

import numpy as np

from headroom_analysis.domain.partials import Partial
from headroom_analysis.domain.trial import RunTotals, TrialSummary
from headroom_common.errors import PermanentError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from headroom_analysis.domain.exact import Tally
    from headroom_analysis.domain.layout import Layout

VERSION: Final = 1
_MAGIC: Final = b"HRA"
_PARTIAL, _TOTALS, _SUMMARY = 1, 2, 3
_HEADER: Final = Struct("<3sBBxxxI")
_REQUESTS: Final = Struct("<q")
_TOTALS_HEAD: Final = Struct("<qq")  # requests, measured
_SUMMARY_HEAD: Final = Struct("<qqdq")  # trial, requests, residual, numbers
_TALLY: Final = Struct("<qQqqBB")  # first, bound, rows, columns, bytes per low sum, whether carried
_WIDTHS: Final = (2, 4, 8)


def encode_partial(partial: Partial) -> bytes:
    """Return a partial as bytes."""
    extremes = (array.astype("<i8", copy=False).tobytes() for array in partial.extremes())
    return _sealed(
        _PARTIAL, [_REQUESTS.pack(partial.requests), *_encode_tallies(partial.tallies()), *extremes]
    )


def decode_partial(blob: bytes, layout: Layout) -> Partial:
    """Return the partial that `encode_partial` was given.

    Args:
        blob: as read from the database.
        layout: of the scenario.

    Raises:
        PermanentError: the bytes are damaged, of another version, or of another layout.
    """
    reader = _Reader(blob, _PARTIAL)
    partial = Partial.empty(layout)
    (partial.requests,) = reader.take(_REQUESTS)
    for tally in partial.tallies():
        reader.fill(tally)
    for array in partial.extremes():
        array[...] = reader.numbers("<i8", array.size).reshape(array.shape)
    reader.end()
    return partial


def encode_totals(totals: RunTotals) -> bytes:
    """Return a run's totals as bytes."""
    head = _TOTALS_HEAD.pack(totals.requests, totals.measured)
    return _sealed(_TOTALS, [head, *_encode_tallies(_tallies_of(totals))])


def decode_totals(blob: bytes, layout: Layout) -> RunTotals:
    """Return the totals that `encode_totals` was given.

    Raises:
        PermanentError: as `decode_partial`.
    """
    reader = _Reader(blob, _TOTALS)
    totals = RunTotals.empty(layout)
    totals.requests, totals.measured = reader.take(_TOTALS_HEAD)
    for tally in _tallies_of(totals):
        reader.fill(tally)
    reader.end()
    return totals


def encode_summary(summary: TrialSummary) -> bytes:
    """Return a trial's summary as bytes."""
    row = summary.row.astype("<f8", copy=False)
    head = _SUMMARY_HEAD.pack(summary.trial, summary.requests, summary.littles_law_residual, row.size)
    return _sealed(_SUMMARY, [head, row.tobytes()])


def decode_summary(blob: bytes) -> TrialSummary:
    """Return the summary that `encode_summary` was given.

    Raises:
        PermanentError: the bytes are damaged or of another version.
    """
    reader = _Reader(blob, _SUMMARY)
    trial, requests, residual, numbers = reader.take(_SUMMARY_HEAD)
    row = reader.numbers("<f8", numbers).astype(np.float64)
    reader.end()
    return TrialSummary(trial, requests, row, residual)


def _tallies_of(totals: RunTotals) -> tuple[Tally, ...]:
    return totals.histogram, totals.ended, totals.samples, totals.pool_samples, totals.link_samples


def _sealed(kind: int, pieces: Iterable[bytes]) -> bytes:
    body = b"".join(pieces)
    return _HEADER.pack(_MAGIC, VERSION, kind, crc32(body)) + body


def _encode_tallies(tallies: Iterable[Tally]) -> Iterable[bytes]:
    for tally in tallies:
        width = next(width for width in _WIDTHS if width == _WIDTHS[-1] or tally.bound < 1 << (8 * width - 1))
        carried = tally.high is not None
        yield _TALLY.pack(tally.first, tally.bound, *tally.low.shape, width, carried)
        yield tally.low.astype(f"<i{width}", copy=False).tobytes()
        if tally.high is not None:
            yield tally.high.astype("<i8", copy=False).tobytes()


class _Reader:
    """Reads a blob from its start to its end; whatever does not fit is a `PermanentError`."""

    def __init__(self, blob: bytes, kind: int) -> None:
        self._blob = blob
        if len(blob) < _HEADER.size:
            _damaged("a header", f"{len(blob)} bytes")
        magic, version, found, checksum = _HEADER.unpack_from(blob)
        if magic != _MAGIC or found != kind:
            _damaged(f"kind {kind}", f"{magic!r} of kind {found}")
        if version != VERSION:
            _damaged(f"version {VERSION}", f"version {version}")
        if crc32(memoryview(blob)[_HEADER.size :]) != checksum:
            _damaged("their checksum", "another one")
        self._at = _HEADER.size

    def take(self, struct: Struct) -> tuple[Any, ...]:
        """Read a struct."""
        self._need(struct.size)
        values = struct.unpack_from(self._blob, self._at)
        self._at += struct.size
        return values

    def numbers(self, dtype: str, count: int) -> NDArray[Any]:
        """Read `count` numbers, as a view of the blob."""
        size = np.dtype(dtype).itemsize * count
        self._need(size)
        values = np.frombuffer(self._blob, dtype, count, self._at)
        self._at += size
        return values

    def fill(self, tally: Tally) -> None:
        """Read a tally into one that has the right number of columns."""
        first, bound, rows, columns, width, carried = self.take(_TALLY)
        if columns != tally.low.shape[1]:
            _damaged(f"{tally.low.shape[1]} columns", f"{columns}")
        if rows < 0 or first < 0 or width not in _WIDTHS:
            _damaged("a table", f"{rows} rows from {first} of {width} bytes")
        shape = (rows, columns)
        tally.first, tally.bound = first, bound
        tally.low = self.numbers(f"<i{width}", rows * columns).astype(np.int64).reshape(shape)
        tally.high = self.numbers("<i8", rows * columns).astype(np.int64).reshape(shape) if carried else None

    def end(self) -> None:
        """Make sure that nothing is left."""
        if self._at != len(self._blob):
            _damaged(f"{self._at} bytes", f"{len(self._blob)}")

    def _need(self, size: int) -> None:
        left = len(self._blob) - self._at
        if not 0 <= size <= left:
            _damaged(f"{size} bytes more", f"{left}")


def _damaged(expected: str, found: str) -> NoReturn:
    message = f"stored statistics are damaged: expected {expected}, found {found}"
    raise PermanentError(
        message, next_step="Restore analysis' database from a backup, or submit the run again."
    )
