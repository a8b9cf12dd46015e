"""What several commands take, and how a command is carried out.

What a command does stands in a module of its own that is imported only when the command runs, so that
`--help`, `version` and shell completion answer at once.
"""

from importlib import import_module
from typing import Annotated, Any

import typer

from headroom.cli.imports import many_imports


def of_a_known_kind(url: str | None) -> str | None:
    """Refuse a broker's URL that no transport can use, before anything else is done."""
    if url is None:
        return None
    from headroom_common.transports.opening import SCHEMES  # noqa: PLC0415 - brings pydantic, and help is quick

    if url.partition("://")[0] not in SCHEMES:
        # The URL is not shown: it may hold a password.
        message = (
            "expected amqp:// or amqps:// with the broker's user, password, host and port, found another URL"
        )
        raise typer.BadParameter(message)
    return url


BROKER = "HEADROOM_BROKER__URL"
"""The environment variable that names the broker, to services and commands alike."""

Broker = Annotated[
    str,
    typer.Option(
        "--broker",
        metavar="URL",
        envvar=BROKER,
        show_envvar=True,
        callback=of_a_known_kind,
        help="The platform's broker, such as amqp://user:password@localhost:5672/.",
    ),
]
Gateway = Annotated[
    str | None,
    typer.Option(
        "--gateway",
        metavar="URL",
        envvar="HEADROOM_GATEWAY",
        show_envvar=True,
        help="The gateway; by default the one of `headroom login`.",
    ),
]
Insecure = Annotated[
    bool, typer.Option("--insecure", help="Send a key over plain HTTP, which others may read on its way.")
]
Outputs = Annotated[
    list[str],
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Write the result as .json, .html or .parquet; - prints the JSON on stdout. Repeatable.",
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print problems only.")]
Service = Annotated[
    str | None, typer.Option("--service", metavar="NAME", help="Those of one service; by default of all.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show Python's traceback when something fails.")]


def do(module: str, function: str = "execute", *, debug: bool, **arguments: Any) -> None:  # noqa: ANN401 - whatever the command takes
    """Carry out the command in `headroom.cli.<module>` and leave with its exit status."""
    with many_imports():
        guard = import_module("headroom.cli.guard")
        command = import_module(f"headroom.cli.{module}")
    raise typer.Exit(guard.guarded(getattr(command, function), debug=debug, **arguments))
