"""Writes what is made of the sources here, or with ``--check`` tells what is not up to date."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from textwrap import indent
from typing import Final

from observability.logs import LOGS
from observability.platform import PLATFORM
from observability.runs import RUNS

HERE: Final = Path(__file__).resolve().parent
RULES: Final = HERE / "prometheus" / "rules.yaml"
_RESOURCE: Final = """apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: headroom
spec:
"""


def generated() -> dict[Path, str]:
    """Return every file that is made here, with its text."""
    pages = {
        HERE / "grafana" / "dashboards" / f"{page.uid.removeprefix('headroom-')}.json": json.dumps(
            page.as_json(), indent=2, ensure_ascii=False
        )
        + "\n"
        for page in (PLATFORM, RUNS, LOGS)
    }
    return {**pages, HERE / "kubernetes" / "rules.yaml": prometheus_rule(RULES.read_text(encoding="utf-8"))}


def prometheus_rule(rules: str) -> str:
    """Return the resource of the Prometheus operator that holds the rules."""
    made = "# Made of observability/prometheus/rules.yaml by `make docs`.\n"
    return made + _RESOURCE + indent(rules[rules.index("groups:") :], "  ")


def main() -> int:
    """Write the files; with ``--check``, name those that are not up to date and return 1."""
    files = generated()
    if sys.argv[1:] != ["--check"]:
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return 0
    stale = [
        path for path, text in files.items() if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]
    for path in stale:
        print(f"{path.relative_to(HERE.parent)}: not up to date; run `make docs`", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
