"""Server-sent events, decoded as bytes come in (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_LINE_END: Final = re.compile(rb"\r\n|\n|\r")
LONGEST_LINE: Final = 2**20


class StreamError(ValueError):
    """A stream that is not one of server-sent events."""


@dataclass(frozen=True, slots=True)
class ServerSentEvent:
    """One event of a stream.

    Attributes:
        id: the last id that the stream named; empty when it named none yet.
        name: what kind of event; `message` when it is not named.
        data: its data.
    """

    id: str
    name: str
    data: str


class Decoder:
    """Turns bytes, cut anywhere, into events."""

    def __init__(self) -> None:
        self._rest = b""
        self._first = True
        self._id = ""
        self._name = ""
        self._data: list[str] = []

    def feed(self, chunk: bytes) -> Iterator[ServerSentEvent]:
        """Take the next bytes and yield the events that they complete.

        Raises:
            StreamError: a line is too long for any event, or no UTF-8.
        """
        whole = self._rest + chunk
        lines: list[bytes] = []
        start = 0
        for end in _LINE_END.finditer(whole):
            if end.end() == len(whole) and end.group() == b"\r":
                break  # perhaps the first half of a line's end
            lines.append(whole[start : end.start()])
            start = end.end()
        self._rest = whole[start:]
        if len(self._rest) > LONGEST_LINE:
            message = f"expected lines of at most {LONGEST_LINE} bytes, found a longer one"
            raise StreamError(message)
        for line in lines:
            yield from self._take(self._text(line))

    def _text(self, line: bytes) -> str:
        try:
            text = line.decode()
        except UnicodeDecodeError as error:
            message = "expected UTF-8, found other bytes"
            raise StreamError(message) from error
        if self._first:
            text = text.removeprefix("\ufeff")
            self._first = False
        return text

    def _take(self, line: str) -> Iterator[ServerSentEvent]:
        if not line:
            if self._data:
                yield ServerSentEvent(self._id, self._name or "message", "\n".join(self._data))
            self._name, self._data = "", []
            return
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match field:
            case "id" if "\0" not in value:
                self._id = value
            case "event":
                self._name = value
            case "data":
                self._data.append(value)
            case _:
                pass  # a comment, or a field that is none of ours
