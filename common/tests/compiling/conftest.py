"""Makes the helpers shared with the simulation core's tests importable: test folders are no packages."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "simcore"))
