"""Log lines that a process may silence."""

import io
import json
from datetime import UTC, datetime
from uuid import UUID

import pytest

from headroom_common import telemetry
from headroom_common.contracts.envelope import Envelope
from headroom_common.logs import Log, silence, within

EVENT = Envelope(
    id=UUID(int=7),
    source="/headroom/tests/1",
    type="headroom.run.cancelled.v1",
    subject="x",
    time=datetime(2026, 11, 20, tzinfo=UTC),
    datacontenttype="application/json",
)
LEVELS = ("debug", "info", "warning", "error")


@pytest.mark.parametrize("level", LEVELS)
def test_lines_have_their_level_and_values_and_the_event(level: str, logs: io.StringIO) -> None:
    with within(EVENT):
        getattr(Log("x"), level)("happened", rows=3)
    line = json.loads(logs.getvalue())
    assert (line["level"], line["event"], line["rows"]) == (level, "happened", 3)
    assert line["event_id"] == str(EVENT.id)


def test_an_exception_has_its_traceback(logs: io.StringIO) -> None:
    try:
        raise KeyError(1)  # noqa: TRY301 - to be handled here
    except KeyError:
        Log("x").exception("failed")
    line = json.loads(logs.getvalue())
    assert line["level"] == "error"
    assert line["exception"][0]["exc_type"] == "KeyError"


def test_a_silent_process_writes_nothing_until_logs_are_configured(logs: io.StringIO) -> None:
    silence(silent=True)
    log = Log("x")
    with within(EVENT):
        for level in (*LEVELS, "exception"):
            getattr(log, level)("happened")
    assert not logs.getvalue()
    telemetry.configure(stream=logs)
    log.info("happened")
    assert json.loads(logs.getvalue())["event"] == "happened"


def test_details_are_written_where_they_are_asked_for(logs: io.StringIO) -> None:
    telemetry.configure(level="info", stream=logs)
    Log("x").debug("happened")
    assert not logs.getvalue()
    telemetry.configure(level="debug", stream=logs)
    Log("x").debug("happened")
    assert json.loads(logs.getvalue())["event"] == "happened"
