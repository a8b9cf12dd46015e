"""The simulator notices what it is there for: a guarantee broken on purpose fails one of the first seeds."""

from __future__ import annotations

import re
from typing import Final

import pytest
from headroom_faults.mutants import MUTANTS
from headroom_faults.simulation import SimulationError, simulate
from headroom_faults.variants import VARIANTS, undisturbed

SEEDS: Final = 30
HARM: Final = re.compile("lost|doubled|differs|times over")


def harm(*, strict: bool) -> str:
    """Return what the first seed that fails says; empty when none does."""
    for seed in range(SEEDS):
        try:
            simulate(seed, strict=strict)
        except SimulationError as error:
            return str(error)
    return ""


@pytest.fixture
def _undisturbed() -> None:
    for index in range(len(VARIANTS)):
        undisturbed(index)


@pytest.mark.usefixtures("_undisturbed")
@pytest.mark.parametrize("strict", [True, False], ids=["by-its-steps", "by-the-outcome"])
@pytest.mark.parametrize("mutant", sorted(MUTANTS))
def test_a_broken_guarantee_is_noticed(mutant: str, monkeypatch: pytest.MonkeyPatch, *, strict: bool) -> None:
    MUTANTS[mutant](monkeypatch)
    said = harm(strict=strict)
    assert HARM.search(said), said
    assert "python -m headroom_faults --seed" in said
