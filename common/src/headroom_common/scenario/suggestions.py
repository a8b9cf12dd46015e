"""The "did you mean" of every error: the nearest of the words that would have been right."""

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_MAX_LISTED = 8
_CUTOFF = 0.6
_MOST_COMPARED = 50_000
_left: ContextVar[list[int] | None] = ContextVar("comparisons that are left", default=None)


@contextmanager
def bounded() -> Iterator[None]:
    """Stop looking for suggestions after so many comparisons, a fraction of a second's work.

    A document with thousands of unknown words is not misspelt, and its reader must not hold up a server.
    """
    token = _left.set([_MOST_COMPARED])
    try:
        yield
    finally:
        _left.reset(token)


def nearest(found: object, choices: Iterable[str]) -> str | None:
    """Return the choice most like *found*, or None when none is like it."""
    if not isinstance(found, str) or not 0 < len(found) <= 64:  # noqa: PLR2004 - longer text is no misspelt word
        return None
    if _spent():
        return None
    by_lower = {choice.lower(): choice for choice in choices}
    _spend(len(by_lower))
    word = found.lower().replace("-", "_")
    for candidate in (found.lower(), word):
        close = difflib.get_close_matches(candidate, by_lower, n=1, cutoff=_CUTOFF)
        if close:
            return by_lower[close[0]]
    # difflib finds two swapped letters of a short word too unlike
    swapped = [choice for choice in by_lower if sorted(choice) == sorted(word)]
    return by_lower[swapped[0]] if swapped else None


def _spend(comparisons: int) -> None:
    left = _left.get()
    if left is not None:
        left[0] -= comparisons


def _spent() -> bool:
    left = _left.get()
    return left is not None and left[0] <= 0


def did_you_mean(found: object, choices: Iterable[str]) -> str:
    """Return "did you mean 'x'?", or the choices when they are few, or an empty text."""
    if _spent():
        return ""
    words = list(choices)
    near = nearest(found, words)
    if near is not None:
        return f"did you mean '{near}'?"
    if 0 < len(words) <= _MAX_LISTED:
        return "known: " + ", ".join(words)
    return ""
