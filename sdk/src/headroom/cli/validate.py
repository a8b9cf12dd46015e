"""`headroom validate`: all problems of all files at once."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from headroom.cli.consoles import consoles, print_json
from headroom.cli.guard import BAD_INPUT, PASS
from headroom.cli.loading import Source, print_warnings
from headroom.cli.problems import print_problems, problem_as_json
from headroom_common.scenario import Scenario
from headroom_common.scenario.problems import ScenarioError


def execute(*, files: Sequence[Path], as_json: bool) -> int:
    """Check the files and return the exit status."""
    sources = [Source(path) for path in files]
    if as_json:
        reports = [report(source) for source in sources]
        print_json({"files": reports})
        return PASS if all(one["valid"] for one in reports) else BAD_INPUT
    page, remarks = consoles()
    # A list, so that every file is checked even after one is found to be bad.
    valid = [_check(source, page, remarks) for source in sources]
    return PASS if all(valid) else BAD_INPUT


def _check(source: Source, page: Console, remarks: Console) -> bool:
    """Print what is wrong with a file, or what it holds; tell whether it is valid."""
    try:
        loaded = source.load()
    except ScenarioError as error:
        print_problems(remarks, error, source.name, source.text())
        return False
    print_warnings(remarks, source, loaded.warnings)
    page.print(Text.assemble(("✔ ", "green"), f"{source.name}: {contents(loaded.scenario)}"), soft_wrap=True)
    return True


def contents(scenario: Scenario) -> str:
    """What a scenario holds, in a few words."""
    spec = scenario.spec
    replicas = sum(server.replicas for server in spec.servers)
    counts = (
        (len(spec.workloads), "workload"),
        (len(spec.links), "link"),
        (len(spec.routers), "router"),
        (len(spec.servers), "server"),
        (replicas, "replica"),
        (len(spec.faults), "fault"),
        (len(spec.objectives), "objective"),
    )
    words = [f"{count:,} {word}{'' if count == 1 else 's'}" for count, word in counts if count]
    return f"valid ({', '.join(words)})"


def report(source: Source) -> dict[str, Any]:
    """What is wrong with a file, as plain data."""
    try:
        loaded = source.load()
    except ScenarioError as error:
        problems = [problem_as_json(problem) for problem in error.problems]
        return {"file": source.name, "valid": False, "problems": problems, "warnings": []}
    return {"file": source.name, "valid": True, "problems": [], "warnings": list(loaded.warnings)}
