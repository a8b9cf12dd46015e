"""The commands that run experiments: what they print and write, and how they refuse."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from headroom.cli.main import app

SHOP = """\
apiVersion: headroom.dev/v1
kind: Scenario
metadata: {name: shop}
spec:
  horizon: 20s
  workloads:
    - {name: visitors, entry: app, arrivals: {kind: poisson, rate: 60/s}}
  servers:
    - name: app
      cores: 1
      endpoints: [{name: /, steps: [{cpu: {distribution: exponential, mean: 10ms}}]}]
  objectives: [latency.p99 below 10s]
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    path = tmp_path / "shop.yaml"
    path.write_text(SHOP)
    return path


@pytest.fixture
def command() -> CliRunner:
    return CliRunner(env={"COLUMNS": "100", "NO_COLOR": "1", "HEADROOM_GATEWAY": ""})


def test_a_sweep_prints_and_writes(command: CliRunner, shop: Path, tmp_path: Path) -> None:
    outputs = [str(tmp_path / f"out.{suffix}") for suffix in ("json", "html", "parquet")]
    words = ["sweep", str(shop), "--sweep", "spec.servers[app].cores=1,2", "-n", "2", "--no-progress"]
    words += [word for output in outputs for word in ("-o", output)]
    done = command.invoke(app, [*words, "--plot", str(tmp_path / "out.png")])
    assert done.exit_code == 0, done.output
    assert "cores" in done.stdout
    document = json.loads(Path(outputs[0]).read_text())
    assert (document["kind"], len(document["points"])) == ("sweep", 2)
    assert Path(outputs[1]).read_text().lower().startswith("<!doctype html>")
    assert Path(outputs[2]).read_bytes()[:4] == b"PAR1"
    assert (tmp_path / "out.png").read_bytes()[:4] == b"\x89PNG"


def test_the_document_on_stdout_is_that_of_the_file(command: CliRunner, shop: Path, tmp_path: Path) -> None:
    words = ["sweep", str(shop), "--vary", "spec.workloads[0].rate=30/s..60/s:3", "-n", "2", "-q"]
    done = command.invoke(app, [*words, "-o", "-", "-o", str(tmp_path / "sweep.json")])
    assert done.exit_code == 0, done.output
    assert done.stdout == (tmp_path / "sweep.json").read_text()


def test_a_scenario_brings_its_own_sweep(command: CliRunner, shop: Path) -> None:
    shop.write_text(f"{SHOP}sweep: {{vary: ['spec.servers[app].cores=1..3']}}\n")
    done = command.invoke(app, ["sweep", str(shop), "-n", "2", "-q", "-o", "-"])
    assert len(json.loads(done.stdout)["points"]) == 3
    run = command.invoke(app, ["run", str(shop), "-n", "2", "-q", "-o", "-"])
    shop.write_text(SHOP)
    assert run.stdout == command.invoke(app, ["run", str(shop), "-n", "2", "-q", "-o", "-"]).stdout


def test_a_precise_run_writes_the_result_of_a_plain_one(command: CliRunner, shop: Path) -> None:
    precise = command.invoke(app, ["run", str(shop), "--precision", "5%", "-n", "4", "-o", "-"])
    assert precise.exit_code == 0, precise.output
    trials = json.loads(precise.stdout)["trials"]
    assert f"{trials} trials until every interval was within ±5.00 %" in precise.stderr
    plain = command.invoke(app, ["run", str(shop), "-n", str(trials), "-q", "-o", "-"])
    assert precise.stdout == plain.stdout


def test_a_warm_up_is_told(command: CliRunner, shop: Path) -> None:
    done = command.invoke(app, ["run", str(shop), "--warm-up", "auto", "-n", "2"])
    assert done.exit_code == 0, done.output
    assert "MSER-5 leaves out the first" in done.stderr


def test_a_scenario_is_compared_with_itself_changed(command: CliRunner, shop: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(SHOP.replace("cores: 1", "cores: 2"))
    common = ["-n", "3", "-q", "-o", "-"]
    changed = command.invoke(app, ["compare", str(shop), "--set-other", "spec.servers[app].cores=2", *common])
    named = command.invoke(app, ["compare", str(shop), str(other), *common])
    assert changed.exit_code == 0, changed.output
    assert changed.stdout == named.stdout
    assert json.loads(changed.stdout)["comparison"]["paired"] is True


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["sweep", "SHOP"], "sweep: expected --sweep PATH=VALUES, or a part `sweep` in the scenario"),
        (["sweep", "SHOP", "--sweep", "spec.servers[app].cores"], "plan.vary[0]: expected PATH=VALUES"),
        (["sweep", "SHOP", "--sweep", "spec.servers[app].kores=1,2"], "did you mean 'cores'?"),
        (
            ["sweep", "SHOP", "--sweep", "spec.servers[app].cores=1,2", "-o", "x.pdf"],
            "output x.pdf: expected",
        ),
        (
            ["sweep", "SHOP", "--sweep", "spec.servers[app].cores=1,2", "--plot", "x.pdf"],
            "plot x.pdf: expected",
        ),
        (["sweep", "SHOP", "--sweep", "spec.servers[app].cores=1,2", "--plot", "no/x.png"], "folder"),
        (["sweep", "none.yaml", "--sweep", "spec.servers[app].cores=1,2"], "none.yaml"),
        (["compare", "SHOP"], "other: expected a second scenario, or --set-other"),
        (["compare", "SHOP", "none.yaml"], "none.yaml"),
        (["capacity", "SHOP", "--vary", "spec.servers[app].kores"], "kores"),
        (["capacity", "SHOP", "--vary", "spec.workloads[0].rate", "--objective", "p99 < 3"], "objective"),
        (["sensitivity", "SHOP", "--vary", "spec.servers[app].cores=1..3"], "plan.vary"),
        (["run", "SHOP", "--precision", "much"], "precision: expected"),
        (["run", "SHOP", "--precision", "5%", "--late-bound"], "late-bound: expected neither --precision"),
    ],
)
def test_bad_input_is_refused_before_anything_runs(
    command: CliRunner, shop: Path, words: list[str], expected: str
) -> None:
    done = command.invoke(app, [str(shop) if word == "SHOP" else word for word in words])
    assert done.exit_code == 2, done.output
    assert expected in done.output
    assert list(shop.parent.iterdir()) == [shop]
