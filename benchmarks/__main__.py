"""Measure: ``python -m benchmarks``; ``--help`` lists the choices."""

import sys

from benchmarks.suite import main

sys.exit(main())
