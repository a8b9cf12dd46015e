"""The compiled scenarios of the runs that pass through a service."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from headroom_common.errors import PermanentError
from headroom_common.scenario.compile import CompiledScenario, compile_model
from headroom_common.scenario.model import Scenario

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from headroom_common.contracts.events import RunParameters

_V = TypeVar("_V")

_KEPT_RUNS: Final = 16


class LatestCache(Generic[_V]):
    """The values of the latest keys; another one is made again when asked for. Safe for several threads.

    What is kept is a pure function of its key, so forgetting changes no result.
    """

    def __init__(self, kept: int) -> None:
        self._kept = kept
        self._lock = Lock()
        self._values: OrderedDict[Hashable, _V] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], _V]) -> _V:
        """Return the value of a key, making it when it is not kept."""
        with self._lock:
            value = self._values.get(key)
            if value is None:
                value = make()
                self._values[key] = value
                if len(self._values) > self._kept:
                    self._values.popitem(last=False)
            self._values.move_to_end(key)
            return value


_compiled: Final[LatestCache[CompiledScenario]] = LatestCache(_KEPT_RUNS)


def compiled_run(run: RunParameters) -> CompiledScenario:
    """Return a run's scenario, compiled.

    Raises:
        PermanentError: the scenario in the run's parameters is not valid.
    """

    def make() -> CompiledScenario:
        try:
            scenario = Scenario.from_dict(run.scenario)
        except PermanentError:
            raise
        except ValueError as error:
            message = f"run {run.run_id}: the scenario is not valid: {error}"
            raise PermanentError(message, next_step="Submit the run again with a valid scenario.") from error
        return compile_model(scenario, late_bound=run.late_bound)

    return _compiled.get((run.run_id, run.late_bound), make)
