"""The application `headroom`: what each command takes.

What a command does stands in a module of its own that is imported only when the command runs, so that
`--help`, `version` and shell completion answer at once.
"""

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from headroom.cli.imports import many_imports
from headroom_common.defaults import SEGMENT_ARRIVALS

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


def _do(module: str, *, debug: bool, **arguments: Any) -> None:  # noqa: ANN401 - whatever the command takes
    """Carry out the command in `headroom.cli.<module>` and leave with its exit status."""
    with many_imports():
        guard = import_module("headroom.cli.guard")
        command = import_module(f"headroom.cli.{module}")
    raise typer.Exit(guard.guarded(command.execute, debug=debug, **arguments))


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
        int, typer.Option(min=1, max=10_000_000, help="Arrivals simulated per step. Changes no result.")
    ] = SEGMENT_ARRIVALS,
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
def version(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print the versions of Headroom and of what it runs on."""
    import_module("headroom.cli.version").execute(as_json=as_json)
