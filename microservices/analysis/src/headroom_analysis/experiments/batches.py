"""What a procedure asks for, and what it is given."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from headroom_analysis.store import KeptTrials

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Batch:
    """An ordinary run that an experiment wants.

    Attributes:
        name: within the experiment; equal names are equal runs.
        scenario: canonical.
        seed: in [0, 2^64).
        trials: how many.
    """

    name: str
    scenario: dict[str, Any]
    seed: int
    trials: int


Given = Mapping[str, KeptTrials]
"""The trials of batches by their names."""

Procedure = Generator[Sequence[Batch], Given, T]
"""Yields the batches that it wants, is sent their trials, and returns what it found out.

It asks for nothing else and remembers nothing elsewhere, so playing it again with the same trials leads to
the same place.
"""
