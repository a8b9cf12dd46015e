"""Makes the formulas and the oracle's pipeline driver importable: test folders are no packages of their own."""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "oracle")]
