"""`headroom run --precision` and `--warm-up auto`: as many trials as it takes, and what they leave out."""

from rich.text import Text

from headroom.cli import units
from headroom.cli.display import RunDisplay
from headroom.cli.experiment import Where, ratio_of, simulate
from headroom.cli.guard import BAD_INPUT, INTERRUPTED, BadInputError
from headroom.cli.loading import Source
from headroom.cli.outputs import Destinations
from headroom.cli.problems import print_problems
from headroom.cli.run import Options
from headroom.experiment_result import ExperimentResult
from headroom.result import Result
from headroom_common.experiments.asking import experiment_of
from headroom_common.scenario import Scenario
from headroom_common.scenario.problems import ScenarioError


def execute(
    gateway: str | None,
    source: Source,
    scenario: Scenario,
    options: Options,
    display: RunDisplay,
    destinations: Destinations,
) -> int:
    """Run and return the exit status.

    Args:
        gateway: URL of the gateway that simulates; None simulates here.
        source: where the scenario came from.
        scenario: what to simulate, checked.
        options: how.
        display: shows how it comes on.
        destinations: where the result goes.

    Raises:
        BadInputError: options contradict each other.
        HeadroomError: a run failed.
        OSError: an output could not be written.
    """
    for name, given in (("broker", options.broker), ("late-bound", options.late_bound)):
        if given:
            message = f"{name}: expected neither --precision nor --warm-up auto with it, found one"
            raise BadInputError(message, next_step=f"Leave --{name} out.")
    asked = {
        "trials": options.trials,
        "seed": options.seed,
        "confidence": options.confidence,
        "precision": ratio_of(options.precision),
        "most_trials": options.most_trials,
        "warm_up": options.warm_up,
    }
    try:
        experiment = experiment_of(scenario, {"kind": "replicate"}, **asked)
        found = simulate(experiment, Where(options.threads, gateway, options.insecure), display)
    except ScenarioError as error:
        print_problems(destinations.remarks, error, f"the experiment on {source.name}", None)
        return BAD_INPUT
    except KeyboardInterrupt:
        destinations.remarks.print(Text("Interrupted; nothing was written."))
        return INTERRUPTED
    status = destinations.take(Replicated(found))
    for line in remarks_on(found):
        destinations.remark(line)
    return status


class Replicated(Result):
    """The result of replications, whose report tells how many they are and why.

    Args:
        found: what the experiment found out.
    """

    def __init__(self, found: ExperimentResult) -> None:
        super().__init__(found.document["result"])
        self._found = found

    def html(self) -> str:
        """The report, with a section on precision and warm-up."""
        return self._found.html()


def remarks_on(found: ExperimentResult) -> list[str]:
    """Say how many trials it took, and what was left out."""
    document, point = found.document, found.points[0]
    lines = []
    if point["precise"] is not None:
        trials, precision = point["trials"], units.percent(document["asked"]["precision"])
        if point["precise"]:
            lines.append(f"{trials} trials until every interval was within ±{precision}")
        else:
            lines.append(f"not within ±{precision} after {trials} trials, the most allowed (--max-trials)")
    if point["warm_up"] is not None:
        cut, settled = point["warm_up"]["cut"], point["warm_up"]["settled"]
        lines.append(f"MSER-5 leaves out the first {cut:g} s (the same as --set spec.warmup={cut:g}s)")
        if not settled:
            lines.append("no steady state was found before half of the horizon: make the horizon longer")
    return lines
