"""Writes the golden results anew: `python tests/golden/regenerate.py`.

Do so only when a change of the results is wanted, say why in the commit, and read the diff.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from headroom import Scenario, run

HERE = Path(__file__).parent
SCENARIOS = HERE / "scenarios"
RESULTS = HERE / "results"
SUMS = RESULTS / "SHA256SUMS"
NAMES = ("balanced-fleet", "closed-loop", "outage")
SEED = 2026
TRIALS = 3


def result_text(name: str) -> str:
    """Run a golden scenario and return its result as the file's text."""
    return run(Scenario.from_yaml(SCENARIOS / f"{name}.yaml"), trials=TRIALS, seed=SEED).to_json()


def checksum(text: str) -> str:
    """Return the SHA-256 of a text in UTF-8."""
    return hashlib.sha256(text.encode()).hexdigest()


def main() -> None:
    """Write every result and the list of their checksums, in the format of `sha256sum`."""
    RESULTS.mkdir(exist_ok=True)
    lines = []
    for name in NAMES:
        text = result_text(name)
        (RESULTS / f"{name}.json").write_text(text, encoding="utf-8", newline="\n")
        lines.append(f"{checksum(text)}  {name}.json\n")
    SUMS.write_text("".join(lines), encoding="utf-8", newline="\n")
    sys.stdout.write("".join(lines))


if __name__ == "__main__":
    main()
