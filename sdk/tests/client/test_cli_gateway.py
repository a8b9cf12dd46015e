"""The commands of a gateway's users, against a gateway whose answers the test writes."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from client_testing.samples import NOW, RUN_ID, STORED, a_run, news
from client_testing.server import Answer, SmallGateway, events, problem
from headroom_servers.processes import free_port
from typer.testing import CliRunner, Result

import headroom
from headroom.cli.main import app
from headroom_common.scenario import Scenario
from headroom_common.scenario.writing import to_yaml
from headroom_gateway.domain.lives import RunState
from headroom_gateway.representations import CreatedKey, Failure, KeyList, RunPage, Scope

RUN = f"/runs/{RUN_ID}"
SECRET = "hr_very-secret-0123456789"  # noqa: S105 - made up
HEADROOM = Path(sys.executable).with_name("headroom")
NO_ROOM = Failure(reason="no room", field="spec.horizon")
Command = Callable[..., Result]


@pytest.fixture
def command(gateway: SmallGateway) -> Command:
    runner = CliRunner(env={"COLUMNS": "150", "NO_COLOR": "1", "HEADROOM_GATEWAY": gateway.url})

    def call(*arguments: str, **options: Any) -> Result:
        return runner.invoke(app, arguments, **options)

    return call


@pytest.fixture
def file(tmp_path: Path, small_scenario: Scenario) -> str:
    path = tmp_path / "small.yaml"
    path.write_text(to_yaml(small_scenario))
    return str(path)


@pytest.fixture
def document(documents: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    return documents(verdict="pass")


@pytest.fixture
def completing(gateway: SmallGateway, document: dict[str, Any]) -> SmallGateway:
    """A gateway that takes a run and completes it."""
    gateway.on("POST", "/runs", Answer(a_run(), 202))
    told = [news(1, RunState.QUEUED), news(2, RunState.RUNNING, 2), news(3, RunState.COMPLETED)]
    gateway.on("GET", f"{RUN}/events", events(told))
    gateway.on("GET", RUN, Answer(a_run(RunState.COMPLETED, result=STORED)))
    gateway.on("GET", f"{RUN}/results", Answer(document))
    return gateway


def words(text: str) -> str:
    return " ".join(text.split())


def test_a_run_at_a_gateway_looks_like_any_other(
    completing: SmallGateway, command: Command, file: str, tmp_path: Path, document: dict[str, Any]
) -> None:
    target = tmp_path / "result.json"
    done = command("run", file, "-n", "4", "--gateway", completing.url, "-o", str(target))
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("✔ PASS  two-servers")
    assert f"wrote {target}" in done.stderr
    assert "equal run" not in done.stderr
    assert target.read_text() == headroom.Result(document).to_json()
    assert completing.asked[0].body["trials"] == 4


def test_the_environment_names_the_gateway_and_a_broker_goes_before_it(
    completing: SmallGateway, command: Command, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert command("run", file, "-q").exit_code == 0
    assert len(completing.requests("POST", "/runs")) == 1
    monkeypatch.setattr("headroom.remote.PATIENCE", 0.1)
    done = command("run", file, "-q", "--broker", f"amqp://guest:guest@127.0.0.1:{free_port()}/")
    assert "broker: expected one" in done.stderr
    assert len(completing.requests("POST", "/runs")) == 1


def test_a_stored_result_is_told_and_can_be_refused(
    completing: SmallGateway, command: Command, file: str
) -> None:
    known = STORED.model_copy(update={"cached": True})
    completing.on("POST", "/runs", Answer(a_run(RunState.COMPLETED, result=known), 201))
    done = command("run", file)
    assert "the result of an equal run" in done.stderr
    assert completing.requests("GET", f"{RUN}/events") == []
    assert "equal run" not in command("run", file, "--quiet", "--no-cache").stderr
    assert [one.headers["Cache-Control"] for one in completing.requests("POST", "/runs")] == [
        None,
        "no-cache",
    ]


def test_a_missed_objective_is_exit_status_1(
    completing: SmallGateway, command: Command, file: str, documents: Callable[..., dict[str, Any]]
) -> None:
    completing.on("GET", f"{RUN}/results", Answer(documents()))
    assert command("run", file, "-q").exit_code == 1
    assert command("runs", "watch", str(RUN_ID), "-q").exit_code == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--gateway", "http://x", "--broker", "amqp://x"], "expected --gateway or --broker, found both"),
        (["--gateway", "host:8100"], "expected http:// or https://"),
        (["--gateway", "https://u:p@host"], "expected http:// or https://"),
        (["-o", "nowhere/result.json"], "expected an existing folder"),
        (["--set", "spec.servers[0].corse=4"], "spec.servers[0].corse"),
    ],
)
def test_bad_input_is_found_before_the_gateway_is_asked(
    gateway: SmallGateway, command: Command, file: str, options: list[str], said: str
) -> None:
    done = command("run", file, *options)
    assert done.exit_code == 2, done.output
    assert said in words(done.stderr)
    assert gateway.asked == []


def test_stored_results_are_a_gateways_matter(
    command: Command, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = command("run", file, "--no-cache", env={"HEADROOM_GATEWAY": None})
    assert done.exit_code == 2
    assert "expected with --gateway" in done.stderr
    monkeypatch.setenv("HEADROOM_KEY", SECRET)
    done = command("run", file, "--gateway", "http://10.1.2.3:8100")
    assert done.exit_code == 2
    assert "expected https://" in done.stderr
    assert SECRET not in done.output


def test_problems_that_only_the_gateway_finds_are_listed_as_any_other(
    gateway: SmallGateway, command: Command, file: str
) -> None:
    fault = {"field": "spec.horizon", "message": "m", "expected": "less", "found": "10s"}
    gateway.on("POST", "/runs", problem(422, "invalid-scenario", "1 problem", errors=[fault]))
    done = command("run", file)
    assert done.exit_code == 2
    assert f"{file}: spec.horizon: expected less, found 10s" in done.stderr


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (
            a_run(RunState.FAILED, failure=Failure(reason="no room", field="spec.horizon")),
            "spec.horizon: no room",
        ),
        (a_run(RunState.CANCELLED), "found it cancelled"),
    ],
)
def test_a_run_that_does_not_complete_is_exit_status_3(
    completing: SmallGateway, command: Command, file: str, run: Any, said: str
) -> None:
    completing.on("GET", f"{RUN}/events", events([news(1, run.state)]))
    completing.on("GET", RUN, Answer(run))
    for arguments in (["run", file], ["runs", "watch", str(RUN_ID)]):
        done = command(*arguments)
        assert done.exit_code == 3
        assert said in done.stderr


@pytest.mark.parametrize("arguments", [["run", "FILE"], ["runs", "list"], ["keys", "list"]])
def test_a_gateway_that_refuses_is_exit_status_3(
    gateway: SmallGateway, command: Command, file: str, arguments: list[str]
) -> None:
    for method, path in (("POST", "/runs"), ("GET", "/runs"), ("GET", "/keys")):
        gateway.on(method, path, problem(401, detail="Unknown key."))
    done = command(*(file if word == "FILE" else word for word in arguments), env={"HEADROOM_KEY": SECRET})
    assert done.exit_code == 3
    assert "Unknown key." in done.stderr
    assert "headroom login" in done.stderr
    assert SECRET not in done.output


def _started(gateway: SmallGateway, *arguments: str) -> "subprocess.Popen[str]":
    environment = {**os.environ, "HEADROOM_GATEWAY": gateway.url, "COLUMNS": "150"}
    return subprocess.Popen(  # noqa: S603 - our own command
        [HEADROOM, *arguments], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def _interrupted(gateway: SmallGateway, process: "subprocess.Popen[str]", method: str, path: str) -> str:
    """Press Ctrl-C once the gateway was asked for something, and return what the command says then."""
    deadline = time.monotonic() + 120
    while not gateway.requests(method, path):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "Traceback" not in said
    return said


def test_ctrl_c_cancels_the_run(gateway: SmallGateway, file: str, tmp_path: Path) -> None:
    gateway.on("POST", "/runs", Answer(a_run(), 202))
    gateway.on("GET", f"{RUN}/events", events([news(1, RunState.RUNNING, 1)], held=True))
    gateway.on("POST", f"{RUN}/cancel", Answer(a_run(RunState.CANCELLING), 202))
    target = tmp_path / "result.json"
    said = _interrupted(gateway, _started(gateway, "run", file, "-o", str(target)), "GET", f"{RUN}/events")
    assert "nothing was written" in said
    assert f"The run is cancelling; what is kept of it: headroom runs get {RUN_ID}" in said
    assert len(gateway.requests("POST", f"{RUN}/cancel")) == 1
    assert not target.exists()


def test_ctrl_c_that_the_gateway_does_not_hear_of_is_told(gateway: SmallGateway, file: str) -> None:
    gateway.on("POST", "/runs", Answer(a_run(), 202))
    gateway.on("GET", f"{RUN}/events", events([], held=True))
    gateway.on("POST", f"{RUN}/cancel", problem(500))
    said = _interrupted(gateway, _started(gateway, "run", file), "GET", f"{RUN}/events")
    assert f"headroom runs cancel {RUN_ID}" in said


def test_ctrl_c_while_watching_leaves_the_run_alone(gateway: SmallGateway) -> None:
    gateway.on("GET", f"{RUN}/events", events([], held=True))
    said = _interrupted(gateway, _started(gateway, "runs", "watch", str(RUN_ID)), "GET", f"{RUN}/events")
    assert "the run goes on" in said
    assert {one.method for one in gateway.asked} == {"GET"}


def test_runs_are_listed(gateway: SmallGateway, command: Command) -> None:
    gateway.on("GET", "/runs", Answer(RunPage(items=[])))
    assert command("runs", "list").stdout == "No runs.\n"
    progress = news(1, RunState.RUNNING, 1).progress
    items = [a_run(RunState.COMPLETED, result=STORED), a_run(RunState.RUNNING, progress=progress)]
    gateway.on("GET", "/runs", Answer(RunPage(items=items)))
    done = command("runs", "list", "--state", "running", "--limit", "2")
    assert done.exit_code == 0
    assert gateway.asked[-1].query == {"state": ["running"], "limit": ["2"]}
    lines = done.stdout.splitlines()
    assert [part in lines[1] for part in ("small", str(RUN_ID), "completed", "✔", "tester")] == [True] * 5
    assert "running 25 %" in lines[2]
    assert json.loads(command("runs", "list", "--json").stdout)[0]["id"] == str(RUN_ID)
    assert command("runs", "list", "--state", "done").exit_code == 2


def test_a_run_is_shown_with_its_result(
    completing: SmallGateway, command: Command, tmp_path: Path, document: dict[str, Any]
) -> None:
    target = tmp_path / "result.json"
    done = command("runs", "get", str(RUN_ID), "-o", str(target))
    assert done.exit_code == 0
    assert f"small, run {RUN_ID}" in done.stdout
    assert "✔ PASS  two-servers" in done.stdout
    assert target.read_text() == headroom.Result(document).to_json()
    assert json.loads(command("runs", "get", str(RUN_ID), "--json").stdout)["state"] == "completed"
    assert json.loads(command("runs", "get", str(RUN_ID), "-o", "-").stdout) == document
    assert command("runs", "get", str(RUN_ID), "-o", "-", "--json").exit_code == 2
    assert command("runs", "get", "not-a-run").exit_code == 2
    assert completing.requests("POST", "/runs") == []


def test_a_run_without_a_result_says_why(gateway: SmallGateway, command: Command, tmp_path: Path) -> None:
    gateway.on("GET", RUN, Answer(a_run(RunState.FAILED, failure=NO_ROOM, ended_at=NOW, clone_of=RUN_ID)))
    done = command("runs", "get", str(RUN_ID))
    assert done.exit_code == 0
    assert "spec.horizon: no room" in done.stdout
    assert "clone of" in done.stdout
    done = command("runs", "get", str(RUN_ID), "-o", str(tmp_path / "result.json"))
    assert done.exit_code == 2
    assert "found one that is failed" in done.stderr


def test_a_partial_result_is_marked(completing: SmallGateway, command: Command) -> None:
    partial = STORED.model_copy(update={"partial": True, "trials": 3, "cached": True})
    completing.on("GET", RUN, Answer(a_run(RunState.CANCELLED, result=partial)))
    shown = command("runs", "get", str(RUN_ID)).stdout
    assert "partial: 3 of 4 trials" in shown
    assert "of an equal run" in shown


@pytest.mark.usefixtures("completing")
def test_watching_ends_with_the_result(command: Command) -> None:
    done = command("runs", "watch", str(RUN_ID))
    assert done.exit_code == 0
    assert done.stdout.startswith("✔ PASS")


def test_runs_are_cancelled_and_deleted(gateway: SmallGateway, command: Command) -> None:
    gateway.on("POST", f"{RUN}/cancel", Answer(a_run(RunState.CANCELLING), 202))
    gateway.on("DELETE", RUN, Answer(status=204), problem(409, "active-run", "It is running."))
    assert f"run {RUN_ID} is cancelling" in command("runs", "cancel", str(RUN_ID)).stderr
    assert f"run {RUN_ID} is deleted" in command("runs", "delete", str(RUN_ID)).stderr
    refused = command("runs", "delete", str(RUN_ID))
    assert refused.exit_code == 3
    assert "It is running." in refused.stderr


def test_a_login_is_checked_kept_used_and_forgotten(
    gateway: SmallGateway, command: Command, no_login: Path
) -> None:
    gateway.on("GET", "/runs", Answer(RunPage(items=[])))
    done = command("login", gateway.url, "--key", "-", input=f"{SECRET}\n")
    assert done.exit_code == 0, done.output
    assert f"logged in at {gateway.url}" in done.stderr
    assert SECRET not in done.output
    assert json.loads(no_login.read_text())["key"] == SECRET
    assert command("runs", "list", env={"HEADROOM_GATEWAY": None}).exit_code == 0
    assert [one.headers["Authorization"] for one in gateway.asked] == [f"Bearer {SECRET}"] * 2
    assert "logged out" in command("logout").stderr
    assert not no_login.exists()
    assert "no login" in command("logout").stderr
    assert command("runs", "list", env={"HEADROOM_GATEWAY": None}).exit_code == 2


def test_a_login_without_a_key_is_for_a_gateway_that_asks_for_none(
    gateway: SmallGateway, command: Command, no_login: Path
) -> None:
    gateway.on("GET", "/runs", Answer(RunPage(items=[])))
    assert (
        command("login", gateway.url, "--key", "-", input="\n", env={"HEADROOM_KEY": SECRET}).exit_code == 0
    )
    assert gateway.asked[0].headers["Authorization"] is None
    assert json.loads(no_login.read_text())["key"] is None


@pytest.mark.parametrize(
    ("url", "key", "status", "said"),
    [
        ("", "hr_wrong", 3, "Unknown key."),
        ("", "two words", 2, "expected printable ASCII"),
        ("nowhere", "hr_x", 2, "expected http:// or https://"),
        ("http://10.0.0.1", "hr_x", 2, "expected https://"),
    ],
)
def test_a_login_that_fails_keeps_nothing(
    gateway: SmallGateway, command: Command, no_login: Path, url: str, key: str, status: int, said: str
) -> None:
    gateway.on("GET", "/runs", problem(401, detail="Unknown key."))
    done = command("login", url or gateway.url, "--key", "-", input=f"{key}\n")
    assert done.exit_code == status
    assert said in done.stderr
    assert not no_login.exists()


def test_a_key_is_never_an_argument(gateway: SmallGateway, command: Command) -> None:
    done = command("login", gateway.url, "--key", SECRET)
    assert done.exit_code == 2
    assert SECRET not in done.output
    asked = command("login", gateway.url)
    assert asked.exit_code == 2
    assert "--key -" in asked.stderr


def test_keys_are_made_listed_and_revoked(gateway: SmallGateway, command: Command) -> None:
    key = CreatedKey(id="k1", name="ci", scope=Scope.READ, created_at=NOW, created_by="tester", secret=SECRET)
    gateway.on("POST", "/keys", Answer(key, 201))
    gateway.on(
        "GET", "/keys", Answer(KeyList(items=[key])), Answer(KeyList(items=[key])), Answer(KeyList(items=[]))
    )
    gateway.on("DELETE", "/keys/k1", Answer(status=204))
    made = command("keys", "create", "ci", "--scope", "read", "--expires-in-days", "7")
    assert (made.exit_code, made.stdout) == (0, f"{SECRET}\n")
    assert gateway.asked[0].body == {"name": "ci", "scope": "read", "expires_in_days": 7}
    assert json.loads(command("keys", "create", "ci", "--json").stdout)["secret"] == SECRET
    listed = command("keys", "list").stdout
    assert "k1" in listed
    assert "never" in listed
    assert json.loads(command("keys", "list", "--json").stdout)[0]["id"] == "k1"
    assert command("keys", "list").stdout == "No keys.\n"
    assert "key k1 is revoked" in command("keys", "revoke", "k1").stderr
    assert command("keys", "create", "ci", "--scope", "root").exit_code == 2


def test_from_python_a_gateway_is_a_place_to_run(completing: SmallGateway, small_scenario: Scenario) -> None:
    told: list[headroom.Progress] = []
    result = headroom.run(small_scenario, trials=4, gateway=completing.url, on_progress=told.append)
    assert result.name == "two-servers"
    assert told == [headroom.Progress(2, 4, 1000, 20.0, 40.0)]
    with pytest.raises(headroom.HeadroomError, match="a broker or a gateway and not both"):
        headroom.run(small_scenario, gateway=completing.url, broker="amqp://x")
