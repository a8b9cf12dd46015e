"""`headroom run --gateway`: the same as without, but that a platform simulates."""

import asyncio

from rich.text import Text

from headroom.cli.display import RunDisplay
from headroom.cli.guard import BAD_INPUT, INTERRUPTED, BadInputError
from headroom.cli.loading import Source
from headroom.cli.outputs import Destinations
from headroom.cli.problems import print_problems
from headroom.cli.run import Options, what_is_kept
from headroom.client import AddressError, GatewayScenarioError
from headroom.gateway import run_at_gateway
from headroom.progress import Progress
from headroom.result import Result
from headroom_common.scenario import Scenario
from headroom_common.scenario.problems import ScenarioError
from headroom_gateway.domain.lives import RunState
from headroom_gateway.representations import Run, RunEvent


def execute(
    gateway: str,
    source: Source,
    scenario: Scenario,
    options: Options,
    display: RunDisplay,
    destinations: Destinations,
) -> int:
    """Have a gateway's platform simulate and return the exit status.

    Args:
        gateway: its URL.
        source: where the scenario came from.
        scenario: what to simulate, checked.
        options: how.
        display: shows how the run comes on.
        destinations: where the result goes.

    Raises:
        BadInputError: the URL or the key cannot be used.
        HeadroomError: the run failed.
        OSError: an output could not be written.
    """
    followed = Followed(display)
    try:
        result = _simulate(gateway, scenario, options, followed)
    except AddressError as error:
        raise BadInputError(error.message, next_step=error.next_step) from error
    except GatewayScenarioError as error:
        # Only a gateway of another version can find what was not found here.
        print_problems(
            destinations.remarks, ScenarioError(error.problems, source.name), source.name, source.text()
        )
        return BAD_INPUT
    except KeyboardInterrupt:
        destinations.remarks.print(Text(what_is_kept(followed.progress, options.trials)))
        destinations.remarks.print(Text(followed.farewell), soft_wrap=True)
        return INTERRUPTED
    if followed.cached:
        destinations.remark(f"the result of an equal run, stored at {gateway}; --no-cache runs it again")
    return destinations.take(result)


class Followed:
    """A run as it was heard of last.

    Args:
        display: shows how it comes on.

    Attributes:
        display: as given.
        progress: how far it had come; None before the first report.
    """

    def __init__(self, display: RunDisplay) -> None:
        self.display = display
        self._run: Run | None = None
        self._state = RunState.QUEUED
        self.progress: Progress | None = None

    @property
    def cached(self) -> bool:
        """Whether its result was stored before it was asked for."""
        return self._run is not None and self._run.result is not None and self._run.result.cached

    @property
    def farewell(self) -> str:
        """What became of a run that its user does not want any more."""
        if self._run is None:
            return "The gateway did not say whether it took the run."
        if self._state.active and self._state is not RunState.CANCELLING:
            return f"The gateway could not be told; stop the run: headroom runs cancel {self._run.id}"
        return f"The run is {self._state.value}; what is kept of it: headroom runs get {self._run.id}"

    def take(self, news: Run | RunEvent) -> None:
        """Take news of the run, and show them."""
        self._state = news.state
        if isinstance(news, Run):
            self._run = news
        if news.progress is not None:
            self.progress = Progress(**news.progress.model_dump())
            self.display.progressed(self.progress)
        else:
            self.display.phase(news.state.value)


def _simulate(gateway: str, scenario: Scenario, options: Options, followed: Followed) -> Result:
    """Run while showing progress.

    Raises:
        HeadroomError: the run failed.
        KeyboardInterrupt: the user stopped it.
    """
    with followed.display:
        followed.display.phase("submitting")
        return asyncio.run(
            run_at_gateway(
                scenario,
                gateway,
                trials=options.trials,
                seed=options.seed,
                segment_arrivals=options.segment_arrivals,
                late_bound=options.late_bound,
                confidence=options.confidence,
                fresh=options.fresh,
                insecure=options.insecure,
                on_news=followed.take,
            )
        )
