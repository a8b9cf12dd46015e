"""Laws of random durations, their parameters named as in the YAML.

Every function returns the mapping that stands in the YAML wherever a duration may be random.
"""

from collections.abc import Sequence

from headroom.builder.parts import Part


def constant(value: str) -> Part:
    """Always `value`; the bare duration says the same."""
    return {"distribution": "constant", "value": value}


def exponential(mean: str) -> Part:
    """The exponential law with this mean."""
    return {"distribution": "exponential", "mean": mean}


def normal(mean: str, sd: str) -> Part:
    """The normal law, truncated at 0."""
    return {"distribution": "normal", "mean": mean, "sd": sd}


def lognormal(mean: str, sd: str) -> Part:
    """The log-normal law; `mean` and `sd` are those of the duration itself."""
    return {"distribution": "lognormal", "mean": mean, "sd": sd}


def uniform(low: str, high: str) -> Part:
    """Every duration between `low` and `high` alike."""
    return {"distribution": "uniform", "low": low, "high": high}


def gamma(mean: str, sd: str) -> Part:
    """The gamma law."""
    return {"distribution": "gamma", "mean": mean, "sd": sd}


def weibull(shape: float, scale: str) -> Part:
    """The Weibull law."""
    return {"distribution": "weibull", "shape": shape, "scale": scale}


def pareto(shape: float, minimum: str) -> Part:
    """The Pareto law; a smaller `shape` has a heavier tail."""
    return {"distribution": "pareto", "shape": shape, "minimum": minimum}


def empirical(quantiles: Sequence[str]) -> Part:
    """A measured law: its quantiles at equal steps, from the least to the greatest duration."""
    return {"distribution": "empirical", "quantiles": list(quantiles)}
