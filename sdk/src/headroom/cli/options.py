"""What several commands take, and how a command is carried out.

What a command does stands in a module of its own that is imported only when the command runs, so that
`--help`, `version` and shell completion answer at once.
"""

from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Literal

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
Scenario = Annotated[
    Path,
    typer.Argument(metavar="FILE", help="Scenario: Headroom's YAML, or AsyncFlow's as it is; - reads stdin."),
]
Trials = Annotated[
    int, typer.Option("--replications", "-n", min=1, max=1_000_000, help="Number of independent trials.")
]
Seed = Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Seed of all randomness.")]
Overrides = Annotated[
    list[str],
    typer.Option(
        "--set",
        metavar="PATH=VALUE",
        help="Change a value of the scenario, such as spec.servers[0].replicas=4. Repeatable.",
    ),
]
Confidence = Annotated[float, typer.Option(min=0.5, max=0.9999, help="Level of the confidence intervals.")]
Threads = Annotated[
    int | None,
    typer.Option(min=1, max=1024, help="Worker threads; by default one per core. Changes no result."),
]
At = Annotated[
    str | None,
    typer.Option(
        "--gateway",
        metavar="URL",
        help="Have the platform behind this gateway simulate; HEADROOM_GATEWAY says it, too.",
    ),
]
NoProgress = Annotated[bool, typer.Option("--no-progress", help="Show no progress while running.")]
Precision = Annotated[
    str | None,
    typer.Option(
        "--precision",
        metavar="PERCENT",
        help="Run more trials until the intervals of what is judged are within this, such as 5%.",
    ),
]
MostTrials = Annotated[
    int, typer.Option("--max-trials", min=2, max=100_000, help="Most trials of one point for its precision.")
]
WarmUp = Annotated[
    Literal["scenario", "auto"],
    typer.Option(
        "--warm-up", help="What to leave out at the start: as the scenario says, or found by MSER-5."
    ),
]
Plot = Annotated[
    Path | None, typer.Option("--plot", metavar="FILE", help="Draw the main plot as .png or .svg.")
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
