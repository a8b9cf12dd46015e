"""The commands that run experiments: what each of them takes."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any, Final, Literal, get_type_hints
from uuid import UUID

import typer

from headroom.cli.options import (
    AsJson,
    At,
    Confidence,
    Debug,
    Gateway,
    Insecure,
    MostTrials,
    NoProgress,
    Outputs,
    Overrides,
    Plot,
    Precision,
    Quiet,
    Scenario,
    Seed,
    Threads,
    Trials,
    WarmUp,
    do,
)

Vary = Annotated[
    list[str],
    typer.Option(
        "--vary",
        metavar="PATH=VALUES",
        help="What varies: a list 1,2,4, whole numbers 2..10, or a range with a count 10ms..50ms:5 "
        "(:log5 for one in the logarithm). Repeatable.",
    ),
]

ExperimentId = Annotated[
    UUID, typer.Argument(metavar="ID", help="Id of an experiment, as `headroom experiments list` shows it.")
]

experiments = typer.Typer(
    help="Look after the experiments of a gateway.", no_args_is_help=True, rich_markup_mode=None
)


def _options(  # noqa: PLR0913 - each parameter is an option
    *,
    trials: Trials = 10,
    precision: Precision = None,
    most_trials: MostTrials = 200,
    warm_up: WarmUp = "scenario",
    seed: Seed = 1,
    confidence: Confidence = 0.95,
    overrides: Overrides = [],  # noqa: B006 - typer copies it
    outputs: Outputs = [],  # noqa: B006 - typer copies it
    plot: Plot = None,
    threads: Threads = None,
    gateway: At = None,
    insecure: Insecure = False,
    quiet: Quiet = False,
    no_progress: NoProgress = False,
    debug: Debug = False,
) -> None:
    """What every experiment takes; its signature alone is used."""


_SHARED: Final = inspect.signature(_options).parameters


def _experiment(command: Callable[..., dict[str, Any]]) -> Callable[..., None]:
    """Give a command the options that every experiment takes.

    Args:
        command: takes a file and its own options; returns the plan, a mapping with its kind.
    """
    own = inspect.signature(command)

    @wraps(command)
    def run(**given: Any) -> None:  # noqa: ANN401 - whatever the options are
        how = {name: given.pop(name) for name in _SHARED}
        no_progress, debug = how.pop("no_progress"), how.pop("debug")
        plan = command(**given)
        progress = not (no_progress or how["quiet"])
        do("experiment", debug=debug, file=given["file"], plan=plan, progress=progress, **how)

    parameters = [*own.parameters.values(), *_SHARED.values()]
    hints = get_type_hints(command, include_extras=True) | get_type_hints(_options, include_extras=True)
    vars(run)["__signature__"] = own.replace(parameters=parameters, return_annotation=None)
    run.__annotations__ = hints | {"return": None}
    del vars(run)["__wrapped__"]  # typer would look behind it
    return run


@_experiment
def sweep(
    file: Scenario,  # noqa: ARG001 - read by the wrapper
    *,
    vary: Annotated[
        list[str],
        typer.Option(
            "--sweep",
            "--vary",
            metavar="PATH=VALUES",
            help="What varies: a list 1,2,4, whole numbers 2..10, or a range with a count 10ms..50ms:5 "
            "(:log5 for one in the logarithm). Repeatable; by default what the scenario says under sweep.",
        ),
    ] = [],  # noqa: B006 - typer copies it
    samples: Annotated[
        int | None,
        typer.Option(
            "--samples", min=2, max=10_000, help="So many points of a Latin hypercube, not all combinations."
        ),
    ] = None,
) -> dict[str, Any]:
    """Simulate a scenario at many points: all combinations of values, or a sample of them."""
    return {"kind": "sweep", "vary": vary, "samples": samples}


@_experiment
def capacity(
    file: Scenario,  # noqa: ARG001 - read by the wrapper
    *,
    vary: Annotated[
        str,
        typer.Option(
            "--vary",
            metavar="PATH[=LOW..HIGH]",
            help="What to find the limit of: spec.workloads[0].rate, or spec.servers[0].replicas=1..20.",
        ),
    ],
    objectives: Annotated[
        list[str],
        typer.Option(
            "--objective",
            metavar="SENTENCE",
            help="What has to hold: 'latency.p99 below 250ms'; by default the scenario's. Repeatable.",
        ),
    ] = [],  # noqa: B006 - typer copies it
    find: Annotated[
        Literal["largest", "smallest"] | None,
        typer.Option("--find", help="Which end to find; by default the largest load or smallest resource."),
    ] = None,
    tolerance: Annotated[
        float,
        typer.Option("--tolerance", min=0.0001, max=0.5, help="How close to the limit; 0.01 is a hundredth."),
    ] = 0.01,
) -> dict[str, Any]:
    """Find the largest load, or the smallest resource, with which the objectives hold."""
    return {
        "kind": "capacity",
        "vary": vary,
        "objectives": objectives,
        "find": find,
        "tolerance": tolerance,
    }


@_experiment
def compare(
    file: Scenario,  # noqa: ARG001 - read by the wrapper
    other: Annotated[
        str | None,
        typer.Argument(
            metavar="[OTHER]", help="The scenario to compare with; by default FILE. --set changes both."
        ),
    ] = None,
    *,
    changes: Annotated[
        list[str],
        typer.Option(
            "--set-other",
            metavar="PATH=VALUE",
            help="Change a value of the other scenario alone. Repeatable.",
        ),
    ] = [],  # noqa: B006 - typer copies it
) -> dict[str, Any]:
    """Compare two scenarios on the same random numbers: what differs, by how much, and how surely."""
    return {"kind": "compare", "other": other, "changes": changes}


@_experiment
def sensitivity(
    file: Scenario,  # noqa: ARG001 - read by the wrapper
    *,
    vary: Vary,
    metric: Annotated[
        str,
        typer.Option(
            "--metric", help="What the parameters move, such as latency.p99 or utilisation of server app."
        ),
    ] = "latency.p99",
    method: Annotated[
        Literal["morris", "sobol"],
        typer.Option("--method", help="Morris screens with few points; Sobol shares out the variance."),
    ] = "morris",
    samples: Annotated[
        int | None,
        typer.Option(
            "--samples",
            min=2,
            max=4_096,
            help="Trajectories of Morris (10), or Sobol's base sample (64, a power of two).",
        ),
    ] = None,
) -> dict[str, Any]:
    """Find out which parameters move a metric most."""
    return {"kind": "sensitivity", "vary": vary, "metric": metric, "method": method, "samples": samples}


@experiments.command("list")
def list_experiments(
    *,
    state: Annotated[
        Literal["running", "cancelling", "completed", "failed", "cancelled"] | None,
        typer.Option("--state", help="Those in this state."),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most so many.")] = 20,
    gateway: Gateway = None,
    insecure: Insecure = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """List experiments, newest first."""
    chosen = {"state": state, "limit": limit, "as_json": as_json}
    do("experiments", "list_", debug=debug, gateway=gateway, insecure=insecure, **chosen)


@experiments.command("get")
def get_experiment(
    experiment_id: ExperimentId,
    *,
    outputs: Outputs = [],  # noqa: B006 - typer copies it
    plot: Plot = None,
    gateway: Gateway = None,
    insecure: Insecure = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Show an experiment and what it found out."""
    chosen = {"experiment_id": experiment_id, "outputs": outputs, "plot": plot, "as_json": as_json}
    do("experiments", "get", debug=debug, gateway=gateway, insecure=insecure, **chosen)


@experiments.command("watch")
def watch_experiment(
    experiment_id: ExperimentId,
    *,
    outputs: Outputs = [],  # noqa: B006 - typer copies it
    plot: Plot = None,
    gateway: Gateway = None,
    insecure: Insecure = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Show how an experiment comes on, then what it found out. Ctrl-C leaves it alone."""
    chosen = {"experiment_id": experiment_id, "outputs": outputs, "plot": plot, "quiet": quiet}
    do("experiments", "watch", debug=debug, gateway=gateway, insecure=insecure, **chosen)


@experiments.command("cancel")
def cancel_experiment(
    experiment_id: ExperimentId, *, gateway: Gateway = None, insecure: Insecure = False, debug: Debug = False
) -> None:
    """Stop an experiment and its runs."""
    do("experiments", "cancel", debug=debug, gateway=gateway, insecure=insecure, experiment_id=experiment_id)


@experiments.command("delete")
def delete_experiment(
    experiment_id: ExperimentId, *, gateway: Gateway = None, insecure: Insecure = False, debug: Debug = False
) -> None:
    """Delete an experiment that has ended, with its runs."""
    do("experiments", "delete", debug=debug, gateway=gateway, insecure=insecure, experiment_id=experiment_id)
