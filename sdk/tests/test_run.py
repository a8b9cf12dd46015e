"""Whole runs through the services' own handlers, from Python and from the command line."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import headroom
from headroom.cli.main import app

COMMAND = str(Path(sys.executable).with_name("headroom"))
SCENARIO = """\
apiVersion: headroom.dev/v1
kind: Scenario
metadata: {name: shop}
spec:
  horizon: 20s
  warmup: 2s
  workloads:
    - name: visitors
      entry: lb
      via: [internet]
      arrivals: {kind: poisson, rate: 120/s}
  links:
    - {name: internet, delay: {distribution: exponential, mean: 5ms}, loss: 0.5%}
    - {name: lan, delay: 1ms}
  routers:
    - {name: lb, policy: POLICY, targets: [{server: app, link: lan}]}
  servers:
    - name: app
      replicas: 2
      cores: 1
      memory: 256Mi
      pools: [{name: db, size: 1}]
      endpoints:
        - name: /
          memory: 8Mi
          steps: [{cpu: 2ms}, {pool: db, steps: [{io: {distribution: exponential, mean: 8ms}}]}, {cpu: 1ms}]
  objectives:
    - latency.p99 below 10s
    - error_ratio below 5%
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return written(tmp_path / "shop.yaml")


def written(path: Path, policy: str = "round_robin") -> Path:
    path.write_text(SCENARIO.replace("POLICY", policy))
    return path


@pytest.fixture
def command() -> CliRunner:
    return CliRunner(env={"COLUMNS": "100", "NO_COLOR": "1"})


def test_run_gives_a_result_that_adds_up(shop: Path) -> None:
    told: list[headroom.Progress] = []
    result = headroom.run(shop, trials=2, seed=3, on_progress=told.append)
    assert (result.verdict, result.name, result.trials, result.seed) == ("pass", "shop", 2, 3)
    assert result.requests == pytest.approx(2 * 20 * 120, rel=0.1)
    assert result.latency["p50"].value is not None
    assert 0 < (result.latency["p50"].value or 0) < (result.latency["p99"].value or 0)
    assert result.outcomes["dropped"].value
    assert list(result.servers) == ["app"]
    assert result.anatomy("p99")[0].share >= result.anatomy("p99")[-1].share
    assert sum(cause.share for cause in result.anatomy("p99")) == pytest.approx(1)
    assert result.document["checks"]["littles_law_residual"] == 0
    assert told[-1].trials_done == 2
    assert told[-1].share == 1


@pytest.mark.parametrize("policy", ["round_robin", "least_connections"])
def test_threads_segments_and_late_binding_never_change_a_byte(tmp_path: Path, policy: str) -> None:
    path = written(tmp_path / "shop.yaml", policy)
    one = headroom.run(path, trials=3, threads=1).to_json()
    assert headroom.run(path, trials=3, threads=2).to_json() == one
    assert headroom.run(path, trials=3, segment_arrivals=1_000).to_json() == one
    assert headroom.run(path, trials=3, segment_arrivals=100_000).to_json() == one
    assert headroom.run(path, trials=3, late_bound=True, segment_arrivals=500).to_json() == one


def test_another_seed_is_another_result(shop: Path) -> None:
    one, other = (headroom.run(shop, trials=1, seed=seed) for seed in (1, 2))
    assert one.latency["mean"] != other.latency["mean"]


def test_a_mapping_a_path_and_a_scenario_run_alike(shop: Path) -> None:
    loaded = headroom.load_scenario(shop).scenario
    results = [
        headroom.run(form, trials=1).to_json() for form in (shop, str(shop), loaded, loaded.canonical())
    ]
    assert len(set(results)) == 1


async def test_the_async_twin_gives_the_same(shop: Path) -> None:
    scenario = headroom.load_scenario(shop).scenario
    result = await headroom.run_async(scenario, trials=1)
    assert result.requests > 0


def test_warnings_about_a_file_reach_the_python_caller(shop: Path) -> None:
    shop.write_text(shop.read_text().replace("  links:\n", "  links:\n    - {name: spare, delay: 1ms}\n"))
    with pytest.warns(headroom.ScenarioWarning, match="'spare' is never crossed"):
        headroom.run(shop, trials=1)


def test_the_page_comes_on_stdout_and_the_files_are_written(
    command: CliRunner, shop: Path, tmp_path: Path
) -> None:
    outputs = [tmp_path / name for name in ("r.json", "r.html", "r.parquet")]
    arguments = [word for path in outputs for word in ("-o", str(path))]
    done = command.invoke(app, ["run", str(shop), "-n", "2", *arguments])
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("✔ PASS  shop: all 2 objectives are met\n2 trials of 20 s")
    assert "What made the p99" in done.stdout
    assert "\x1b" not in done.output
    assert [f"wrote {path}" in done.stderr for path in outputs] == [True] * 3
    assert headroom.Result.read(outputs[0]).to_json() == headroom.run(shop, trials=2).to_json()
    assert "<html" in outputs[1].read_text()
    assert outputs[2].read_bytes()[:4] == b"PAR1"


def test_stdout_holds_nothing_but_the_document_when_asked_for(command: CliRunner, shop: Path) -> None:
    done = command.invoke(app, ["run", str(shop), "-n", "1", "-o", "-"])
    assert json.loads(done.stdout)["name"] == "shop"
    assert "PASS" in done.stderr
    quiet = command.invoke(app, ["run", str(shop), "-n", "1", "-o", "-", "--quiet"])
    assert quiet.stdout == done.stdout
    assert quiet.stderr == ""


def test_a_missed_objective_is_exit_status_1(command: CliRunner, shop: Path) -> None:
    objective = "spec.objectives=[latency.p99 below 1ms]"
    done = command.invoke(app, ["run", str(shop), "-n", "1", "--set", objective])
    assert done.exit_code == 1
    assert done.stdout.startswith("✘ MISS  shop: the objective is missed: latency.p99 below 1ms")


def test_overrides_change_the_scenario_in_order(command: CliRunner, shop: Path) -> None:
    changes = ["--set", "spec.servers[0].replicas=5", "--set", "spec.servers[app].replicas=3"]
    done = command.invoke(app, ["run", str(shop), "-n", "1", "-o", "-", *changes])
    assert json.loads(done.stdout)["servers"][0]["replicas"] == 3


def test_quiet_prints_nothing_but_exits_with_the_verdict(command: CliRunner, shop: Path) -> None:
    done = command.invoke(app, ["run", str(shop), "-n", "1", "--quiet"])
    assert (done.exit_code, done.output) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--set", "spec.servers[0].corse=4"], "--set spec.servers[0].corse=4: "),
        (["--set", "spec.servers[9].cores=4"], "spec.servers[9]"),
        (["--set", "nonsense"], "expected PATH=VALUE"),
        (["--set", "spec.horizon=20"], "--set spec.horizon=20: spec.horizon: expected a duration"),
        (["-o", "result.csv"], "expected a name that ends in .json, .html, .parquet, found '.csv'"),
        (["-o", "nowhere/result.json"], "expected an existing folder, found none at nowhere"),
        (["-o", "."], "expected a name that ends in"),
    ],
)
def test_bad_input_is_exit_status_2_before_anything_runs(
    command: CliRunner, shop: Path, arguments: list[str], said: str
) -> None:
    done = command.invoke(app, ["run", str(shop), *arguments])
    assert done.exit_code == 2
    assert said in done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


def test_a_folder_in_the_files_place_is_bad_input(command: CliRunner, shop: Path, tmp_path: Path) -> None:
    folder = tmp_path / "result.json"
    folder.mkdir()
    done = command.invoke(app, ["run", str(shop), "-o", str(folder)])
    assert done.exit_code == 2
    assert "expected a file, found a folder" in done.stderr


def test_a_missing_file_is_bad_input(command: CliRunner) -> None:
    done = command.invoke(app, ["run", "nowhere.yaml"])
    assert done.exit_code == 2
    assert "nowhere.yaml: expected a readable file" in done.stderr


def on_a_terminal(*arguments: str, until: Callable[[str], bool], send: int | None = None) -> tuple[int, str]:
    """Run the command on a pseudo-terminal and signal it once `until` holds of its output; status, output."""
    master, slave = pty.openpty()
    process = subprocess.Popen(  # noqa: S603 - our own command
        [COMMAND, *arguments],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "100"},
        start_new_session=True,
    )
    os.close(slave)
    text, deadline = "", time.monotonic() + 300  # kernels may have to be compiled
    while time.monotonic() < deadline:
        if select.select([master], [], [], 0.05)[0]:
            try:
                text += os.read(master, 65536).decode(errors="replace")
            except OSError:
                break
        if send is not None and until(text):
            process.send_signal(send)
            send = None
    os.close(master)
    return process.wait(30), text


def test_ctrl_c_stops_soon_says_what_is_kept_and_writes_nothing(shop: Path, tmp_path: Path) -> None:
    target = tmp_path / "result.json"
    sent: list[float] = []

    def running(text: str) -> bool:
        if re.search(r"trials [1-9]", text):
            sent.append(time.monotonic())
            return True
        return False

    arguments = ["run", str(shop), "-n", "100000", "-o", str(target)]
    status, text = on_a_terminal(*arguments, until=running, send=signal.SIGINT)
    assert status == 130
    assert time.monotonic() - sent[0] < 5
    assert "Interrupted after" in text
    assert "nothing was written" in text
    assert "Traceback" not in text
    assert list(tmp_path.iterdir()) == [shop]


def test_a_terminal_shows_progress_and_colours(shop: Path) -> None:
    status, text = on_a_terminal("run", str(shop), "-n", "4", until=lambda _: False)
    assert status == 0
    assert "trials" in text
    assert "\x1b[1;32m✔ PASS" in text


def test_equal_commands_write_equal_files(command: CliRunner, shop: Path, tmp_path: Path) -> None:
    files = [tmp_path / "one.json", tmp_path / "other.json"]
    for path, threads in zip(files, ("1", "2"), strict=True):
        done = command.invoke(app, ["run", str(shop), "-n", "2", "--threads", threads, "-q", "-o", str(path)])
        assert done.exit_code == 0
    assert files[0].read_bytes() == files[1].read_bytes()


def test_asyncflow_runs_as_it_is(command: CliRunner) -> None:
    example = Path(__file__).parents[2] / "examples" / "asyncflow" / "single_server.yml"
    done = command.invoke(app, ["run", str(example), "-n", "1", "-o", "-", "--set", "spec.horizon=20s"])
    assert done.exit_code == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    assert document["requests"]["total"] > 0
    assert "warning: " in done.stderr


def test_a_scenario_from_stdin_runs(command: CliRunner, shop: Path) -> None:
    done = command.invoke(app, ["run", "-", "-n", "1", "-q"], input=shop.read_text())
    assert done.exit_code == 0


def test_an_output_that_cannot_be_written_is_another_error(
    command: CliRunner, shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> int:
        raise OSError(28, "No space left on device", "x")

    monkeypatch.setattr(Path, "write_text", full)
    done = command.invoke(app, ["run", str(shop), "-n", "1", "-o", str(tmp_path / "result.json")])
    assert done.exit_code == 3
    assert "No space left on device" in done.stderr
    assert "PASS" in done.stdout, "what was found out is not lost"
    assert list(tmp_path.iterdir()) == [shop]


def test_many_missed_objectives_are_counted(command: CliRunner, shop: Path) -> None:
    objectives = ", ".join(f"latency.{name} below 1us" for name in ("p50", "p90", "p95", "p99", "max"))
    done = command.invoke(app, ["run", str(shop), "-n", "1", "--set", f"spec.objectives=[{objectives}]"])
    assert done.exit_code == 1
    assert "5 of 5 objectives missed" in done.stdout
    assert "and 2 more" in done.stdout
