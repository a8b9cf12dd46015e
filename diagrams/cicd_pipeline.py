"""From a branch to a release: drawn from the workflows and the Makefile, so that it shows what runs."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from diagrams.palette import CONTROL, DATA, MUTED, SERVICE, SHARED, header, node, text

ROOT = Path(__file__).resolve().parent.parent
WORKFLOWS = ROOT / ".github" / "workflows"


ORDER = ("quick", "full", "release")
"""The workflows on the way of a change."""


def read_workflows() -> list[dict[str, Any]]:
    """Return the workflows, in the order in which a change meets them."""
    found: list[dict[str, Any]] = [
        yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506 - strings only; "on" stays a word
        for path in WORKFLOWS.glob("*.y*ml")
    ]
    return sorted(found, key=lambda workflow: ORDER.index(workflow["name"]))


def prerequisites(target: str) -> list[str]:
    """Return what a Makefile target runs: its parts, `setup` and other preparations left out."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    found = re.search(rf"^{re.escape(target)}:([^#\n]*)", makefile, flags=re.MULTILINE)
    names = found.group(1).split() if found else []
    return [name for name in names if name.startswith(f"{target}-")]


def commands(job: dict[str, Any]) -> list[str]:
    """Return what a job runs: named steps by their name, `.ci/run` by the commands that stand in it."""
    listed = []
    for step in job["steps"]:
        run = step.get("run", "").strip()
        if run == ".ci/run":
            lines = (ROOT / run).read_text(encoding="utf-8").splitlines()
            listed += [line for line in lines if line.startswith("make ")]
        elif run:
            listed.append(step.get("name", run.split(' "')[0].removeprefix("scripts/")))
    return listed


def job_cell(job: dict[str, Any]) -> str:
    """Return a job as rows: its name, its commands, and below each the parts that it is made of."""
    rows = [f'<tr><td align="left">{text(plain(job["name"]), bold=True, size=13)}</td></tr>']
    if architectures(job):
        rows.append(
            f'<tr><td align="left">{text(", ".join(architectures(job)), size=11, colour=MUTED)}</td></tr>'
        )
    for command in commands(job):
        rows.append(f'<tr><td align="left">{text(command, size=12)}</td></tr>')
        parts = [name.split("-", 1)[1] for name in prerequisites(command.removeprefix("make "))]
        if parts:
            shown = ",\n".join(", ".join(parts[at : at + 4]) for at in range(0, len(parts), 4))
            rows.append(f'<tr><td align="left" balign="left">{text(shown, size=10, colour=MUTED)}</td></tr>')
    return f'<table border="0" cellborder="0" cellspacing="0" cellpadding="2">{"".join(rows)}</table>'


def plain(value: str) -> str:
    """Return a name without the expressions of a matrix."""
    return re.sub(r" \(\$\{\{.*?\}\}\)", "", value)


def architectures(job: dict[str, Any]) -> list[str]:
    """Return the architectures that a job runs on, none when it is one machine's."""
    rows = job.get("strategy", {}).get("matrix", {}).get("include", [])
    return [row["architecture"] for row in rows]


def artifacts(job: dict[str, Any]) -> list[str]:
    """Return the names of what a job uploads."""
    return [step["with"]["name"] for step in job["steps"] if "upload-artifact" in step.get("uses", "")]


def needs(job: dict[str, Any]) -> list[str]:
    """Return the jobs that a job waits for."""
    needed = job.get("needs", [])
    return [needed] if isinstance(needed, str) else list(needed)


def waits_for(jobs: dict[str, dict[str, Any]], key: str) -> list[str]:
    """Return the jobs that a job waits for, without those that these wait for themselves."""
    behind = {far for near in needs(jobs[key]) for far in needs(jobs[near])}
    return [near for near in needs(jobs[key]) if near not in behind]


def job_node(workflow: dict[str, Any], key: str) -> str:
    """Return the node name of a job."""
    return f"{workflow['name']}_{key}".replace("-", "_")


def workflow_lines(workflow: dict[str, Any]) -> list[str]:
    """Return a workflow as a cluster of jobs; those that only a tag starts have a colour of their own."""
    title = text(f"workflow: {workflow['name']}", bold=True, size=13, colour=MUTED)
    jobs = workflow["jobs"]
    first = [job_node(workflow, key) for key, job in jobs.items() if not needs(job)]
    colours = {key: CONTROL if "if" in job else SERVICE for key, job in jobs.items()}
    return [
        f"  subgraph cluster_{workflow['name']} {{",
        f'  graph [label=<{title}>, style="rounded", color="{MUTED}", margin=14]',
        *(node(job_node(workflow, key), job_cell(job), colours[key]) for key, job in jobs.items()),
        *(
            f"  {job_node(workflow, near)} -> {job_node(workflow, key)}"
            for key in jobs
            for near in waits_for(jobs, key)
        ),
        # Jobs that run side by side stand under one another, or the picture would be too wide to read.
        *(f"  {above} -> {below} [style=invis]" for above, below in pairwise(first)),
        "  }",
    ]


def trigger_lines(workflow: dict[str, Any]) -> list[str]:
    """Return what starts a workflow, with an arrow to it."""
    lines = []
    for event, filters in workflow["on"].items():
        name = f"on_{workflow['name']}"
        title = {"pull_request": "pull request to", "push": "push to"}[event]
        label = f"{text(title, size=11, colour=MUTED)}<br/>"
        label += text(",\n".join(filters["branches"]), bold=True, size=13)
        if "tags" in filters:
            tags = text(", ".join(filters["tags"]), bold=True, size=13)
            label += f"<br/>{text('tags', size=11, colour=MUTED)} {tags}"
        lines.append(node(name, label, DATA))
        first = next(iter(workflow["jobs"]))
        lines.append(f"  {name} -> {job_node(workflow, first)} [lhead=cluster_{workflow['name']}]")
    return lines


def developer_line() -> str:
    """Return the node of what a developer runs before anything leaves the machine."""
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    names = [hook["name"] for repo in hooks["repos"] for hook in repo["hooks"]]
    shown = ",\n".join(", ".join(names[at : at + 2]) for at in range(0, len(names), 2))
    when = text("before each commit:", size=11, colour=MUTED)
    label = f"{text('feature/*', bold=True, size=14)}<br/>{when}<br/>{text(shown, size=10, colour=MUTED)}"
    return node("developer", label, SHARED)


def deployment_lines() -> list[str]:
    """Return what comes after the workflows: the registry, and who takes the images from there."""
    carries = text("headroom/<service>, signed,\nwith SBOM and provenance", size=11, colour=MUTED)
    hub = f"{text('Docker Hub', bold=True, size=13)}<br/>{carries}"
    candidate = f"{text('staging', bold=True, size=13)}<br/>{text('v1.2.3-rc.N', size=11, colour=MUTED)}"
    version = f"{text('production', bold=True, size=13)}<br/>{text('v1.2.3', size=11, colour=MUTED)}"
    return [
        node("registry", hub, SHARED),
        node("staging", candidate, DATA),
        node("production", version, DATA),
        "  release_publish -> registry",
        "  release_release -> registry [style=invis]",
        "  registry -> staging",
        "  registry -> production",
    ]


def legend() -> str:
    """Return what the colours mean, as a table for the graph's label."""
    rows = ((SERVICE, "on every push, without secrets"), (CONTROL, "on a tag, as the signing workflow"))
    cells = "".join(f'<td bgcolor="{fill}">{text(meaning, size=11)}</td>' for (fill, _), meaning in rows)
    return f'<table border="0" cellborder="0" cellspacing="6" cellpadding="4"><tr>{cells}</tr></table>'


def source() -> str:
    """Return the DOT source."""
    lines = [
        *header("cicd_pipeline", "From a branch to a release", rankdir="TB", below=legend()),
        "  graph [compound=true, nodesep=0.35, ranksep=0.35]",
        developer_line(),
    ]
    workflows = read_workflows()
    for workflow in workflows:
        lines += trigger_lines(workflow)
        lines += workflow_lines(workflow)
    row = ["developer", *(f"on_{workflow['name']}" for workflow in workflows)]
    lines += [
        *deployment_lines(),
        *(f"  {one} -> {two}" for one, two in pairwise(row)),
        f"  {{ rank=same; {'; '.join(row)} }}",
    ]
    return "\n".join([*lines, "}"]) + "\n"
