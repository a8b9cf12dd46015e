"""Makes the tests' shared helpers importable: test folders are no packages of their own."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
