"""What keeping a part's statistics costs: ``python -m benchmarks.store [database URL …]``.

The parts of a real run are folded first, then added to the store in memory, to one in SQLite, and to one in
each database given. Milliseconds by the clock on the wall, since a database works in processes of its own,
and this process' processor time.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
import uuid
from collections import deque
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from headroom_analysis.handlers import Analysis
from headroom_analysis.storage import open_store
from headroom_analysis.store import MemoryStore
from headroom_common.contracts.event import caused_event, root_event
from headroom_common.contracts.events import RequestsCompleted, RunParameters, RunRequested
from headroom_common.scenario import Scenario
from headroom_generator.handlers import HANDLERS as GENERATOR
from headroom_router.handlers import HANDLERS as ROUTER
from headroom_server_model.handlers import HANDLERS as SERVER_MODEL

if TYPE_CHECKING:
    from headroom_analysis.domain.partials import Partial
    from headroom_analysis.plans import RunPlan
    from headroom_analysis.store import PartialStore, Standing
    from headroom_common.contracts.event import Event
    from headroom_common.contracts.events import CompletedHeader

EXAMPLE: Final = Path(__file__).resolve().parents[1] / "examples" / "balanced-fleet.yaml"
RUNS: Final = (("short trials", "120s", 16), ("long trials", "1200s", 4))
"""Name, horizon, number of trials."""
SEGMENT_ARRIVALS: Final = 32_768
ROUNDS: Final = 3


class Recording(MemoryStore):
    """A store in memory that notes what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[tuple[CompletedHeader, RunPlan, Partial]] = []

    def add(self, header: CompletedHeader, plan: RunPlan, partial: Partial) -> Standing | None:
        """Note the part and add it."""
        self.parts.append((header, plan, partial))
        return super().add(header, plan, partial)


def parts_of_a_run(horizon: str, trials: int) -> list[tuple[CompletedHeader, RunPlan, Partial]]:
    """Simulate a run and return what analysis adds to its store."""
    document = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    document["spec"]["horizon"] = horizon
    scenario = Scenario.from_dict(document)
    run = RunParameters(
        run_id=uuid.uuid4(),
        scenario=scenario.canonical(),
        scenario_hash=scenario.content_hash(),
        seed=7,
        trials=trials,
        segment_arrivals=SEGMENT_ARRIVALS,
    )
    store = Recording()
    handlers: dict[type[Any], Any] = {
        **GENERATOR,
        **ROUTER,
        **SERVER_MODEL,
        RequestsCompleted: Analysis(store).requests_completed,
    }
    source, now = "/benchmarks", datetime.now(UTC)
    events: deque[Event[Any]] = deque([root_event(RunRequested(run=run), source=source, time=now)])
    while events:
        event = events.popleft()
        handler = handlers.get(type(event.body))
        outputs = handler(event) if handler is not None else []
        events.extend(caused_event(event.envelope, output, source=source, time=now) for output in outputs)
    return store.parts


def measure(store: PartialStore, parts: list[tuple[CompletedHeader, RunPlan, Partial]]) -> tuple[float, ...]:
    """Add all parts, as a run of their own.

    Returns:
        Milliseconds: the median of ordinary parts and of completing ones, the mean of all, processor time.
    """
    name = uuid.uuid4()
    processor = time.process_time()
    taken: dict[bool, list[float]] = {False: [], True: []}
    for header, plan, partial in parts:
        renamed = header.model_copy(update={"run": header.run.model_copy(update={"run_id": name})})
        start = time.perf_counter()
        standing = store.add(renamed, plan, partial)
        assert standing is not None
        taken[standing.completed_trial].append(1000 * (time.perf_counter() - start))
    everything = taken[False] + taken[True]
    processor = 1000 * (time.process_time() - processor) / len(everything)
    return (*(statistics.median(times) for times in taken.values()), statistics.mean(everything), processor)


def main(urls: list[str]) -> None:
    """Print a table."""
    with tempfile.TemporaryDirectory() as folder:
        addresses = [f"sqlite:///{folder}/analysis.db", *urls]
        stores: dict[str, PartialStore] = {"memory": MemoryStore()}
        stores |= {address.partition(":")[0]: open_store(address) for address in addresses}
        for name, horizon, trials in RUNS:
            parts = parts_of_a_run(horizon, trials)
            print(f"{name}: {len(parts)} parts; ms per part, completing part, mean, processor time")
            for kind, store in stores.items():
                rounds = [measure(store, parts) for _ in range(ROUNDS)]
                figures = (statistics.median(column) for column in zip(*rounds, strict=True))
                print(f"  {kind:24}", *(f"{figure:8.2f}" for figure in figures))


if __name__ == "__main__":
    main(sys.argv[1:])
