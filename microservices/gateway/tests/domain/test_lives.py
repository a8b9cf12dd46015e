"""The life of a run: every news in every state, and whatever order they come in."""

from dataclasses import replace
from typing import Final

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from headroom_gateway.domain.lives import (
    UNANSWERED,
    CancelAsked,
    Completed,
    Failed,
    Life,
    Message,
    News,
    Progressed,
    RunState,
    Stalled,
    Started,
    Stopped,
    change,
)

QUEUED, RUNNING, CANCELLING = RunState.QUEUED, RunState.RUNNING, RunState.CANCELLING
COMPLETED, FAILED, CANCELLED = RunState.COMPLETED, RunState.FAILED, RunState.CANCELLED

NEWS: Final[dict[str, News]] = {
    "started": Started(),
    "progressed": Progressed(1, 10, 2.0, "trial 0"),
    "completed": Completed("whole"),
    "stopped": Stopped(1, "part"),
    "stopped empty": Stopped(0, None),
    "failed": Failed("out of memory", "spec.servers[0]"),
    "cancel": CancelAsked(),
    "stalled": Stalled(900.0),
}

EXPECTED: Final = {
    (QUEUED, "started"): (RUNNING, Message.REQUESTED),
    (QUEUED, "cancel"): (CANCELLED, None),
    (RUNNING, "progressed"): (RUNNING, None),
    (RUNNING, "completed"): (COMPLETED, None),
    (RUNNING, "stopped"): (CANCELLED, None),
    (RUNNING, "stopped empty"): (CANCELLED, None),
    (RUNNING, "failed"): (FAILED, Message.CANCELLED),
    (RUNNING, "cancel"): (CANCELLING, Message.CANCELLED),
    (RUNNING, "stalled"): (FAILED, Message.CANCELLED),
    (CANCELLING, "completed"): (COMPLETED, None),
    (CANCELLING, "stopped"): (CANCELLED, None),
    (CANCELLING, "stopped empty"): (CANCELLED, None),
    (CANCELLING, "stalled"): (CANCELLED, None),
    (FAILED, "stopped"): (FAILED, None),
    (CANCELLED, "stopped"): (CANCELLED, None),
}
"""State and message that follow; nothing follows from all the others."""


@pytest.mark.parametrize("name", NEWS)
@pytest.mark.parametrize("state", RunState)
def test_every_news_in_every_state(state: RunState, name: str) -> None:
    life = Life(state, result_hash="known" if state is COMPLETED else None)
    changed = change(life, NEWS[name])
    found = None if changed is None else (changed.life.state, changed.message)
    assert found == EXPECTED.get((state, name))


def test_a_run_that_is_started_notes_it() -> None:
    changed = change(Life(QUEUED), Started())
    assert changed is not None
    assert changed.life == Life(RUNNING, last_event="run.requested")


def test_progress_tells_how_far_it_is_and_what_was_heard() -> None:
    changed = change(Life(RUNNING, last_event="run.requested"), Progressed(2, 40, 3.5, "trial 1"))
    assert changed is not None
    assert changed.life == Life(RUNNING, 2, 40, 3.5, last_event="run.progressed trial 1")


@pytest.mark.parametrize(
    ("trials_done", "requests", "simulated_s"), [(2, 40, 3.5), (2, 39, 3.5), (1, 60, 4.0), (0, 0, 0.0)]
)
def test_progress_that_is_known_already_changes_nothing(
    trials_done: int, requests: int, simulated_s: float
) -> None:
    known = Life(RUNNING, 2, 40, 3.5, last_event="run.progressed trial 1")
    assert change(known, Progressed(trials_done, requests, simulated_s, "late")) is None


def test_no_number_of_the_progress_goes_back() -> None:
    changed = change(Life(RUNNING, 2, 40, 3.5), Progressed(3, 30, 3.0, "trial 2"))
    assert changed is not None
    assert (changed.life.trials_done, changed.life.requests, changed.life.simulated_s) == (3, 40, 3.5)


def test_whoever_cancels_too_late_gets_all_of_it() -> None:
    changed = change(Life(CANCELLING, 2, 40, 3.5), Completed("whole"))
    assert changed is not None
    assert (changed.life.state, changed.life.result_hash) == (COMPLETED, "whole")


def test_a_run_that_stopped_keeps_what_it_has() -> None:
    changed = change(Life(CANCELLING, 5, 40, 3.5), Stopped(4, "part"))
    assert changed is not None
    assert changed.life == Life(CANCELLED, 4, 40, 3.5, result_hash="part")


@pytest.mark.parametrize("state", [FAILED, CANCELLED])
def test_a_partial_result_that_comes_late_is_kept_once(state: RunState) -> None:
    ended = Life(state, 1, 10, 2.0, failure_reason="stalled")
    changed = change(ended, Stopped(1, "part"))
    assert changed is not None
    assert changed.life == replace(ended, result_hash="part")
    assert change(changed.life, Stopped(1, "part")) is None
    assert change(changed.life, Stopped(1, "another")) is None


def test_a_failure_says_why_and_where() -> None:
    changed = change(Life(RUNNING), Failed("a rate is too high", "spec.workloads[0]"))
    assert changed is not None
    assert (changed.life.failure_reason, changed.life.failure_field) == (
        "a rate is too high",
        "spec.workloads[0]",
    )


def test_a_stalled_run_names_the_last_that_was_heard_of_it() -> None:
    changed = change(Life(RUNNING, last_event="run.progressed trial 3, 2 of 9 trials done"), Stalled(900))
    assert changed is not None
    assert changed.life.failure_reason == (
        "no progress for 900 s; the last that was heard of it: run.progressed trial 3, 2 of 9 trials done"
    )


def test_a_cancellation_that_nobody_answers_ends_nevertheless() -> None:
    changed = change(Life(CANCELLING), Stalled(900))
    assert changed is not None
    assert changed.life == Life(CANCELLED, failure_reason=UNANSWERED)


hashes = st.sampled_from(["a", "b", "c"])
news: st.SearchStrategy[News] = st.one_of(
    st.builds(Started),
    st.builds(CancelAsked),
    st.builds(
        Progressed, st.integers(0, 5), st.integers(0, 50), st.floats(0, 10), st.sampled_from(["one", "two"])
    ),
    st.builds(Completed, hashes),
    st.builds(Stopped, st.integers(0, 5), st.none() | hashes),
    st.builds(Failed, st.just("broken"), st.none() | st.just("spec")),
    st.builds(Stalled, st.floats(1, 1000)),
)


class AnyNews(RuleBasedStateMachine):
    """A run that hears anything: late, doubled, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.life = Life(QUEUED)
        self.before = self.life
        self.heard: list[News] = []
        self.messages: list[Message] = []

    @rule(one=news)
    def hear(self, one: News) -> None:
        self.heard.append(one)
        self._apply(one)

    @rule(data=st.data())
    def hear_again(self, data: st.DataObject) -> None:
        if self.heard:
            self._apply(data.draw(st.sampled_from(self.heard)))

    def _apply(self, one: News) -> None:
        self.before = self.life
        changed = change(self.life, one)
        if changed is None:
            return
        assert changed.life != self.life, "what changes nothing is no change"
        self.life = changed.life
        if changed.message is not None:
            self.messages.append(changed.message)

    @invariant()
    def an_end_is_final(self) -> None:
        if not self.before.state.active:
            assert self.life.state is self.before.state

    @invariant()
    def a_result_is_never_lost_or_changed(self) -> None:
        if self.before.result_hash is not None:
            assert self.life.result_hash == self.before.result_hash
        if self.life.state is COMPLETED:
            assert self.life.result_hash is not None

    @invariant()
    def progress_of_a_running_one_never_goes_back(self) -> None:
        if self.life.state is RUNNING:
            for name in ("trials_done", "requests", "simulated_s"):
                assert (getattr(self.life, name) or 0) >= (getattr(self.before, name) or 0)

    @invariant()
    def every_message_is_sent_once_and_in_order(self) -> None:
        assert self.messages in ([], [Message.REQUESTED], [Message.REQUESTED, Message.CANCELLED])

    @invariant()
    def whoever_failed_knows_why(self) -> None:
        if self.life.state is FAILED:
            assert self.life.failure_reason
            assert Message.CANCELLED in self.messages


TestAnyNews = AnyNews.TestCase
