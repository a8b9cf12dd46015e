"""The generated part of ``docs/events.md``: types, tables, states and settings, as the code has them."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from headroom_common.contracts.registry import CONTRACTS, Contract
from headroom_common.event_manager.settings import EventManagerSettings
from headroom_common.event_manager.states import state_diagram

BEGIN: Final = "<!-- generated: begin -->"
"""Line before the generated part."""

END: Final = "<!-- generated: end -->"
"""Line after the generated part."""


def generated() -> str:
    """Return the generated part as Markdown."""
    return "\n".join(
        [
            "## Types",
            "",
            *_types(),
            "",
            "## Columns",
            "",
            *_columns(),
            "",
            "## States of a service",
            "",
            "```mermaid",
            state_diagram() + "```",
            "",
            "## Settings of the event manager",
            "",
            *_settings(),
            "",
        ]
    )


def brought_up_to_date(text: str, part: str) -> str:
    """Return a document with ``part`` in the place of its generated part.

    Raises:
        ValueError: the document has no generated part.
    """
    pattern = re.compile(f"(?<={re.escape(BEGIN)}\n).*?(?={re.escape(END)})", re.DOTALL)
    if pattern.search(text) is None:
        msg = f"expected a part between {BEGIN} and {END}, found none"
        raise ValueError(msg)
    return pattern.sub(lambda _: part, text, count=1)


def _types() -> Iterable[str]:
    yield from _row("type", "kind", "from", "to", "must route", "says")
    yield from _row(*(6 * ("---",)))
    for contract in CONTRACTS.values():
        yield from _row(
            f"`{contract.event_type}`",
            contract.kind,
            ", ".join(contract.producers),
            _consumers(contract) or "nobody",
            "yes" if contract.must_route else "no",
            contract.summary,
        )


def _consumers(contract: Contract) -> str:
    private = contract.private
    return ", ".join(f"{name} (each)" if name in private else name for name in contract.consumers)


def _columns() -> Iterable[str]:
    yield from _row("type", "table", "columns")
    yield from _row(*(3 * ("---",)))
    for contract in CONTRACTS.values():
        for name, spec in (contract.tables or {}).items():
            families = [f"{prefix}0, {prefix}1, …: {dtype}" for prefix, dtype in spec.families.items()]
            columns = [f"{column}: {dtype}" for column, dtype in spec.columns.items()]
            yield from _row(f"`{contract.event_type}`", f"`{name}`", "; ".join(columns + families))


def _settings() -> Iterable[str]:
    yield from _row("setting", "default")
    yield from _row(*(2 * ("---",)))
    for name, value in EventManagerSettings().model_dump().items():
        yield from _row(f"`{name}`", "none" if value is None else f"{value:g}")


def _row(*cells: str) -> Sequence[str]:
    return (f"| {' | '.join(cells)} |",)
