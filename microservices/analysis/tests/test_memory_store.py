"""The store in memory forgets, so that it stays small."""

from analysis_testing.adding import Run

from headroom_analysis.store import MemoryStore, Standing, Stopped


def finish(store: MemoryStore, run: Run) -> Standing | None:
    return run.try_to_add(store, (0, 0, 0), segments=1)


def test_old_finished_runs_are_forgotten_for_good() -> None:
    store = MemoryStore(keep_finished=2)
    runs = [Run(1) for _ in range(3)]
    for run in runs:
        standing = finish(store, run)
        assert standing is not None
        assert standing.finished is not None
    assert finish(store, runs[0]) is None
    for run in runs[1:]:
        standing = finish(store, run)
        assert standing is not None
        assert standing.finished is not None


def test_old_partial_results_are_forgotten() -> None:
    store = MemoryStore(keep_finished=2)
    runs = [Run(2) for _ in range(3)]
    for run in runs:
        finish(store, run)
        store.stop(run.parameters.run_id)
    again = [store.stop(run.parameters.run_id) for run in runs]
    assert again[0] == Stopped(1)
    assert all(one is not None and one.result is not None for one in again[1:])


def test_a_forgotten_finished_run_is_not_stopped() -> None:
    store = MemoryStore(keep_finished=1)
    runs = [Run(1) for _ in range(2)]
    for run in runs:
        finish(store, run)
    assert [store.stop(run.parameters.run_id) for run in runs] == [None, None]


def test_the_names_of_forgotten_runs_are_bounded() -> None:
    store = MemoryStore(keep_names=2)
    runs = [Run(1) for _ in range(3)]
    for run in runs:
        store.discard(run.parameters.run_id)
    assert finish(store, runs[2]) is None
    assert finish(store, runs[0]) is not None
