"""What the schema explains about itself, and AsyncFlow's files as Headroom's."""

from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from headroom.cli.explain import in_yaml
from headroom.cli.main import app
from headroom_common.scenario import Scenario
from headroom_common.scenario.explain import explain, walk

ASYNCFLOW = """\
rqs_input:
  id: clients
  avg_active_users: {mean: 60}
  avg_request_per_minute_per_user: {mean: 20}
  user_sampling_window: 30
topology_graph:
  nodes:
    client: {id: browser}
    servers:
      - id: shop
        server_resources: {cpu_cores: 1, ram_mb: 1024}
        endpoints:
          - endpoint_name: /buy
            steps:
              - {kind: initial_parsing, step_operation: {cpu_time: 0.001}}
              - {kind: io_wait, step_operation: {io_waiting_time: 0.02}}
  edges:
    - {id: e1, source: clients, target: browser, latency: {mean: 0.003, distribution: exponential}}
    - {id: e2, source: browser, target: shop, latency: {mean: 0.003, distribution: exponential}}
    - {id: e3, source: shop, target: browser, latency: {mean: 0.003, distribution: exponential}}
sim_settings: {total_simulation_time: 60, sample_period_s: 0.05}
"""


@pytest.fixture
def headroom() -> CliRunner:
    return CliRunner(env={"COLUMNS": "100"})


@pytest.fixture
def asyncflow(tmp_path: Path) -> Path:
    path = tmp_path / "shop.yaml"
    path.write_text(ASYNCFLOW)
    return path


def test_the_root_is_explained_without_a_path(headroom: CliRunner) -> None:
    done = headroom.invoke(app, ["explain"])
    assert done.exit_code == 0
    for key in ("apiVersion*", "metadata*", "spec*"):
        assert key in done.stdout
    assert "* must be given" in done.stdout


def test_a_field_says_type_default_and_example(headroom: CliRunner) -> None:
    shown = headroom.invoke(app, ["explain", "spec.servers.replicas"]).stdout
    assert shown.startswith("spec.servers.replicas  whole number")
    assert "default: 1" in shown
    shown = headroom.invoke(app, ["explain", "servers[0].memory"]).stdout
    assert "example: 2Gi" in shown


def test_an_unknown_field_is_bad_input_with_a_suggestion(headroom: CliRunner) -> None:
    done = headroom.invoke(app, ["explain", "spec.servers.cors"])
    assert done.exit_code == 2
    assert "did you mean 'cores'?" in done.stderr
    assert done.stdout == ""


def test_recursion_shows_all_levels_and_each_inside_once(headroom: CliRunner) -> None:
    shown = headroom.invoke(app, ["explain", "--recursive"]).stdout
    assert "        kind: poisson" in shown or "      kind: poisson" in shown
    assert shown.count("distribution: exponential") == 1
    assert "Fields as in" in " ".join(shown.split())


def test_walking_the_whole_schema_ends_although_steps_hold_steps() -> None:
    root = explain("spec.servers.endpoints")
    rows = list(walk(root))
    assert 20 < len(rows) < 200
    assert [row.child.name for row in rows if row.depth == 0] == ["name", "memory", "steps"]


@pytest.mark.parametrize(
    ("value", "text"),
    [("2Gi", "2Gi"), (4, "4"), ([{"cpu": "2ms"}], "[{cpu: 2ms}]"), (["/a", "/b"], "[/a, /b]")],
)
def test_examples_are_written_as_in_the_scenario(value: object, text: str) -> None:
    assert in_yaml(value) == text


def test_asyncflow_is_converted_on_stdout_with_warnings_on_stderr(
    headroom: CliRunner, asyncflow: Path
) -> None:
    done = headroom.invoke(app, ["convert", str(asyncflow)])
    assert done.exit_code == 0
    scenario = Scenario.from_dict(yaml.safe_load(done.stdout))
    assert scenario.metadata.name == "shop"
    assert scenario.spec.horizon == 60 * 10**9
    assert [server.name for server in scenario.spec.servers] == ["shop"]
    assert done.stderr
    assert all(line.startswith(f"warning: {asyncflow}: ") for line in done.stderr.splitlines())


def test_a_converted_file_validates(headroom: CliRunner, asyncflow: Path, tmp_path: Path) -> None:
    target = tmp_path / "headroom.yaml"
    done = headroom.invoke(app, ["convert", str(asyncflow), "-o", str(target)])
    assert done.exit_code == 0
    assert done.stdout == ""
    assert f"wrote {target}" in done.stderr
    assert headroom.invoke(app, ["validate", str(target)]).exit_code == 0
    assert headroom.invoke(app, ["convert", str(target)]).stdout == target.read_text()


def test_asyncflow_is_valid_as_it_is(headroom: CliRunner, asyncflow: Path) -> None:
    done = headroom.invoke(app, ["validate", str(asyncflow)])
    assert done.exit_code == 0
    assert "valid (" in done.stdout


def test_bad_asyncflow_is_refused_with_its_own_path_and_line(headroom: CliRunner, asyncflow: Path) -> None:
    asyncflow.write_text(ASYNCFLOW.replace("cpu_cores: 1", "cpu_cores: none"))
    done = headroom.invoke(app, ["convert", str(asyncflow)])
    assert done.exit_code == 2
    assert done.stdout == ""
    assert f"{asyncflow}:11: topology_graph.nodes.servers[0].server_resources.cpu_cores" in done.stderr


def test_a_conversion_that_cannot_be_written_is_another_error(
    headroom: CliRunner, asyncflow: Path, tmp_path: Path
) -> None:
    done = headroom.invoke(app, ["convert", str(asyncflow), "-o", str(tmp_path / "nowhere" / "x.yaml")])
    assert done.exit_code == 3
    assert "No such file" in done.stderr
    assert "→ Check that the path exists" in done.stderr
