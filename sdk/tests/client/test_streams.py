"""Server-sent events, however the network cuts them."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom.client.streams import LONGEST_LINE, Decoder, ServerSentEvent, StreamError

STREAM = (
    "\ufeff: hello\nid: 1\nevent: state\ndata: {}\n\n"
    "id: 2\r\ndata: one\r\ndata:two\r\n\r\n"
    "data\rid: 3\r\r"
    "event: nothing\n\n"
    "retry: 5\ndata: with\u2028separator\n\n"
    "data: never finished"
)
EVENTS = [
    ServerSentEvent("1", "state", "{}"),
    ServerSentEvent("2", "message", "one\ntwo"),
    ServerSentEvent("3", "message", ""),
    ServerSentEvent("3", "message", "with\u2028separator"),
]


def decoded(*chunks: bytes) -> list[ServerSentEvent]:
    decoder = Decoder()
    return [event for chunk in chunks for event in decoder.feed(chunk)]


def test_events_of_a_whole_stream() -> None:
    assert decoded(STREAM.encode()) == EVENTS


@given(st.lists(st.integers(0, len(STREAM.encode()))))
def test_events_do_not_depend_on_where_the_stream_is_cut(cuts: list[int]) -> None:
    whole = STREAM.encode()
    ends = [0, *sorted(cuts), len(whole)]
    assert decoded(*(whole[start:end] for start, end in pairwise(ends))) == EVENTS


@given(st.text().filter(lambda text: "\r" not in text and "\n" not in text and "\0" not in text))
def test_data_come_as_they_were_sent(text: str) -> None:
    assert decoded(f"data: {text}\n\n".encode()) == [ServerSentEvent("", "message", text)]


@pytest.mark.parametrize("chunk", [b"data: \xff\n\n", b"x" * (LONGEST_LINE + 1)])
def test_what_is_no_stream_of_events_is_refused(chunk: bytes) -> None:
    with pytest.raises(StreamError):
        decoded(chunk)
