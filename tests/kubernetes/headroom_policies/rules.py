"""The register of policies: functions that yield what is wrong, under the checklist's rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from headroom_policies.manifests import Manifests

Check = Callable[[Manifests], Iterator[str]]


@dataclass(frozen=True)
class Rule:
    """One policy: the rows of the checklist that it covers, and its check."""

    rows: tuple[int, ...]
    check: Check

    @property
    def name(self) -> str:
        """Name of its function."""
        return self.check.__name__


RULES: dict[str, Rule] = {}
"""All policies by name."""


def rule(*rows: int) -> Callable[[Check], Check]:
    """Register a policy for rows of the checklist."""

    def register(check: Check) -> Check:
        RULES[check.__name__] = Rule(rows, check)
        return check

    return register


def findings(manifests: Manifests) -> list[str]:
    """Return what any policy finds wrong."""
    return [f"{one.name}: {found}" for one in RULES.values() for found in one.check(manifests)]
