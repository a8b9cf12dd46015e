"""`headroom sweep`, `capacity`, `compare` and `sensitivity`: run an experiment, show it and write it."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from headroom.cli.consoles import consoles
from headroom.cli.display import RunDisplay
from headroom.cli.guard import BAD_INPUT, INTERRUPTED, MISS, PASS, BadInputError
from headroom.cli.imports import many_imports
from headroom.cli.loading import Source, load_or_complain
from headroom.cli.outputs import check_outputs
from headroom.cli.problems import print_problems
from headroom.cli.run import gateway_of
from headroom.experiment_result import PLOT_SUFFIXES, ExperimentResult
from headroom_common.experiments.asking import experiment_of
from headroom_common.experiments.model import Experiment
from headroom_common.scenario.loading import LoadedScenario
from headroom_common.scenario.problems import ScenarioError
from headroom_common.scenario.units import parse_ratio


@dataclass(frozen=True, slots=True)
class Where:
    """Where an experiment runs."""

    threads: int | None
    gateway: str | None
    insecure: bool


def execute(  # noqa: PLR0913 - the options of the commands
    *,
    file: Path,
    plan: dict[str, Any],
    trials: int,
    precision: str | None,
    most_trials: int,
    warm_up: str,
    seed: int,
    confidence: float,
    overrides: Sequence[str],
    outputs: Sequence[str],
    plot: Path | None,
    threads: int | None,
    gateway: str | None,
    insecure: bool,
    quiet: bool,
    progress: bool,
) -> int:
    """Run an experiment and return the exit status.

    Raises:
        BadInputError: an output cannot be written.
        HeadroomError: the experiment failed.
        OSError: an output could not be written.
    """
    page, remarks = consoles(json_on_stdout="-" in outputs)
    written = Outputs(outputs, plot)
    where = Where(threads, gateway_of(gateway), insecure)
    options = {
        "trials": trials,
        "precision": ratio_of(precision),
        "most_trials": most_trials,
        "warm_up": warm_up,
        "seed": seed,
        "confidence": confidence,
    }
    source = Source(file)
    loaded = load_or_complain(source, remarks, overrides)
    if loaded is None:
        return BAD_INPUT
    whole = planned(plan, source, loaded, remarks, overrides)
    if whole is None:
        return BAD_INPUT
    try:
        experiment = experiment_of(loaded.scenario, whole, **options)
        result = simulate(experiment, where, RunDisplay(remarks, shown=progress))
    except ScenarioError as error:
        print_problems(remarks, error, f"the experiment on {source.name}", None)
        return BAD_INPUT
    except KeyboardInterrupt:
        told = "" if where.gateway is None else "; the gateway was told to stop it"
        remarks.print(Text(f"Interrupted; nothing was written{told}."))
        return INTERRUPTED
    written.take(result, page, remarks, quiet=quiet)
    return MISS if whole["kind"] == "capacity" and result.answer["answer"] is None else PASS


class Outputs:
    """Where the document of an experiment goes.

    Args:
        outputs: names of files, and `-` for stdout.
        plot: the file of the main plot.

    Raises:
        BadInputError: an output cannot be written.
    """

    def __init__(self, outputs: Sequence[str], plot: Path | None) -> None:
        self._on_stdout = "-" in outputs
        self._paths = [Path(output) for output in outputs if output != "-"]
        self._plot = plot
        check_outputs(self._paths)
        check_outputs([] if plot is None else [plot], PLOT_SUFFIXES, "plot")

    def take(self, result: ExperimentResult, page: Console, remarks: Console, *, quiet: bool) -> None:
        """Put it everywhere.

        Raises:
            OSError: an output could not be written.
        """
        if self._on_stdout:
            sys.stdout.write(result.to_json())
            sys.stdout.flush()
        if not quiet:
            from headroom.cli.experiment_summary import print_experiment  # noqa: PLC0415 - not needed by --quiet

            print_experiment(page, result.document)
        for path in self._paths:
            result.write(path)
        if self._plot is not None:
            result.plot(self._plot)
        for path in (*self._paths, *([] if self._plot is None else [self._plot])):
            if not quiet:
                remarks.print(Text(f"wrote {path}", "dim"), soft_wrap=True)


def simulate(experiment: Experiment, where: Where, display: RunDisplay) -> ExperimentResult:
    """Run an experiment while showing progress.

    Raises:
        HeadroomError: it failed.
        KeyboardInterrupt: the user stopped it.
    """

    def compiling(running: bool) -> None:  # noqa: FBT001 - a callback
        display.phase("compiling kernels (first run only)" if running else "simulating")

    with display:
        with many_imports():
            from headroom.cli.compiling import watching_compilation  # noqa: PLC0415 - takes a second to import
            from headroom.experiments import run_experiment  # noqa: PLC0415 - as above

        display.phase("simulating" if where.gateway is None else "submitting")
        with watching_compilation(compiling):
            return run_experiment(
                experiment,
                threads=where.threads,
                gateway=where.gateway,
                insecure=where.insecure,
                on_progress=display.experimented,
            )


def ratio_of(precision: str | None) -> float | None:
    """Return a precision such as `5%` or `0.05`.

    Raises:
        BadInputError: it is none.
    """
    if precision is None:
        return None
    try:
        found = parse_ratio(precision)
    except ValueError as error:
        message = f"precision: {error}"
        raise BadInputError(message, next_step="Write it as --precision 5%.") from error
    return found


def planned(
    plan: dict[str, Any],
    source: Source,
    loaded: LoadedScenario,
    remarks: Console,
    overrides: Sequence[str],
) -> dict[str, Any] | None:
    """Return the plan with what its files say; None after their problems were printed.

    Raises:
        BadInputError: nothing is said to vary, or to compare with.
    """
    if plan["kind"] == "compare":
        if plan["other"] is None and not plan["changes"]:
            message = "other: expected a second scenario, or --set-other PATH=VALUE, found neither"
            raise BadInputError(message, next_step="Name a file: headroom compare a.yaml b.yaml")
        second = source if plan["other"] is None else Source(Path(plan["other"]))
        other = load_or_complain(second, remarks, [*overrides, *plan["changes"]])
        return None if other is None else {"kind": "compare", "other": other.scenario.canonical()}
    own = loaded.scenario.sweep
    if plan["kind"] == "sweep" and not plan["vary"]:
        if own is None:
            message = "sweep: expected --sweep PATH=VALUES, or a part `sweep` in the scenario, found neither"
            raise BadInputError(
                message, next_step="Say what varies: --sweep 'spec.servers[0].replicas=2..10'."
            )
        return plan | {"vary": list(own.vary), "samples": plan["samples"] or own.samples}
    return plan
