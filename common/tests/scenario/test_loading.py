"""Loading: files, templates, traces and warnings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from headroom_common.scenario import Scenario, ScenarioError, TraceArrivals, load_scenario

if TYPE_CHECKING:
    from pathlib import Path

TEMPLATED = """\
apiVersion: headroom.dev/v1
kind: Scenario
metadata: {name: templated}
spec:
  horizon: 60s
  templates:
    servers:
      web:
        cores: 2
        memory: 1Gi
        endpoints:
          - name: /
            memory: 64Mi
            steps: [{cpu: 1ms}]
  workloads:
    - {name: users, entry: lb, arrivals: {kind: poisson, rate: 10/s}}
  routers:
    - {name: lb, policy: random, targets: [{server: a}, {server: b}]}
  servers:
    - {name: a, template: web, replicas: 1000}
    - {name: b, template: web, cores: 4}
"""


def test_a_file_is_read_by_its_path(tmp_path: Path, smallest_text: str) -> None:
    path = tmp_path / "scenario.yaml"
    path.write_text(smallest_text, encoding="utf-8")
    assert load_scenario(path).scenario == load_scenario(smallest_text).scenario == Scenario.from_yaml(path)
    assert Scenario.from_yaml(smallest_text) == Scenario.from_yaml(path)


def test_problems_name_the_file(tmp_path: Path, smallest_text: str) -> None:
    path = tmp_path / "scenario.yaml"
    path.write_text(smallest_text.replace("cores: 1", "cores: 0"), encoding="utf-8")
    with pytest.raises(ScenarioError, match=r"1 problem in .*scenario\.yaml:") as caught:
        load_scenario(path)
    assert caught.value.source == str(path)


@pytest.mark.parametrize(
    ("name", "found"), [("missing.yaml", "No such file or directory"), (".", "Is a directory")]
)
def test_a_file_that_can_not_be_read_is_a_problem(tmp_path: Path, name: str, found: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        load_scenario(tmp_path / name)
    assert str(caught.value.problems[0]) == f"expected a readable file, found {found}"


def test_a_path_given_as_a_text_is_explained() -> None:
    with pytest.raises(ScenarioError) as caught:
        load_scenario("scenarios/one.yaml")
    assert caught.value.problems[0].hint == "to load a file, pass a pathlib.Path"


def test_servers_take_over_their_templates_keys() -> None:
    loaded = load_scenario(TEMPLATED)
    a, b = loaded.scenario.spec.servers
    assert (a.cores, a.memory, a.replicas, a.template) == (2, 1024**2, 1000, None)
    assert (b.cores, b.memory, b.replicas) == (4, 1024**2, 1)
    assert a.endpoints == b.endpoints
    assert loaded.scenario.spec.templates is None
    assert "templates" not in loaded.scenario.canonical()["spec"]
    assert loaded.warnings == ()


def test_a_template_makes_no_difference_to_the_identity() -> None:
    scenario = load_scenario(TEMPLATED).scenario
    assert Scenario.from_dict(scenario.canonical()).content_hash() == scenario.content_hash()


@pytest.mark.parametrize(
    ("before", "after", "problems"),
    [
        (
            "cores: 2",
            "cores: 0.5",
            [
                (
                    "line 9, column 16: spec.templates.servers.web.cores: expected a whole number of cores "
                    "from 1 to 10,000, "
                    "such as 2, found 0.5 (cores are tokens that run one step each and can't be split; scale "
                    "the cpu steps "
                    "instead)"
                )
            ],
        ),
        (
            "cores: 2",
            "crores: 2",
            [
                (
                    "line 9, column 9: spec.templates.servers.web.crores: expected a known key, found "
                    "'crores' "
                    "(did you mean "
                    "'cores'?)"
                )
            ],
        ),
        (
            "memory: 64Mi",
            "memory: 2Gi",
            [
                (
                    "line 13, column 21: spec.templates.servers.web.endpoints[0].memory: expected at most "
                    "the "
                    "server's memory "
                    "of 1Gi, found '2Gi' (such a request would wait for ever)"
                )
            ],
        ),
        (
            "template: web, replicas",
            "template: wbe, replicas",
            [
                (
                    "line 20, column 27: spec.servers[0].template: expected a server template, found 'wbe' "
                    "(did you mean 'web'?)"
                )
            ],
        ),
        (
            "cores: 2",
            "name: web",
            [
                (
                    "line 9, column 15: spec.templates.servers.web.name: expected no such key in a template, "
                    "found 'name' "
                    "(it belongs to a server)"
                ),
                (
                    "line 20, column 7: spec.servers[0].cores: expected this required key (whole number of "
                    "cores), found nothing"
                ),
            ],
        ),
        (
            "    servers:\n      web:",
            "    links: {}\n    servers:\n      web:",
            [
                (
                    "line 7, column 12: spec.templates.links: expected the key 'servers', found 'links' "
                    "(only "
                    "servers have "
                    "templates)"
                )
            ],
        ),
    ],
)
def test_a_problem_in_a_template_points_into_it_once(before: str, after: str, problems: list[str]) -> None:
    with pytest.raises(ScenarioError) as caught:
        load_scenario(TEMPLATED.replace(before, after, 1))
    assert [str(problem) for problem in caught.value.problems] == problems


@pytest.mark.parametrize(
    ("templates", "problem"),
    [
        ("5", "spec.templates: expected a mapping with 'servers', found 5"),
        ("{servers: 5}", "spec.templates.servers: expected a mapping from names to templates, found 5"),
        ("{servers: {x: 5}}", "spec.templates.servers.x: expected a mapping with keys of a server, found 5"),
        (
            "{servers: {x: {coers: 5}}}",
            "spec.templates.servers.x.coers: expected a known key, found 'coers' (did you mean 'cores'?)",
        ),
    ],
)
def test_unused_templates_are_checked_too(smallest_text: str, templates: str, problem: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        load_scenario(smallest_text + f"  templates: {templates}\n")
    assert [str(p).split(": ", 1)[1] for p in caught.value.problems] == [problem]


WARNINGS = [
    ("  links: [{name: wan, delay: 1ms}]", "spec.links[0]: link 'wan' is never crossed"),
    (
        "  routers: [{name: lb, policy: random, targets: [{server: app}]}]",
        "spec.routers[0]: router 'lb' is the entry of no workload",
    ),
    (
        "    - {name: db, cores: 1, endpoints: [{name: /, steps: [{cpu: 1ms}]}]}",
        "spec.servers[1]: server 'db' is reached by no workload",
    ),
    ("      pools: [{name: db, size: 1}]", "spec.servers[0].pools[0]: pool 'db' is taken by no step"),
    (
        "  faults: [{kind: server_down, server: app, start: 60s, end: 70s}]",
        "spec.faults[0]: starts at 60s, after the horizon of 60s",
    ),
    (
        "  templates: {servers: {web: {cores: 2}}}",
        "spec.templates.servers.web: template 'web' is used by no server",
    ),
]


@pytest.mark.parametrize(("line", "warning"), WARNINGS, ids=[row[1] for row in WARNINGS])
def test_what_is_hardly_meant_is_a_warning(smallest_text: str, line: str, warning: str) -> None:
    assert load_scenario(smallest_text + line + "\n").warnings == (warning,)


def test_an_endpoint_that_nobody_asks_for_is_a_warning(smallest_text: str) -> None:
    text = smallest_text.replace("rate: 10/s}", "rate: 10/s}\n      mix: [{endpoint: /}]")
    text += "        - {name: /other, steps: [{cpu: 1ms}]}\n"
    warning = "spec.servers[0].endpoints[1]: endpoint '/other' is in no workload's mix"
    assert load_scenario(text).warnings == (warning,)


def test_used_parts_are_no_warnings(full_text: str) -> None:
    assert load_scenario(full_text).warnings == ()


def trace_scenario(folder: Path, smallest_text: str, trace: str, lines: str) -> Path:
    path = folder / "scenario.yaml"
    path.write_text(smallest_text.replace("{kind: poisson, rate: 10/s}", trace), encoding="utf-8")
    (folder / "trace.csv").write_text(lines, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("lines", "times"),
    [
        ("0\n0.012\n1.5\n", (0, 12_000_000, 1_500_000_000)),
        ("0s\n12ms\n1.5s\n", (0, 12_000_000, 1_500_000_000)),
        ("arrival,user\n0.5,ann\n1,bob\n", (500_000_000, 1_000_000_000)),
        ('# recorded on a Monday\n\n"0.5"\n1e0\n', (500_000_000, 1_000_000_000)),
    ],
)
def test_a_trace_file_is_inlined(
    tmp_path: Path, smallest_text: str, lines: str, times: tuple[int, ...]
) -> None:
    path = trace_scenario(tmp_path, smallest_text, "{kind: trace, file: trace.csv}", lines)
    scenario = load_scenario(path).scenario
    arrivals = scenario.spec.workloads[0].arrivals
    assert isinstance(arrivals, TraceArrivals)
    assert (arrivals.times, arrivals.file) == (times, None)
    assert Scenario.from_dict(scenario.canonical()) == scenario


def test_late_times_of_a_trace_are_a_warning(smallest_text: str) -> None:
    text = smallest_text.replace("{kind: poisson, rate: 10/s}", "{kind: trace, times: [1s, 60s, 61s]}")
    assert load_scenario(text).warnings == (
        "spec.workloads[0].arrivals: 2 of 3 times are at or after the horizon of 60s and left out",
    )


@pytest.mark.parametrize(
    ("trace", "lines", "problem"),
    [
        (
            "{kind: trace, file: other.csv}",
            "0",
            "expected a readable file next to the scenario, found 'other.csv': No such file or directory",
        ),
        (
            "{kind: trace, file: trace.csv}",
            "0\nsoon\n",
            "expected seconds or durations in the first column, found 'soon' in line 2 of 'trace.csv'",
        ),
        ("{kind: trace, file: trace.csv}", "\n\n", "expected 1 to 1,000,000 times, found 0 in 'trace.csv'"),
        ("{kind: trace, file: trace.csv, times: [1s]}", "0", "expected either 'times' or 'file', found both"),
        ("{kind: trace, file: 5}", "0", "expected a file name such as trace.csv, found 5"),
    ],
)
def test_what_is_wrong_with_a_trace_file_is_said(
    tmp_path: Path, smallest_text: str, trace: str, lines: str, problem: str
) -> None:
    with pytest.raises(ScenarioError) as caught:
        load_scenario(trace_scenario(tmp_path, smallest_text, trace, lines))
    [found] = caught.value.problems
    assert found.path == "spec.workloads[0].arrivals.file"
    assert str(found).endswith(problem)
    assert found.line == 10


def test_an_unordered_trace_file_is_refused(tmp_path: Path, smallest_text: str) -> None:
    path = trace_scenario(tmp_path, smallest_text, "{kind: trace, file: trace.csv}", "2\n1\n")
    with pytest.raises(ScenarioError, match="expected times in ascending order, found 1s after 2s"):
        load_scenario(path)


def test_a_text_names_no_files(smallest_text: str) -> None:
    text = smallest_text.replace("{kind: poisson, rate: 10/s}", "{kind: trace, file: /etc/passwd}")
    with pytest.raises(ScenarioError, match=r"files are read only for a scenario that is a file itself"):
        load_scenario(text)
    arrivals = {"kind": "trace", "file": "trace.csv"}
    with pytest.raises(ScenarioError, match=r"a 'file' is read only when the scenario is loaded from a file"):
        Scenario.from_dict({"spec": {"workloads": [{"name": "w", "entry": "a", "arrivals": arrivals}]}})
