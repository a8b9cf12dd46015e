"""The commands that simulate nothing: help, version, validate, convert, explain."""

import json
import resource
import subprocess
import sys
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from headroom.cli.main import app

GOOD = """\
apiVersion: headroom.dev/v1
kind: Scenario
metadata: {name: small}
spec:
  horizon: 10s
  workloads:
    - {name: visitors, entry: app, arrivals: {kind: poisson, rate: 50/s}}
  servers:
    - name: app
      cores: 1
      endpoints:
        - {name: /, steps: [{cpu: 5ms}]}
"""

Headroom = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def scenario(tmp_path: Path) -> Callable[..., Path]:
    """A maker of scenario files: the good one with one text replaced by another."""

    def write(old: str = "", new: str = "", name: str = "scenario.yaml") -> Path:
        assert old in GOOD
        path = tmp_path / name
        path.write_text(GOOD.replace(old, new) if old else GOOD)
        return path

    return write


@pytest.fixture
def headroom() -> CliRunner:
    return CliRunner()


@pytest.fixture
def process() -> Headroom:
    """Runs the installed command as a process of its own."""
    command = Path(sys.executable).with_name("headroom")

    def call(*arguments: str, **options: object) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(  # noqa: S603 - our own command
            [str(command), *arguments], capture_output=True, text=True, timeout=60, check=False, **options
        )

    return call


@pytest.mark.parametrize("arguments", [["--help"], ["version"]])
def test_help_and_version_answer_at_once(process: Headroom, arguments: list[str]) -> None:
    seconds = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert process(*arguments).returncode == 0
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    # Time on the processor, twice the promise: the machine may be busy with other things.
    assert min(seconds) < 0.6


@pytest.mark.parametrize("arguments", [["--help"], ["version"], ["validate", "--help"], ["run", "--help"]])
def test_nothing_heavy_is_imported_for_help(arguments: list[str]) -> None:
    assert imported({"numba", "numpy", "pyarrow", "matplotlib", "scipy"}, *arguments) == "[]"


@pytest.mark.parametrize("arguments", [["validate"], ["explain", "spec"]])
def test_no_kernels_are_imported_where_nothing_is_simulated(
    arguments: list[str], scenario: Callable[..., Path]
) -> None:
    if arguments == ["validate"]:
        arguments = [*arguments, str(scenario())]
    assert imported({"numba", "pyarrow", "matplotlib", "scipy", "structlog"}, *arguments) == "[]"


def test_a_run_imports_only_what_it_needs(scenario: Callable[..., Path]) -> None:
    """Each of these takes longer to import than most of the start of a run."""
    formats = {"headroom_common.contracts.codec", "headroom_common.scenario.asyncflow"}
    servers = {"aio_pika", "redis", "fastapi", "httpx", "sqlalchemy", "psycopg", "headroom_gateway"}
    needless = {"matplotlib", "pyarrow", "scipy.linalg", "structlog", "rich.traceback", *formats, *servers}
    assert imported(needless, "run", str(scenario()), "--quiet", "-n", "1") == "[]"


def imported(modules: set[str], *arguments: str) -> str:
    """Which of these modules a command imports."""
    code = (
        "import sys; from headroom.cli import main\n"
        "try: main.main()\nexcept SystemExit as exit_: assert exit_.code in (None, 0)\n"
        f"print(sorted({modules!r} & set(sys.modules)))"
    )
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout.splitlines()[-1]


def test_help_lists_the_commands_and_the_exit_statuses(headroom: CliRunner) -> None:
    shown = headroom.invoke(app, ["--help"])
    assert shown.exit_code == 0
    for word in ("run", "validate", "convert", "explain", "version", "--install-completion"):
        assert word in shown.stdout
    assert "0 pass, 1 objective missed, 2 bad input" in " ".join(shown.stdout.split())


def test_without_a_command_there_is_help(headroom: CliRunner) -> None:
    assert "Commands:" in headroom.invoke(app, []).output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["rnu"], "No such command 'rnu'"),
        (["run"], "Missing argument 'FILE'"),
        (["run", "x.yaml", "-n", "0"], "greater than or equal to 1"),
        (["run", "x.yaml", "-n", "few"], "valid integer"),
        (["run", "x.yaml", "--confidence", "95"], "less than or equal to 0.9999"),
        (["run", "x.yaml", "--what"], "No such option"),
    ],
)
def test_a_wrong_command_line_is_bad_input(headroom: CliRunner, arguments: list[str], said: str) -> None:
    done = headroom.invoke(app, arguments)
    assert done.exit_code == 2
    assert said in done.stderr


def test_the_version_as_text_and_as_json(process: Headroom, headroom: CliRunner) -> None:
    assert process("version").stdout.startswith("headroom 0.")
    found = json.loads(headroom.invoke(app, ["version", "--json"]).stdout)
    assert found["headroom"] == process("version").stdout.split()[1]
    assert {"python", "platform", "numba", "numpy"} <= set(found)
    assert headroom.invoke(app, ["version"]).stdout == process("version").stdout


def test_completion_can_be_shown_for_a_shell(process: Headroom) -> None:
    asked = {"_HEADROOM_COMPLETE": "complete_bash", "COMP_WORDS": "headroom va", "COMP_CWORD": "1"}
    assert process(env=asked).stdout.split() == ["validate"]


def test_a_valid_scenario_is_called_so(headroom: CliRunner, scenario: Callable[..., Path]) -> None:
    done = headroom.invoke(app, ["validate", str(scenario())])
    assert done.exit_code == 0
    assert done.stdout.endswith("scenario.yaml: valid (1 workload, 1 server, 1 replica)\n")
    assert done.stderr == ""


BAD = [
    ("horizon: 10s", "horizon: 10", 5, "spec.horizon", "a duration such as", "10", "10ms or 10s"),
    ("cores: 1", "corse: 1", 10, "spec.servers[0].corse", "a known key", "'corse'", "did you mean 'cores'?"),
    ("cores: 1", "cores: 0", 10, "spec.servers[0].cores", "a whole number of cores", "0", ""),
    ("entry: app", "entry: ap", 7, "spec.workloads[0].entry", "the name of", "'ap'", "did you mean 'app'?"),
    ("50/s", "50", 7, "spec.workloads[0].arrivals.rate", "a rate such as", "'50'|50", "50/s"),
    (
        "kind: poisson",
        "kind: poison",
        7,
        "spec.workloads[0].arrivals.kind",
        "one of",
        "'poison'",
        "'poisson'",
    ),
    ("name: small", "name: Small", 3, "metadata.name", "a DNS label", "'Small'", "write small"),
    ("headroom.dev/v1", "headroom.dev/v2", 1, "apiVersion", "'headroom.dev/v1'", "'headroom.dev/v2'", ""),
    (
        "steps: [{cpu: 5ms}]",
        "steps: []",
        12,
        "spec.servers[0].endpoints[0].steps",
        "a list",
        "an empty list",
        "",
    ),
]


@pytest.mark.parametrize("case", BAD, ids=lambda case: case[1])
def test_bad_input_names_the_line_the_path_what_was_expected_and_what_was_found(
    headroom: CliRunner, scenario: Callable[..., Path], case: tuple[str, str, int, str, str, str, str]
) -> None:
    old, new, line, path, expected, found, hint = case
    file = scenario(old, new)
    done = headroom.invoke(app, ["validate", str(file)])
    assert done.exit_code == 2
    assert done.stdout == ""
    first, last = done.stderr.splitlines()
    assert first.startswith(f"{file}:{line}: {path}: expected {expected}")
    assert any(f"found {one}" in first for one in found.split("|"))
    assert hint in first
    assert last == f"1 problem in {file}"


def test_all_problems_of_all_files_are_reported_at_once(
    headroom: CliRunner, scenario: Callable[..., Path], tmp_path: Path
) -> None:
    first = scenario("horizon: 10s", "horizon: 10", "first.yaml")
    first.write_text(first.read_text().replace("cores: 1", "cores: none"))
    second = scenario("entry: app", "entry: none", "second.yaml")
    good = scenario(name="good.yaml")
    missing = tmp_path / "missing.yaml"
    done = headroom.invoke(app, ["validate", *map(str, (first, missing, second, good))])
    assert done.exit_code == 2
    assert f"2 problems in {first}" in done.stderr
    assert f"1 problem in {second}" in done.stderr
    assert f"{missing}: expected a readable file" in done.stderr
    assert f"{good}: valid" in done.stdout


def test_problems_as_json(headroom: CliRunner, scenario: Callable[..., Path]) -> None:
    bad, good = scenario("cores: 1", "corse: 1"), scenario(name="good.yaml")
    done = headroom.invoke(app, ["validate", "--format", "json", str(bad), str(good)])
    assert done.exit_code == 2
    assert done.stderr == ""
    first, second = json.loads(done.stdout)["files"]
    assert (first["file"], first["valid"]) == (str(bad), False)
    problem = first["problems"][0]
    assert (problem["path"], problem["line"], problem["column"]) == ("spec.servers[0].corse", 10, 7)
    assert problem["hint"] == "did you mean 'cores'?"
    assert second == {"file": str(good), "valid": True, "problems": [], "warnings": []}


def test_a_scenario_may_come_from_stdin(headroom: CliRunner) -> None:
    assert "stdin: valid" in headroom.invoke(app, ["validate", "-"], input=GOOD).stdout
    done = headroom.invoke(app, ["validate", "-"], input=GOOD.replace("cores: 1", "corse: 1"))
    assert done.exit_code == 2
    assert done.stderr.startswith("stdin:10: spec.servers[0].corse")


def test_warnings_do_not_make_a_scenario_invalid(headroom: CliRunner, scenario: Callable[..., Path]) -> None:
    file = scenario("  servers:", "  links: [{name: lan, delay: 1ms}]\n  servers:")
    done = headroom.invoke(app, ["validate", str(file)])
    assert done.exit_code == 0
    assert done.stderr == f"warning: {file}: spec.links[0]: link 'lan' is never crossed\n"


@pytest.mark.parametrize("text", ["", "just text", "[1, 2]", "a: [", "a: &x [*x]", "\x00", "a: 1\na: 2"])
def test_what_is_no_scenario_at_all_is_refused_without_a_traceback(
    headroom: CliRunner, tmp_path: Path, text: str
) -> None:
    path = tmp_path / "scenario.yaml"
    path.write_text(text)
    done = headroom.invoke(app, ["validate", str(path)])
    assert done.exit_code == 2
    assert "expected" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [["explain", "-r"], ["validate", "--format", "json", "-"]])
def test_a_reader_that_goes_away_is_no_missed_objective(arguments: list[str]) -> None:
    command = Path(sys.executable).with_name("headroom")
    process = subprocess.Popen(  # noqa: S603 - our own command
        [str(command), *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    process.stdin.write(GOOD.encode())
    process.stdin.close()
    said = process.stderr.read().decode()
    process.stderr.close()
    assert process.wait(60) == 3
    assert "Traceback" not in said
    assert "Exception" not in said


VALUES = st.sampled_from(
    [
        None,
        True,
        0,
        -1,
        3.5,
        1e400,
        float("nan"),
        "",
        "x",
        "12ms",
        "-5s",
        "250/s",
        "1%",
        "2Gi",
        "²",
        "0x10",
        2**70,
    ]
) | st.sampled_from([[], {}, [[]], {"cpu": {}}, {"kind": "closed"}, ["12ms"], {"": None}])


def places(node: object, path: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    """The paths of all values in a document."""
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path, *(found for key, value in inner for found in places(value, (*path, key)))]


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_whatever_stands_in_a_scenario_it_is_valid_or_refused_with_words(data: st.DataObject) -> None:
    document = yaml.safe_load(GOOD)
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(places(document)[1:]))
        parent = document
        for key in path[:-1]:
            parent = parent[key]
        if data.draw(st.booleans()):
            parent[path[-1]] = deepcopy(data.draw(VALUES))
        elif isinstance(parent, dict):
            parent[data.draw(st.sampled_from(["name", "kind", "mean", "zz", "pools"]))] = parent.pop(path[-1])
    done = CliRunner().invoke(app, ["validate", "-"], input=yaml.safe_dump(document, sort_keys=False))
    assert done.exit_code in (0, 2), done.output
    assert "Traceback" not in done.output
    assert "fault of Headroom" not in done.output
    if done.exit_code == 2:
        assert all(": expected " in line for line in done.stderr.splitlines()[:-1])


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_exist_for_the_usual_shells(process: Headroom, shell: str) -> None:
    shown = process(env={"_HEADROOM_COMPLETE": f"source_{shell}", "PATH": "/usr/bin:/bin"})
    assert "_HEADROOM_COMPLETE" in shown.stdout
