import io
import json
import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import pytest
import structlog

from headroom_common import telemetry
from headroom_common.contracts.envelope import Envelope

RUN = UUID("0c9f6a52-4c7b-4f5e-8d0a-3b1f7f1f9a11")
EVENT = Envelope(
    id=UUID(int=7),
    source="/headroom/tests/1",
    type="headroom.requests.completed.v1",
    subject=f"{RUN}/3/14/1",
    time=datetime(2026, 11, 20, tzinfo=UTC),
    datacontenttype="application/json",
    correlationid=RUN,
    traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
)


def test_json_lines_carry_time_level_and_context(logs: io.StringIO) -> None:
    log = structlog.get_logger()
    with telemetry.bind_event(EVENT):
        log.info("inside", rows=5)
    log.warning("outside")
    inside, outside = (json.loads(line) for line in logs.getvalue().splitlines())
    assert inside.pop("timestamp").endswith("Z")
    assert inside == {
        "event": "inside",
        "level": "info",
        "rows": 5,
        "run": str(RUN),
        "trial": "3",
        "segment": "14",
        "part": "1",
        "event_id": str(EVENT.id),
        "event_type": EVENT.type,
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
    }
    assert outside.keys() == {"event", "level", "timestamp"}


def test_events_outside_runs_bind_no_run(logs: io.StringIO) -> None:
    state = EVENT.model_copy(update={"correlationid": None, "traceparent": None, "subject": "router/1"})
    with telemetry.bind_event(state):
        structlog.get_logger().info("x")
    assert json.loads(logs.getvalue()).keys() == {"event", "level", "timestamp", "event_id", "event_type"}


def test_the_level_is_the_least_severe_written() -> None:
    stream = io.StringIO()
    telemetry.configure(level="warning", stream=stream)
    log = structlog.get_logger()
    log.debug("a")
    log.info("b")
    log.warning("c")
    log.error("d")
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["c", "d"]


@pytest.fixture
def root_logger() -> Iterator[logging.Logger]:
    """The standard library's, put back as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield root
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.usefixtures("root_logger")
def test_what_libraries_log_is_written_like_everything_else(logs: io.StringIO) -> None:
    telemetry.adopt_standard_logging()
    library = logging.getLogger("some.library")
    library.info("of no interest")
    with telemetry.bind_event(EVENT):
        library.warning("connection %s", "lost")
    try:
        fail_with_secrets()
    except ZeroDivisionError:
        library.exception("failed")
    warned, failed = (json.loads(line) for line in logs.getvalue().splitlines())
    assert (warned["event"], warned["level"], warned["logger"]) == (
        "connection lost",
        "warning",
        "some.library",
    )
    assert warned["run"] == str(RUN)
    assert failed["exception"][0]["exc_type"] == "ZeroDivisionError"
    assert "hunter2" not in logs.getvalue()


@pytest.mark.parametrize(("level", "written"), [("debug", 4), ("info", 2), ("warning", 2), ("error", 1)])
def test_details_of_libraries_are_for_who_asks(
    root_logger: logging.Logger, level: telemetry.LogLevel, written: int
) -> None:
    stream = io.StringIO()
    telemetry.configure(level=level, stream=stream)
    telemetry.adopt_standard_logging(level)
    for number in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
        root_logger.log(number, "a line")
    assert len(stream.getvalue().splitlines()) == written


def fail_with_secrets() -> None:
    password = "hunter2"  # noqa: S105 - must not appear in any log
    assert password
    raise ZeroDivisionError


def logged_failure(log_format: telemetry.LogFormat) -> str:
    stream = io.StringIO()
    telemetry.configure(log_format=log_format, stream=stream)
    try:
        fail_with_secrets()
    except ZeroDivisionError:
        structlog.get_logger().exception("failed")
    return stream.getvalue()


def test_tracebacks_name_the_function_and_no_value() -> None:
    as_json = json.loads(logged_failure("json"))
    assert as_json["exception"][0]["exc_type"] == "ZeroDivisionError"
    assert as_json["exception"][0]["frames"][-1]["name"] == "fail_with_secrets"
    assert "locals" not in as_json["exception"][0]["frames"][-1]
    as_text = logged_failure("console")
    assert "fail_with_secrets" in as_text


def test_console_lines_are_plain_text_where_there_is_no_terminal() -> None:
    stream = io.StringIO()
    telemetry.configure(log_format="console", stream=stream)
    structlog.get_logger().info("service state changed", state="ready")
    assert re.search(r"\[info +\] service state changed +state=ready\n$", stream.getvalue())
    assert "\x1b" not in stream.getvalue()
