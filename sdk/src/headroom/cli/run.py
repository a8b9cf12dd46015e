"""`headroom run`: simulate a scenario, show the result, write it, and exit with the verdict."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.text import Text

from headroom.cli import units
from headroom.cli.consoles import consoles
from headroom.cli.display import RunDisplay
from headroom.cli.guard import BAD_INPUT, INTERRUPTED, MISS, PASS, BadInputError
from headroom.cli.imports import many_imports
from headroom.cli.loading import Source, load_or_complain
from headroom.progress import Progress
from headroom.result import Result, check_suffix
from headroom_common.errors import PermanentError
from headroom_common.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Options:
    """How to run: the arguments of `headroom.run`."""

    trials: int
    seed: int
    threads: int | None
    segment_arrivals: int | None
    late_bound: bool
    confidence: float
    broker: str | None


def execute(  # noqa: PLR0913 - the options of the command
    *,
    file: Path,
    overrides: Sequence[str],
    outputs: Sequence[str],
    quiet: bool,
    progress: bool,
    trials: int,
    seed: int,
    threads: int | None,
    segment_arrivals: int | None,
    late_bound: bool,
    confidence: float,
    broker: str | None,
) -> int:
    """Run and return the exit status.

    Raises:
        BadInputError: an output cannot be written.
        HeadroomError: the run failed.
        OSError: an output could not be written.
    """
    json_on_stdout = "-" in outputs
    page, remarks = consoles(json_on_stdout=json_on_stdout)
    paths = [Path(output) for output in outputs if output != "-"]
    _check_outputs(paths)
    loaded = load_or_complain(Source(file), remarks, overrides)
    if loaded is None:
        return BAD_INPUT
    options = Options(trials, seed, threads, segment_arrivals, late_bound, confidence, broker)
    last: list[Progress] = []
    try:
        result = _simulate(loaded.scenario, options, RunDisplay(remarks, shown=progress), last)
    except KeyboardInterrupt:
        remarks.print(Text(_what_is_kept(last, options.trials)))
        return INTERRUPTED
    if json_on_stdout:
        sys.stdout.write(result.to_json())
        sys.stdout.flush()
    if not quiet:
        _print(page, result)
    for path in paths:
        result.write(path)
        if not quiet:
            remarks.print(Text(f"wrote {path}", "dim"), soft_wrap=True)
    return MISS if result.verdict == "miss" else PASS


def _check_outputs(paths: Sequence[Path]) -> None:
    """Refuse outputs that could not be written, before minutes go into a result.

    Raises:
        BadInputError: an unknown suffix, a missing folder, or a folder in the file's place.
    """
    for path in paths:
        try:
            check_suffix(path)
        except PermanentError as error:
            raise BadInputError(error.message, next_step=error.next_step) from error
        if not path.parent.is_dir():
            message = f"output {path}: expected an existing folder, found none at {path.parent}"
            raise BadInputError(message, next_step=f"Create it: mkdir -p {path.parent}")
        if path.is_dir():
            message = f"output {path}: expected a file, found a folder"
            raise BadInputError(message, next_step="Give the name of a file.")


def _simulate(scenario: Scenario, options: Options, display: RunDisplay, last: list[Progress]) -> Result:
    """Run while showing progress; `last` holds the latest report.

    Raises:
        HeadroomError: the run failed.
        KeyboardInterrupt: the user stopped it.
    """

    def progressed(progress: Progress) -> None:
        last[:] = [progress]
        display.progressed(progress)

    def compiling(running: bool) -> None:  # noqa: FBT001 - a callback
        display.phase("compiling kernels (first run only)" if running else "simulating")

    with display:
        # The kernels' imports take a second, in which the user sees what is going on.
        with many_imports():
            from headroom.cli.compiling import watching_compilation  # noqa: PLC0415 - see above
            from headroom.embedded import run  # noqa: PLC0415 - see above

        display.phase("simulating")
        with watching_compilation(compiling):
            return run(
                scenario,
                trials=options.trials,
                seed=options.seed,
                threads=options.threads,
                segment_arrivals=options.segment_arrivals,
                late_bound=options.late_bound,
                confidence=options.confidence,
                broker=options.broker,
                on_progress=progressed,
            )


def _what_is_kept(last: Sequence[Progress], trials: int) -> str:
    """What remains of an interrupted run."""
    if not last or last[0].trials_done == 0:
        return "Interrupted before the first trial was finished; nothing was written."
    done = last[0].trials_done
    counted = "trial" if done == 1 else "trials"
    requests = units.short_count(last[0].requests)
    return (
        f"Interrupted after {done} of {trials} trials ({requests} requests); nothing was written.\n"
        f"The same command with -n {done} gives the result of {done} {counted}."
    )


def _print(page: Console, result: Result) -> None:
    """Print the result's page."""
    from headroom.cli.summary import print_summary  # noqa: PLC0415 - not needed by --quiet and --output -

    print_summary(page, result)
