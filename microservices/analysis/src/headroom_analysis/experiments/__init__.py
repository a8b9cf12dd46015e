"""Experiments: procedures that ask for batches of trials until they can answer, and their documents."""

from headroom_analysis.experiments.advancing import Progress, Step, advance
from headroom_analysis.experiments.batches import Batch

__all__ = ["Batch", "Progress", "Step", "advance"]
