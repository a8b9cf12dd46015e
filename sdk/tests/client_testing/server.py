"""A small HTTP server whose answers a test writes, wrong ones and broken connections among them."""

import json
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import parse_qs, urlsplit

from pydantic import BaseModel

PREFIX: Final = "/api/v1"
PROBLEM: Final = "application/problem+json"


@dataclass(frozen=True)
class Answer:
    """What the server says.

    Attributes:
        body: JSON, text or bytes.
        status: HTTP status.
        kind: media type.
        headers: more headers.
        lost: whether the connection breaks before the end of the body.
        held: whether the end of the body never comes, as long as the server runs.
    """

    body: object = b""
    status: int = 200
    kind: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    lost: bool = False
    held: bool = False

    def __bytes__(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        if isinstance(self.body, str):
            return self.body.encode()
        if isinstance(self.body, BaseModel):
            return self.body.model_dump_json().encode()
        return json.dumps(self.body).encode()


@dataclass(frozen=True)
class Asked:
    """What the server was asked.

    Attributes:
        method: the request's method.
        path: its path below the prefix.
        query: its parameters.
        headers: its headers.
        body: its JSON; None without one.
    """

    method: str
    path: str
    query: dict[str, list[str]]
    headers: Message
    body: Any


def problem(status: int, slug: str = "", detail: str = "", **more: object) -> Answer:
    """Return a failure as problem details."""
    kind = f"urn:headroom:problem:{slug}" if slug else "about:blank"
    body = {"type": kind, "title": "No", "status": status, "detail": detail, "request_id": "r-1", **more}
    return Answer(body, status, PROBLEM)


def events(news: Iterable[BaseModel], *, lost: bool = False, held: bool = False) -> Answer:
    """Return news of a run as a stream."""
    lines = [": a comment\n\n"]
    for one in news:
        data = one.model_dump(mode="json")
        name = "progress" if data["progress"] and data["state"] == "running" else "state"
        lines.append(f"id: {data['sequence']}\nevent: {name}\ndata: {json.dumps(data)}\n\n")
    return Answer("".join(lines), kind="text/event-stream", lost=lost, held=held)


class SmallGateway:
    """The server, on a free port of the loopback interface.

    Attributes:
        asked: every request so far.
    """

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self._answers: dict[tuple[str, str], list[Answer]] = {}
        self._ended = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def on(self, method: str, path: str, *answers: Answer) -> None:
        """Say what is answered; the last answer is given for ever."""
        self._answers[method, path] = list(answers)

    def requests(self, method: str, path: str) -> Sequence[Asked]:
        """Return the requests of one kind."""
        return [one for one in self.asked if (one.method, one.path) == (method, path)]

    def answer(self, asked: Asked) -> Answer:
        """Return what comes next for a request."""
        self.asked.append(asked)
        answers = self._answers.get((asked.method, asked.path))
        if answers is None:
            return problem(404, detail=f"{asked.method} {asked.path} is not part of this test.")
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        gateway, ended = self, self._ended

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self) -> None:
                try:
                    super().handle_one_request()
                except ConnectionError:
                    self.close_connection = True

            def _do(self) -> None:
                parts = urlsplit(self.path)
                length = int(self.headers.get("Content-Length") or 0)
                sent = self.rfile.read(length)
                answer = gateway.answer(
                    Asked(
                        self.command,
                        parts.path.removeprefix(PREFIX),
                        parse_qs(parts.query),
                        self.headers,
                        json.loads(sent) if sent else None,
                    )
                )
                body = bytes(answer)
                self.send_response_only(answer.status)
                for name, value in {"Content-Type": answer.kind, **answer.headers}.items():
                    self.send_header(name, value)
                if answer.status != 204:
                    self.send_header("Content-Length", str(len(body) + (answer.lost or answer.held)))
                self.end_headers()
                self.wfile.write(body)
                self.wfile.flush()
                if answer.held:
                    ended.wait()
                self.close_connection = answer.lost or answer.held

            do_GET = do_POST = do_DELETE = _do  # noqa: N815 - the names that http.server looks for

            def log_message(self, *_: object) -> None:
                pass

        return Handler
