"""`headroom run`: simulate a scenario, show the result, write it, and exit with the verdict."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.text import Text

from headroom.cli import units
from headroom.cli.display import RunDisplay
from headroom.cli.guard import BAD_INPUT, INTERRUPTED, BadInputError
from headroom.cli.imports import many_imports
from headroom.cli.loading import Source, load_or_complain
from headroom.cli.outputs import Destinations
from headroom.progress import Progress
from headroom.result import Result
from headroom_common.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Options:
    """How to run, and where."""

    trials: int
    seed: int
    threads: int | None
    segment_arrivals: int | None
    late_bound: bool
    confidence: float
    precision: str | None
    most_trials: int
    warm_up: str
    broker: str | None
    gateway: str | None
    insecure: bool
    fresh: bool

    @property
    def place(self) -> str | None:
        """The gateway that simulates; None when none does.

        Raises:
            BadInputError: the options contradict each other.
        """
        if self.gateway is not None and self.broker is not None:
            message = "gateway: expected --gateway or --broker, found both"
            raise BadInputError(message, next_step="Leave one of them out.")
        found = None if self.broker else gateway_of(self.gateway)
        if found is None and self.fresh:
            message = "no-cache: expected with --gateway, for nothing else keeps results; found without"
            raise BadInputError(message, next_step="Leave --no-cache out.")
        return found

    @property
    def is_experiment(self) -> bool:
        """Whether how many trials are run, or what they leave out, depends on what they show."""
        return self.precision is not None or self.warm_up == "auto"


def gateway_of(typed: str | None) -> str | None:
    """Return the gateway that simulates: what was typed goes before what the environment says."""
    return typed or os.environ.get("HEADROOM_GATEWAY") or None


def execute(
    *,
    file: Path,
    overrides: Sequence[str],
    outputs: Sequence[str],
    quiet: bool,
    progress: bool,
    **how: Any,  # noqa: ANN401 - the fields of `Options`
) -> int:
    """Run and return the exit status.

    Raises:
        BadInputError: an output cannot be written, or options contradict each other.
        HeadroomError: the run failed.
        OSError: an output could not be written.
    """
    options = Options(**how)
    destinations = Destinations(outputs, quiet=quiet)
    place = options.place
    source = Source(file)
    loaded = load_or_complain(source, destinations.remarks, overrides)
    if loaded is None:
        return BAD_INPUT
    display = RunDisplay(destinations.remarks, shown=progress)
    if options.is_experiment:
        from headroom.cli.replicate import execute as replicate  # noqa: PLC0415 - most runs need none of it

        return replicate(place, source, loaded.scenario, options, display, destinations)
    if place is not None:
        from headroom.cli.run_at_gateway import execute as at_gateway  # noqa: PLC0415 - HTTP takes long to import

        return at_gateway(place, source, loaded.scenario, options, display, destinations)
    last: list[Progress] = []
    try:
        result = _simulate(loaded.scenario, options, display, last)
    except KeyboardInterrupt:
        destinations.remarks.print(Text(what_is_kept(last[0] if last else None, options.trials)))
        return INTERRUPTED
    return destinations.take(result)


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


def what_is_kept(last: Progress | None, trials: int) -> str:
    """What remains of an interrupted run.

    Args:
        last: the latest report.
        trials: how many trials there were to be.
    """
    if last is None or last.trials_done == 0:
        return "Interrupted before the first trial was finished; nothing was written."
    done = last.trials_done
    counted = "trial" if done == 1 else "trials"
    requests = units.short_count(last.requests)
    return (
        f"Interrupted after {done} of {trials} trials ({requests} requests); nothing was written.\n"
        f"The same command with -n {done} gives the result of {done} {counted}."
    )
