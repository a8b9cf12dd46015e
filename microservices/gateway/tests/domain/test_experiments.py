"""The life of an experiment, in every order that news may come in."""

from hypothesis import given
from hypothesis import strategies as st

from headroom_gateway.domain.experiments import (
    Advanced,
    Broken,
    EndAsked,
    ExperimentLife,
    ExperimentNews,
    Found,
    RunsEnded,
    Wanted,
    change_experiment,
)
from headroom_gateway.domain.lives import RunState

NEWS: st.SearchStrategy[ExperimentNews] = st.one_of(
    st.builds(Wanted, st.integers(0, 9), st.integers(1, 9), st.integers(1, 99)),
    st.builds(Advanced, st.integers(0, 9), st.integers(0, 99), st.integers(0, 999)),
    st.builds(Found, st.integers(1, 9), st.just("hash")),
    st.builds(Broken, st.just("it broke"), st.none() | st.just("spec.horizon")),
    st.just(EndAsked()),
    st.just(RunsEnded()),
)
QUEUED = ExperimentLife(RunState.QUEUED)


def after(*news: ExperimentNews) -> ExperimentLife:
    """Return a new experiment after news; each changes it."""
    life = QUEUED
    for one in news:
        changed = change_experiment(life, one)
        assert changed is not None
        life = changed
    return life


def test_rounds_add_up_until_something_is_found() -> None:
    life = after(
        Wanted(2, 2, 20), Advanced(2, 20, 800), Wanted(3, 1, 10), Advanced(3, 30, 1200), Found(3, "hash")
    )
    assert life == ExperimentLife(
        RunState.COMPLETED,
        rounds=2,
        points=3,
        runs=3,
        trials=30,
        runs_done=3,
        trials_done=30,
        requests=1200,
        document_hash="hash",
    )


def test_an_experiment_that_breaks_says_why() -> None:
    for life in (after(Broken("no", "spec")), after(Wanted(1, 1, 1), Broken("no", "spec"))):
        assert life.state is RunState.FAILED
        assert (life.failure_reason, life.failure_field) == ("no", "spec")


def test_a_cancelled_experiment_waits_for_its_runs_if_there_are_any() -> None:
    assert after(EndAsked()).state is RunState.CANCELLED
    cancelling = after(Wanted(1, 1, 1), EndAsked())
    assert cancelling.state is RunState.CANCELLING
    for late in (Wanted(1, 1, 1), Found(1, "hash"), Broken("no"), EndAsked(), Advanced(1, 1, 1)):
        assert change_experiment(cancelling, late) is None
    assert after(Wanted(1, 1, 1), EndAsked(), RunsEnded()).state is RunState.CANCELLED


@given(st.lists(NEWS, max_size=20))
def test_nothing_goes_back_and_nothing_follows_an_end(news: list[ExperimentNews]) -> None:
    life = QUEUED
    for one in news:
        later = change_experiment(life, one)
        if later is None:
            continue
        assert later != life
        assert life.state.active, "what has ended changes no more"
        for name in ("rounds", "runs", "trials", "runs_done", "trials_done", "requests"):
            assert getattr(later, name) >= getattr(life, name)
        life = later
        assert (life.document_hash is not None) == (life.state is RunState.COMPLETED)
        assert (life.failure_reason is not None) == (life.state is RunState.FAILED)


@given(
    st.lists(NEWS, max_size=8), st.builds(Advanced, st.integers(0, 9), st.integers(0, 99), st.integers(0, 9))
)
def test_progress_that_is_known_changes_nothing(news: list[ExperimentNews], progress: Advanced) -> None:
    life = QUEUED
    for one in [*news, progress]:
        life = change_experiment(life, one) or life
    assert change_experiment(life, progress) is None
