"""`headroom dead-letters`: what a platform could not handle, and what becomes of it."""

import asyncio
import json
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, Literal

from rich.console import Console
from rich.text import Text

from headroom.cli.consoles import consoles, print_json
from headroom.cli.guard import PASS, BadInputError
from headroom.cli.imports import many_imports
from headroom.cli.looks import heading, section
from headroom_common.contracts.registry import CONTRACTS
from headroom_common.contracts.wire import Encoded
from headroom_common.errors import PermanentError
from headroom_common.event_manager.roll_call import CLIENT
from headroom_common.transports.port import (
    ERROR,
    REASON,
    TIME,
    UNROUTABLE,
    ConnectionLostError,
    DeadLetter,
    DeadLetters,
)

SERVICES: Final = (
    *sorted({name for one in CONTRACTS.values() for name in one.consumers} | {CLIENT}),
    UNROUTABLE,
)
"""Whose dead letters there may be."""

_ALL_OR_SOME = "Give ids, as `headroom dead-letters list` shows them, or --all."


def list_(*, broker: str, service: str | None, as_json: bool) -> int:
    """Print the dead letters, oldest first."""
    letters = asyncio.run(_letters(broker, _chosen(service)))
    if as_json:
        print_json([_as_json(letter) for letter in letters])
        return PASS
    page, _ = consoles()
    if not letters:
        page.print(Text("No dead letters."))
        return PASS
    table = section("Service")
    # Whole on one line however narrow the terminal is: ids are there to be copied.
    table.add_column("id", no_wrap=True, min_width=36)
    for column in ("event", "error", "given up"):
        table.add_column(column, overflow="fold")
    for letter in letters:
        told = letter.headers
        table.add_row(
            letter.queue.service,
            letter.message.event_id,
            letter.message.event_type.removeprefix("headroom."),
            told.get(ERROR, ""),
            told.get(TIME, "").partition(".")[0].replace("T", " "),
        )
    page.print(table)
    return PASS


def show(*, broker: str, event_id: str, as_json: bool) -> int:
    """Print one dead letter with its headers and what can be read of its body.

    Raises:
        BadInputError: there is none of this id.
    """
    found = [one for one in asyncio.run(_letters(broker, SERVICES)) if one.message.event_id == event_id]
    if not found:
        message = f"id: expected that of a dead letter, found none of {event_id}"
        raise BadInputError(message, next_step="List them: headroom dead-letters list")
    documents = [_as_json(letter) | {"body": _body(letter)} for letter in found]
    if as_json:
        print_json(documents)
        return PASS
    page, _ = consoles()
    for document in documents:
        _print(page, document)
    return PASS


def move(
    *,
    verb: Literal["replay", "purge"],
    broker: str,
    ids: Sequence[str],
    everything: bool,
    service: str | None,
) -> int:
    """Put dead letters back to be handled anew, or remove them for good.

    Raises:
        BadInputError: neither ids nor all of them, or ids that no dead letter has.
    """
    if bool(ids) == everything:
        message = f"ids: expected ids or --all, found {'both' if ids else 'neither'}"
        raise BadInputError(message, next_step=_ALL_OR_SOME)
    moved, left = asyncio.run(_moved(broker, None if everything else set(ids), _chosen(service), verb))
    page, _ = consoles()
    done = {"replay": "replayed", "purge": "purged"}[verb]
    page.print(Text(f"{done} {moved}" + (f", {left} could not be: no room or no taker" if left else "")))
    return PASS


async def _moved(
    broker: str, ids: Collection[str] | None, services: Sequence[str], verb: Literal["replay", "purge"]
) -> tuple[int, int]:
    async with _dead_letters(broker) as letters:
        by_service = {name: await letters.list(name) for name in services}
        known = {one.message.event_id for found in by_service.values() for one in found}
        if ids is not None and (unknown := sorted(set(ids) - known)):
            message = f"ids: expected those of dead letters, found none of {', '.join(unknown)}"
            raise BadInputError(message, next_step="List them: headroom dead-letters list")
        moved = wanted = 0
        for name, found in by_service.items():
            mine = [one for one in found if ids is None or one.message.event_id in ids]
            if not mine:
                continue
            wanted += len(mine)
            move = letters.replay if verb == "replay" else letters.purge
            moved += await move(name, None if ids is None else {one.message.event_id for one in mine})
        return moved, max(0, wanted - moved)


async def _letters(broker: str, services: Sequence[str]) -> Sequence[DeadLetter]:
    async with _dead_letters(broker) as letters:
        return [letter for name in services for letter in await letters.list(name)]


@asynccontextmanager
async def _dead_letters(broker: str) -> AsyncIterator[DeadLetters]:
    """The dead letters of a platform's broker."""
    with many_imports():
        from headroom.remote import connected  # noqa: PLC0415 - a broker's client takes long to import

    async with connected(broker) as transport:
        try:
            yield transport.dead_letters
        except ConnectionLostError as error:
            message = f"broker: the connection was lost: {error}"
            raise ConnectionLostError(message, next_step="Run the command again.") from error


def _chosen(service: str | None) -> Sequence[str]:
    if service is None:
        return SERVICES
    if service not in SERVICES:
        message = f"service: expected one of {', '.join(SERVICES)}, found {service!r}"
        raise BadInputError(message, next_step="Leave --service out for all of them.")
    return (service,)


def _as_json(letter: DeadLetter) -> dict[str, Any]:
    content = letter.message.content
    headers = content.headers if isinstance(content, Encoded) else content.envelope.headers()
    return {
        "service": letter.queue.service,
        "id": letter.message.event_id,
        "type": letter.message.event_type,
        "run": letter.message.correlation or None,
        "why": dict(letter.headers),
        "headers": dict(headers),
        "bytes": len(content.body) if isinstance(content, Encoded) else None,
    }


def _body(letter: DeadLetter) -> object:
    """What can be read of a body: the event's fields, the columns' names and lengths, or why neither."""
    from headroom_common.contracts.events import ControlBody  # noqa: PLC0415 - with the codec, for show alone
    from headroom_common.event_manager.wire import decode  # noqa: PLC0415 - as above

    content = letter.message.content
    try:
        if isinstance(content, Encoded):
            event = decode(content, None, max_bytes=len(content.body))
        else:
            event = content
    except PermanentError as error:
        return {"unreadable": str(error)}
    if isinstance(event.body, ControlBody):
        return event.body.model_dump(mode="json")
    tables = {
        name: {column: len(values) for column, values in table.items()}
        for name, table in event.body.tables.items()
    }
    return {"header": event.body.header.model_dump(mode="json"), "rows": tables}


def _print(page: Console, document: dict[str, Any]) -> None:
    page.print(heading(f"{document['type']} {document['id']}"))
    page.print(
        Text(f"{document['service']}: {document['why'].get(REASON, 'no reason given')}"), soft_wrap=True
    )
    for name, value in sorted({**document["headers"], **document["why"]}.items()):
        page.print(Text.assemble((f"  {name:<24} ", "dim"), str(value)), soft_wrap=True)
    page.print(Text(json.dumps(document["body"], indent=2, ensure_ascii=False)), soft_wrap=True)
