import io
import sys
from typing import Any

import pytest
from rich.console import Console

from headroom.cli.consoles import consoles
from headroom.cli.guard import BAD_INPUT, FAILED, INTERRUPTED, BadInputError, guarded
from headroom.cli.problems import excerpt, headline, print_problems, problem_as_json
from headroom_common.errors import PermanentError
from headroom_common.scenario.problems import Problem, ScenarioError

TEXT = "kind: Scenario\nspec:\n  horizon: 60\n"
HORIZON = Problem("spec.horizon", 3, 12, "a duration such as 12ms", "60", "write 60s")


def printed(console: Console, *problems: Problem, text: str | None = TEXT) -> str:
    print_problems(console, ScenarioError(problems, "a.yaml"), "a.yaml", text)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def terminal() -> Console:
    return Console(file=io.StringIO(), width=80, force_terminal=True, no_color=True, _environ={})


def test_a_problem_is_one_line_that_editors_understand() -> None:
    plain = Console(file=io.StringIO(), width=40)
    assert printed(plain, HORIZON) == (
        "a.yaml:3: spec.horizon: expected a duration such as 12ms, found 60 (write 60s)\n"
        "1 problem in a.yaml\n"
    )


def test_a_terminal_shows_the_line_and_a_caret_below_the_column() -> None:
    lines = [line for line in printed(terminal(), HORIZON).replace("\x1b[1m", "").split("\n") if "│" in line]
    source, caret = (line.replace("\x1b[0m", "").replace("\x1b[2m", "") for line in lines)
    assert source == "     3 │   horizon: 60"
    assert caret.index("^") == source.index("60")


def test_a_file_that_cannot_be_shown_is_reported_all_the_same() -> None:
    assert "a.yaml:3: " in printed(terminal(), HORIZON, text=None)
    assert "│" not in printed(terminal(), HORIZON, text="shorter than it was\n")


def test_a_problem_of_an_override_blames_the_option() -> None:
    problem = Problem("spec.horizon", None, None, "a duration", "60", override="spec.horizon=60")
    assert headline(problem, "a.yaml").plain.startswith("--set spec.horizon=60: spec.horizon: expected")
    assert "│" not in printed(terminal(), problem)


def test_a_problem_of_the_whole_document_has_neither_path_nor_line() -> None:
    problem = Problem("", None, None, "a scenario", "an empty document")
    assert headline(problem, "a.yaml").plain == "a.yaml: expected a scenario, found an empty document"


def test_tabs_do_not_move_the_caret() -> None:
    shown = excerpt(Problem("x", 1, 3, "a", "b"), ["\t\tx: 1"]).plain.splitlines()
    assert shown[1].index("^") == shown[0].index("x")


def test_a_problem_as_plain_data_has_the_whole_message() -> None:
    data = problem_as_json(HORIZON)
    assert data["path"] == "spec.horizon"
    assert data["message"] == str(HORIZON)


def failing(error: BaseException) -> Any:
    def execute() -> int:
        raise error

    return execute


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (BadInputError("bad", next_step="mend it"), BAD_INPUT, "error: bad\n  → mend it\n"),
        (PermanentError("broken"), FAILED, "error: broken\n"),
        (FileNotFoundError(2, "No such file", "x.json"), FAILED, "error: x.json: No such file\n  → Check"),
        (OSError("odd"), FAILED, "error: odd\n"),
        (ZeroDivisionError("division"), FAILED, "error: ZeroDivisionError: division\n  → This is a fault of"),
        (
            KeyboardInterrupt(),
            INTERRUPTED,
            "Interrupted; files that were reported as written are complete.\n",
        ),
    ],
)
def test_every_failure_ends_with_a_sentence_and_a_status(
    capsys: pytest.CaptureFixture[str], error: BaseException, status: int, said: str
) -> None:
    assert guarded(failing(error), debug=False) == status
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(said)
    assert "Traceback" not in err


@pytest.mark.usefixtures("structlog_as_it_was")
def test_debug_shows_the_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(failing(ZeroDivisionError("division")), debug=True) == FAILED
    assert "Traceback" in capsys.readouterr().err


def test_success_passes_the_status_on() -> None:
    assert guarded(lambda *, answer: answer, debug=False, answer=1) == 1


def test_stdout_is_for_results_unless_a_document_goes_there() -> None:
    page, remarks = consoles()
    assert (page.file, remarks.file) == (sys.stdout, sys.stderr)
    page, remarks = consoles(json_on_stdout=True)
    assert page is remarks
    assert page.file is sys.stderr


def test_a_stream_that_knows_ascii_only_gets_question_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    page, _ = consoles()
    page.print("✔ █ fine")
    page.file.flush()
    assert raw.getvalue() == b"? ? fine\n"
