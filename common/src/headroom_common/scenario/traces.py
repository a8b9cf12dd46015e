"""Trace files: recorded arrival times next to the scenario that names them, read and inlined at loading."""

from pathlib import Path
from typing import Any

from headroom_common.scenario.arrivals import MAX_TRACE_TIMES
from headroom_common.scenario.base import describe
from headroom_common.scenario.draft import Loc, mappings, quietly
from headroom_common.scenario.problems import Place, Problem, path_text
from headroom_common.scenario.units import format_duration, parse_duration

MAX_TRACE_BYTES = 64 * 2**20


def inline_traces(document: Any, folder: Path | None) -> list[Place]:  # noqa: ANN401 - a plain document
    """Replace `file` by `times` in every trace of *document*, in place.

    Args:
        document: the plain document.
        folder: where its file lies; None when it came as text, which may name no files.

    Returns:
        What was wrong with the files.
    """
    found: list[Place] = []
    spec = document.get("spec") if isinstance(document, dict) else None
    for index, workload in mappings(spec, "workloads"):
        arrivals = workload.get("arrivals")
        if not isinstance(arrivals, dict) or arrivals.get("kind") != "trace" or "file" not in arrivals:
            continue
        loc: Loc = ("spec", "workloads", index, "arrivals", "file")
        outcome = _read(arrivals, folder)
        if isinstance(outcome, list):
            workload["arrivals"] = {key: value for key, value in arrivals.items() if key != "file"} | {
                "times": outcome
            }
        else:
            expected, shown = outcome
            found.append(Place(loc, Problem(path_text(loc), None, None, expected, shown)))
            # One time keeps the model from complaining about the missing times as well.
            workload["arrivals"] = {"kind": "trace", "times": ["0s"]}
    return found


def _read(arrivals: dict[str, Any], folder: Path | None) -> list[str] | tuple[str, str]:
    """Return the times of the file, or what was expected and what was found."""
    name = arrivals["file"]
    if "times" in arrivals:
        return "either 'times' or 'file'", "both"
    if not isinstance(name, str) or not name:
        return "a file name such as trace.csv", describe(name)
    if folder is None:
        return "'times' (files are read only for a scenario that is a file itself)", describe(name)
    path = folder / name
    try:
        if path.stat().st_size > MAX_TRACE_BYTES:
            return "a file of at most 64 MiB", f"'{name}' of {path.stat().st_size:,} bytes"
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
        return "a readable file next to the scenario", f"'{name}': {reason}"
    return _times(name, lines)


def _times(name: str, lines: list[str]) -> list[str] | tuple[str, str]:
    times: list[str] = []
    for number, line in enumerate(lines, 1):
        cell = line.split(",", 1)[0].strip().strip('"')
        if not cell or cell.startswith("#"):
            continue
        nanoseconds = quietly(parse_duration, f"{cell}s" if cell[-1].isdigit() else cell)
        if nanoseconds is None and number > 1:
            return (
                "seconds or durations in the first column",
                f"{describe(cell)} in line {number} of '{name}'",
            )
        if nanoseconds is not None:  # else the first line is a heading
            times.append(format_duration(nanoseconds))
    if not times or len(times) > MAX_TRACE_TIMES:
        return f"1 to {MAX_TRACE_TIMES:,} times", f"{len(times):,} in '{name}'"
    return times
