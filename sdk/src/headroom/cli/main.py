"""The application `headroom`: what each command takes.

What a command does stands in a module of its own that is imported only when the command runs, so that
`--help`, `version` and shell completion answer at once.
"""

import os
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from headroom.cli.imports import many_imports
from headroom_common.defaults import REMOTE_SEGMENT_ARRIVALS, SEGMENT_ARRIVALS

app = typer.Typer(
    name="headroom",
    help="Will this backend hold, and how much headroom is left? Simulates a backend described in YAML.",
    no_args_is_help=True,
    # Plain help and plain errors: rich's take three times as long to import as everything else here.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit status: 0 pass, 1 objective missed, 2 bad input, 3 another error, 130 interrupted.",
)

INTERRUPTED = 130


def _of_a_known_kind(url: str | None) -> str | None:
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
        callback=_of_a_known_kind,
        help="The platform's broker, such as amqp://user:password@localhost:5672/.",
    ),
]
Service = Annotated[
    str | None, typer.Option("--service", metavar="NAME", help="Those of one service; by default of all.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show Python's traceback when something fails.")]


def main() -> None:
    """Run the command line; the console script's entry point."""
    if sys.argv[1:] == ["version"]:
        # typer imports pydantic to read a command's options, which takes longer than all the rest of this.
        import_module("headroom.cli.version").execute(as_json=False)
        return
    try:
        app(prog_name="headroom")
    except SystemExit as exit_:
        if exit_.code == INTERRUPTED:
            # Python would wait for worker threads, and one that compiles a kernel takes seconds. Nothing is
            # left half written: files are put in place in one step, and numba does so with its cache.
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(INTERRUPTED)
        raise


def _do(module: str, function: str = "execute", *, debug: bool, **arguments: Any) -> None:  # noqa: ANN401 - whatever the command takes
    """Carry out the command in `headroom.cli.<module>` and leave with its exit status."""
    with many_imports():
        guard = import_module("headroom.cli.guard")
        command = import_module(f"headroom.cli.{module}")
    raise typer.Exit(guard.guarded(getattr(command, function), debug=debug, **arguments))


@app.command()
def run(  # noqa: PLR0913 - each parameter is an option of the command
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="Scenario: Headroom's YAML, or AsyncFlow's as it is; - reads stdin."
        ),
    ],
    *,
    replications: Annotated[
        int, typer.Option("--replications", "-n", min=1, max=1_000_000, help="Number of independent trials.")
    ] = 10,
    seed: Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Seed of all randomness.")] = 1,
    overrides: Annotated[
        list[str],
        typer.Option(
            "--set",
            metavar="PATH=VALUE",
            help="Change a value of the scenario, such as spec.servers[0].replicas=4. Repeatable.",
        ),
    ] = [],  # noqa: B006 - typer copies it
    outputs: Annotated[
        list[str],
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Write the result as .json, .html or .parquet; - prints the JSON on stdout. Repeatable.",
        ),
    ] = [],  # noqa: B006 - typer copies it
    confidence: Annotated[
        float, typer.Option(min=0.5, max=0.9999, help="Level of the confidence intervals.")
    ] = 0.95,
    threads: Annotated[
        int | None,
        typer.Option(min=1, max=1024, help="Worker threads; by default one per core. Changes no result."),
    ] = None,
    segment_arrivals: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=10_000_000,
            help=f"Arrivals simulated per step; by default {SEGMENT_ARRIVALS}, on a platform "
            f"{REMOTE_SEGMENT_ARRIVALS}. Changes no result.",
        ),
    ] = None,
    broker: Annotated[
        str | None,
        typer.Option(
            "--broker",
            metavar="URL",
            callback=_of_a_known_kind,
            help="Have the platform at this broker simulate, such as amqp://user:password@localhost:5672/.",
        ),
    ] = None,
    late_bound: Annotated[
        bool, typer.Option("--late-bound", help="Let the server kernel do all routing. Changes no result.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print problems only.")] = False,
    no_progress: Annotated[
        bool, typer.Option("--no-progress", help="Show no progress while running.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Simulate a scenario and say whether it meets its objectives."""
    _do(
        "run",
        debug=debug,
        file=file,
        trials=replications,
        seed=seed,
        overrides=overrides,
        outputs=outputs,
        confidence=confidence,
        threads=threads,
        segment_arrivals=segment_arrivals,
        broker=broker,
        late_bound=late_bound,
        quiet=quiet,
        progress=not (no_progress or quiet),
    )


@app.command()
def validate(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Scenarios to check; - reads stdin.")
    ],
    *,
    output_format: Annotated[
        Literal["text", "json"], typer.Option("--format", help="How to report problems.")
    ] = "text",
    debug: Debug = False,
) -> None:
    """Check scenarios and report all problems at once, without simulating."""
    _do("validate", debug=debug, files=files, as_json=output_format == "json")


@app.command()
def convert(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="AsyncFlow's YAML; - reads stdin.")],
    *,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Where to write it; by default on stdout."),
    ] = None,
    debug: Debug = False,
) -> None:
    """Turn an AsyncFlow file into the equivalent Headroom scenario."""
    _do("convert", debug=debug, file=file, output=output)


@app.command()
def explain(
    path: Annotated[
        str,
        typer.Argument(metavar="[PATH]", help="A path of the schema, such as spec.servers.endpoints.steps."),
    ] = "",
    *,
    recursive: Annotated[
        bool, typer.Option("--recursive", "-r", help="Show everything below it, too.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Describe the fields of a scenario: what they mean, their types and defaults."""
    _do("explain", debug=debug, path=path, recursive=recursive)


@app.command()
def up(
    *,
    broker: Annotated[
        str | None,
        typer.Option(
            "--broker",
            metavar="URL",
            envvar=BROKER,
            show_envvar=True,
            callback=_of_a_known_kind,
            help="The broker; without one all services share this process and a broker in its memory.",
        ),
    ] = None,
    redis: Annotated[
        str | None,
        typer.Option(
            "--redis",
            metavar="URL",
            envvar="HEADROOM_REDIS_URL",
            help="Where instances of a service share what they handled; by default each remembers its own.",
        ),
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(
            "--database",
            metavar="URL",
            envvar="HEADROOM_DATABASE_URL",
            help="Where analysis keeps statistics, such as postgresql+psycopg://…; by default a SQLite file.",
        ),
    ] = None,
    replicas: Annotated[
        list[str],
        typer.Option(
            "--replicas", metavar="SERVICE=N", help="Instances of a service; by default 1. Repeatable."
        ),
    ] = [],  # noqa: B006 - typer copies it
    port: Annotated[
        int, typer.Option(min=1, max=65_000, help="HTTP port of the first service; the others follow.")
    ] = 8101,
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], typer.Option(help="The least severe log lines to show.")
    ] = "warning",
    debug: Debug = False,
) -> None:
    """Run all services of a platform on this machine until Ctrl-C, each as a process if there is a broker."""
    _do(
        "up",
        debug=debug,
        broker=broker,
        redis=redis,
        database=database,
        replicas=replicas,
        port=port,
        log_level=log_level,
    )


@app.command()
def services(
    *,
    broker: Broker,
    wait: Annotated[float, typer.Option(min=0.1, max=60, help="Seconds to wait for answers.")] = 2.0,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Show the instances of a platform's services, their states and versions."""
    _do("services", debug=debug, broker=broker, wait=wait, as_json=as_json)


dead_letters = typer.Typer(
    help="Look after the events that a platform could not handle.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(dead_letters, name="dead-letters")


@dead_letters.command("list")
def list_dead_letters(
    *, broker: Broker, service: Service = None, as_json: AsJson = False, debug: Debug = False
) -> None:
    """List dead letters, oldest first, with the class of what went wrong; `show` tells the reason."""
    _do("dead_letters", "list_", debug=debug, broker=broker, service=service, as_json=as_json)


@dead_letters.command("show")
def show_dead_letter(
    event_id: Annotated[str, typer.Argument(metavar="ID", help="Id of a dead letter.")],
    *,
    broker: Broker,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Show a dead letter with its headers and what can be read of its body."""
    _do("dead_letters", "show", debug=debug, broker=broker, event_id=event_id, as_json=as_json)


def _moving(verb: str) -> Callable[..., None]:
    """The command that moves dead letters as the verb says; both take the same."""

    def move_dead_letters(
        ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Ids of letters.")] = None,
        *,
        broker: Broker,
        everything: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
        service: Service = None,
        debug: Debug = False,
    ) -> None:
        chosen = {"verb": verb, "ids": ids or [], "everything": everything, "service": service}
        _do("dead_letters", "move", debug=debug, broker=broker, **chosen)

    return move_dead_letters


for _verb, _what in (
    ("replay", "Put dead letters back into the queues that they came from, to be handled anew."),
    ("purge", "Remove dead letters for good."),
):
    dead_letters.command(_verb, help=_what)(_moving(_verb))


@app.command()
def version(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print the versions of Headroom and of what it runs on."""
    import_module("headroom.cli.version").execute(as_json=as_json)
