"""``python -m headroom_faults``: play one seed, or many, outside the test suite."""

from __future__ import annotations

import argparse
import sys

from headroom_common.logs import silence
from headroom_faults.simulation import SimulationError, simulate


def say(line: str) -> None:
    sys.stdout.write(line + "\n")


def main() -> int:
    parser = argparse.ArgumentParser(prog="headroom_faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="the seed, or the first of several")
    parser.add_argument("--seeds", type=int, default=1, help="how many")
    parser.add_argument("--trace", action="store_true", help="print every step with its virtual time")
    arguments = parser.parse_args()
    silence(silent=True)
    failed = 0
    for seed in range(arguments.seed, arguments.seed + arguments.seeds):
        try:
            report = simulate(seed, tell=say if arguments.trace else None)
        except SimulationError as error:
            say(str(error))
            failed += 1
        else:
            if arguments.seeds == 1:
                say(f"seed {seed} holds: {report.steps} steps, {report.seconds:.1f} s, {report.digest}")
                say(str(report.plan))
    say(f"{arguments.seeds - failed} of {arguments.seeds} seeds hold")
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
