"""The application `headroom`: what each command takes.

What a command does stands in a module of its own that is imported only when the command runs, so that
`--help`, `version` and shell completion answer at once.
"""

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Annotated, Literal

import typer

from headroom.cli import experiment_commands, gateway_commands, platform_commands
from headroom.cli.options import (
    At,
    Confidence,
    Debug,
    Insecure,
    MostTrials,
    NoProgress,
    Outputs,
    Overrides,
    Precision,
    Quiet,
    Scenario,
    Seed,
    Threads,
    Trials,
    WarmUp,
    do,
    of_a_known_kind,
)
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


@app.command()
def run(  # noqa: PLR0913 - each parameter is an option of the command
    file: Scenario,
    *,
    replications: Trials = 10,
    seed: Seed = 1,
    overrides: Overrides = [],  # noqa: B006 - typer copies it
    outputs: Outputs = [],  # noqa: B006 - typer copies it
    confidence: Confidence = 0.95,
    precision: Precision = None,
    most_trials: MostTrials = 200,
    warm_up: WarmUp = "scenario",
    threads: Threads = None,
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
            callback=of_a_known_kind,
            help="Have the platform at this broker simulate, such as amqp://user:password@localhost:5672/.",
        ),
    ] = None,
    gateway: At = None,
    insecure: Insecure = False,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Have the gateway simulate even what it knows the result of.")
    ] = False,
    late_bound: Annotated[
        bool, typer.Option("--late-bound", help="Let the server kernel do all routing. Changes no result.")
    ] = False,
    quiet: Quiet = False,
    no_progress: NoProgress = False,
    debug: Debug = False,
) -> None:
    """Simulate a scenario and say whether it meets its objectives."""
    do(
        "run",
        debug=debug,
        file=file,
        trials=replications,
        seed=seed,
        overrides=overrides,
        outputs=outputs,
        confidence=confidence,
        precision=precision,
        most_trials=most_trials,
        warm_up=warm_up,
        threads=threads,
        segment_arrivals=segment_arrivals,
        broker=broker,
        gateway=gateway,
        insecure=insecure,
        fresh=no_cache,
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
    do("validate", debug=debug, files=files, as_json=output_format == "json")


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
    do("convert", debug=debug, file=file, output=output)


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
    do("explain", debug=debug, path=path, recursive=recursive)


app.command()(experiment_commands.sweep)
app.command()(experiment_commands.capacity)
app.command()(experiment_commands.compare)
app.command()(experiment_commands.sensitivity)
app.command()(platform_commands.up)
app.command()(platform_commands.services)
app.add_typer(platform_commands.dead_letters, name="dead-letters")
app.add_typer(platform_commands.rollout, name="rollout")
app.command()(gateway_commands.login)
app.command()(gateway_commands.logout)
app.add_typer(gateway_commands.runs, name="runs")
app.add_typer(experiment_commands.experiments, name="experiments")
app.add_typer(gateway_commands.keys, name="keys")


@app.command()
def version(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print the versions of Headroom and of what it runs on."""
    import_module("headroom.cli.version").execute(as_json=as_json)
