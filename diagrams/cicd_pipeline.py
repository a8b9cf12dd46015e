"""From a branch to a checked build: drawn from the workflows and the Makefile, so that it shows what runs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from diagrams.palette import CONTROL, DATA, MUTED, SERVICE, SHARED, header, node, text

ROOT = Path(__file__).resolve().parent.parent
WORKFLOWS = ROOT / ".github" / "workflows"


def read_workflows() -> list[dict[str, Any]]:
    """Return the workflows, those that answer pull requests first."""
    found: list[dict[str, Any]] = [
        yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506 - strings only; "on" stays a word
        for path in sorted(WORKFLOWS.glob("*.y*ml"))
    ]
    return sorted(found, key=lambda workflow: "pull_request" not in workflow["on"])


def prerequisites(target: str) -> list[str]:
    """Return what a Makefile target runs: its parts, `setup` and other preparations left out."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    found = re.search(rf"^{re.escape(target)}:([^#\n]*)", makefile, flags=re.MULTILINE)
    names = found.group(1).split() if found else []
    return [name for name in names if name.startswith(f"{target}-")]


def commands(job: dict[str, Any]) -> list[str]:
    """Return the commands that a job runs, `.ci/run` replaced by the commands that stand in it."""
    runs = [step["run"].strip() for step in job["steps"] if "run" in step]
    listed = []
    for run in runs:
        if run == ".ci/run":
            lines = (ROOT / run).read_text(encoding="utf-8").splitlines()
            listed += [line for line in lines if line.startswith("make ")]
        else:
            listed.append(run)
    return listed


def job_cell(job: dict[str, Any]) -> str:
    """Return a job as rows: its name, its commands, and below each the parts that it is made of."""
    rows = [f'<tr><td align="left">{text(job["name"], bold=True, size=13)}</td></tr>']
    for command in commands(job):
        rows.append(f'<tr><td align="left">{text(command, size=12)}</td></tr>')
        parts = [name.split("-", 1)[1] for name in prerequisites(command.removeprefix("make "))]
        if parts:
            shown = ",\n".join(", ".join(parts[at : at + 4]) for at in range(0, len(parts), 4))
            rows.append(f'<tr><td align="left" balign="left">{text(shown, size=10, colour=MUTED)}</td></tr>')
    return f'<table border="0" cellborder="0" cellspacing="0" cellpadding="2">{"".join(rows)}</table>'


def artifacts(job: dict[str, Any]) -> list[str]:
    """Return the names of what a job uploads."""
    return [step["with"]["name"] for step in job["steps"] if "upload-artifact" in step.get("uses", "")]


def job_node(workflow: dict[str, Any], key: str) -> str:
    """Return the node name of a job."""
    return f"{workflow['name']}_{key}".replace("-", "_")


def workflow_lines(workflow: dict[str, Any]) -> list[str]:
    """Return a workflow as a cluster of jobs, with what they upload."""
    title = text(f"workflow: {workflow['name']}", bold=True, size=13, colour=MUTED)
    lines = [
        f"  subgraph cluster_{workflow['name']} {{",
        f'  graph [label=<{title}>, style="rounded", color="{MUTED}", margin=14]',
        *(node(job_node(workflow, key), job_cell(job), SERVICE) for key, job in workflow["jobs"].items()),
        "  }",
    ]
    for key, job in workflow["jobs"].items():
        for artifact in artifacts(job):
            lines.append(node(f"artifact_{artifact}", text(artifact, bold=True), CONTROL))
            lines.append(f"  {job_node(workflow, key)} -> artifact_{artifact}")
    return lines


def trigger_lines(workflow: dict[str, Any]) -> list[str]:
    """Return what starts a workflow, with an arrow to each of its jobs."""
    lines = []
    for event, filters in workflow["on"].items():
        name = f"on_{workflow['name']}_{event}"
        title = {"pull_request": "pull request to", "push": "push to"}[event]
        branches = text(",\n".join(filters["branches"]), bold=True, size=13)
        lines.append(node(name, f"{text(title, size=11, colour=MUTED)}<br/>{branches}", DATA))
        lines += [f"  {name} -> {job_node(workflow, key)}" for key in workflow["jobs"]]
    return lines


def developer_line() -> str:
    """Return the node of what a developer runs before anything leaves the machine."""
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    names = [hook["name"] for repo in hooks["repos"] for hook in repo["hooks"]]
    shown = ",\n".join(", ".join(names[at : at + 2]) for at in range(0, len(names), 2))
    when = text("before each commit:", size=11, colour=MUTED)
    label = f"{text('feature/*', bold=True, size=14)}<br/>{when}<br/>{text(shown, size=10, colour=MUTED)}"
    return node("developer", label, SHARED)


def source() -> str:
    """Return the DOT source."""
    lines = [
        *header("cicd_pipeline", "From a branch to a checked build", rankdir="LR"),
        "  graph [nodesep=0.25, ranksep=0.7]",
    ]
    lines.append(developer_line())
    for workflow in read_workflows():
        lines += trigger_lines(workflow)
        lines += workflow_lines(workflow)
    quick, full = (f"on_{workflow['name']}_{next(iter(workflow['on']))}" for workflow in read_workflows())
    lines += [
        f"  developer -> {quick} [weight=4]",
        f'  {quick} -> {full} [label="  merged"]',
        f"  {{ rank=same; {quick}; {full} }}",
    ]
    return "\n".join([*lines, "}"]) + "\n"
