"""The typed errors that everything else builds on."""

from __future__ import annotations

import pytest

from headroom_common.errors import HeadroomError, PermanentError, TransientError


@pytest.mark.parametrize("kind", [HeadroomError, TransientError, PermanentError])
def test_every_error_says_what_and_what_next(kind: type[HeadroomError]) -> None:
    error = kind("the broker does not answer", next_step="Start it.")
    assert (str(error), error.message, error.next_step) == ("the broker does not answer",) * 2 + (
        "Start it.",
    )
    assert kind("x").next_step == ""


@pytest.mark.parametrize("delay", [None, 0.0, 2.5])
def test_a_transient_error_knows_its_delay(delay: float | None) -> None:
    assert TransientError("busy", delay=delay).delay == delay


def test_the_class_decides_whether_to_try_again() -> None:
    assert issubclass(TransientError, HeadroomError)
    assert issubclass(PermanentError, HeadroomError)
    assert not issubclass(PermanentError, TransientError)
