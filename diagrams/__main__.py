"""Write the diagrams' sources from the code and draw them: ``python -m diagrams [--check]``."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from diagrams import (
    broker_topology,
    cicd_pipeline,
    event_flow,
    mach_architecture,
    microservices_deployment,
    security_architecture,
    service_states,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FOLDER = Path(__file__).resolve().parent
SOURCES: Mapping[str, Callable[[], str]] = {
    "mach_architecture": mach_architecture.source,
    "event_flow": event_flow.source,
    "broker_topology": broker_topology.source,
    "service_states": service_states.source,
    "microservices_deployment": microservices_deployment.source,
    "security_architecture": security_architecture.source,
    "cicd_pipeline": cicd_pipeline.source,
}


def stale() -> list[str]:
    """Return the names of diagrams whose committed source is not what the code gives."""
    found = []
    for name, source in SOURCES.items():
        path = FOLDER / f"{name}.dot"
        if not path.exists() or path.read_text(encoding="utf-8") != source():
            found.append(name)
    return found


def draw(dot: str, name: str, kind: str) -> None:
    """Write one source and render it with Graphviz."""
    path = FOLDER / f"{name}.dot"
    path.write_text(SOURCES[name](), encoding="utf-8")
    target = path.with_suffix(f".{kind}")
    subprocess.run([dot, f"-T{kind}", str(path), "-o", str(target)], check=True)  # noqa: S603 - no shell
    print(f"drew {target.relative_to(FOLDER.parent)}")


def main() -> int:
    """Write and draw, or with ``--check`` compare the sources; return the exit status."""
    parser = argparse.ArgumentParser(prog="diagrams", description="Write and draw the diagrams.")
    parser.add_argument(
        "--check", action="store_true", help="change nothing, fail when a source would change"
    )
    parser.add_argument("--kind", default="svg", help="format to draw: svg (committed), png, pdf")
    options = parser.parse_args()
    if options.check:
        old = stale()
        if old:
            print(f"out of date: {', '.join(old)}: run `make diagrams` and commit the result")
        return 1 if old else 0
    dot = shutil.which("dot")
    if dot is None:
        print("Graphviz is not installed: run `make diagrams`, which installs it where apt is")
        return 1
    for name in SOURCES:
        draw(dot, name, options.kind)
    return 0


if __name__ == "__main__":
    sys.exit(main())
