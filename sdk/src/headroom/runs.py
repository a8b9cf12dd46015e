"""What is asked for: the parameters of a run, checked."""

import uuid
from importlib.metadata import version

from headroom_common.contracts.events import RunParameters
from headroom_common.defaults import SEGMENT_ARRIVALS
from headroom_common.errors import PermanentError
from headroom_common.scenario import Scenario

RUNS = uuid.uuid5(uuid.NAMESPACE_DNS, "runs.headroom.dev")
"""The UUIDv5 namespace of runs."""


def run_parameters(
    scenario: Scenario,
    *,
    trials: int,
    seed: int,
    window: int = 2,
    segment_arrivals: int = SEGMENT_ARRIVALS,
    late_bound: bool = False,
    confidence: float = 0.95,
    run_id: uuid.UUID | None = None,
) -> RunParameters:
    """The parameters of a run.

    Args:
        scenario: what to simulate.
        trials: how many replications.
        seed: seed of the run.
        window: trials in flight at once.
        segment_arrivals: aim for the number of arrivals in one segment.
        late_bound: whether the server model decides all routing.
        confidence: level of the confidence intervals.
        run_id: the run; None has it follow from all that decides the result.

    Raises:
        PermanentError: an argument is out of its range.
    """
    require("trials", trials, trials >= 1, "at least 1")
    require("seed", seed, 0 <= seed < 2**64, "0 to 2^64 - 1")
    require("segment_arrivals", segment_arrivals, segment_arrivals >= 1, "at least 1")
    require("confidence", confidence, 0 < confidence < 1, "a number between 0 and 1")
    scenario_hash = scenario.content_hash()
    engine = version("headroom-analysis")
    return RunParameters(
        run_id=run_id or uuid.uuid5(RUNS, f"{scenario_hash} {seed} {trials} {confidence!r} {engine}"),
        scenario=scenario.canonical(),
        scenario_hash=scenario_hash,
        seed=seed,
        trials=trials,
        segment_arrivals=segment_arrivals,
        window=window,
        late_bound=late_bound,
        confidence=float(confidence),
    )


def require(name: str, found: object, holds: bool, expected: str) -> None:  # noqa: FBT001 - a condition
    """Refuse an argument that is out of its range.

    Raises:
        PermanentError: the condition does not hold.
    """
    if not holds:
        message = f"{name}: expected {expected}, found {found!r}"
        raise PermanentError(message, next_step=f"Give another {name}.")
