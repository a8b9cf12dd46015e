import re
from collections.abc import Mapping
from dataclasses import replace

import pytest

from headroom_common.contracts.events import (
    ArrivalsGenerated,
    Body,
    RequestsCompleted,
    RunCancelled,
    RunRequested,
    SegmentHeader,
)
from headroom_common.contracts.registry import ARROW, CONTRACTS, JSON, contract_for, contract_of
from headroom_common.errors import PermanentError


def test_types_are_versioned_names_of_what_happened() -> None:
    for event_type, contract in CONTRACTS.items():
        assert re.fullmatch(r"headroom\.[a-z]+\.[a-z_]+ed\.v[1-9]\d*", event_type)
        assert contract.event_type == event_type
        assert contract.summary.endswith(".")


def test_bodies_and_types_belong_together(bodies: Mapping[str, Body]) -> None:
    assert bodies.keys() == CONTRACTS.keys()
    for event_type, body in bodies.items():
        assert contract_of(type(body)) is contract_for(event_type)
        assert contract_for(event_type).check(body) >= 0


def test_kinds_and_media_types(bodies: Mapping[str, Body]) -> None:
    for event_type, body in bodies.items():
        contract = contract_for(event_type)
        data = hasattr(body, "tables")
        assert (contract.kind, contract.content_type) == (("data", ARROW) if data else ("control", JSON))


def test_an_event_that_must_route_has_a_taker() -> None:
    assert all(contract.consumers for contract in CONTRACTS.values() if contract.must_route)
    assert all(contract.producers for contract in CONTRACTS.values())


def test_who_gets_private_copies_is_a_consumer_and_handles_them_on_its_own() -> None:
    for contract in CONTRACTS.values():
        assert set(contract.private) <= set(contract.consumers)
    # A cancellation is done once, in analysis, and heeded by every instance of the stages before it.
    cancelled = contract_of(RunCancelled)
    assert set(cancelled.consumers) - set(cancelled.private) == {"analysis"}


def test_an_unknown_type_is_refused_with_the_known_ones() -> None:
    with pytest.raises(PermanentError, match=r"run\.requested\.v1, .*found 'headroom\.run\.requested\.v2'"):
        contract_for("headroom.run.requested.v2")
    with pytest.raises(PermanentError, match="found dict"):
        contract_of(dict)


def test_a_body_of_another_contract_is_refused(bodies: Mapping[str, Body]) -> None:
    cancelled = next(body for body in bodies.values() if isinstance(body, RunCancelled))
    with pytest.raises(PermanentError, match="expected RunRequested, found RunCancelled"):
        contract_of(RunRequested).check(cancelled)


def test_a_header_of_another_contract_is_refused(bodies: Mapping[str, Body], header: SegmentHeader) -> None:
    completed = next(body for body in bodies.values() if isinstance(body, RequestsCompleted))
    with pytest.raises(PermanentError, match="header: expected CompletedHeader, found SegmentHeader"):
        contract_of(RequestsCompleted).check(RequestsCompleted(header, {}))  # type: ignore[arg-type] # on purpose
    with pytest.raises(PermanentError, match="header: expected SegmentHeader, found CompletedHeader"):
        contract_of(ArrivalsGenerated).check(ArrivalsGenerated(completed.header, {}))
    headerless = replace(contract_of(ArrivalsGenerated), header=None)
    with pytest.raises(PermanentError, match="header: expected no header"):
        headerless.check(ArrivalsGenerated(header, {}))
