"""Sampling of durations: every distribution of the scenario from counter-based uniforms.

Samples are whole nanoseconds ≥ 0.
"""

from __future__ import annotations

from math import sqrt
from typing import Any, Final

from headroom_common.simcore.elementary import exp, log, power
from headroom_common.simcore.jit import bits_float, called, inlined
from headroom_common.simcore.random import uniform
from headroom_common.simcore.sites import SUBSITE
from headroom_common.simcore.tables import (
    D_CONSTANT,
    D_FIRST,
    D_KIND,
    D_SECOND,
    D_START,
    D_STOP,
    D_THIRD,
    LAWS,
    QUANTILES,
    S_STREAM,
    SCALARS,
)
from headroom_common.simcore.world import row_of, table

CONSTANT: Final = 0
EXPONENTIAL: Final = 1
NORMAL: Final = 2
LOGNORMAL: Final = 3
UNIFORM: Final = 4
GAMMA: Final = 5
WEIBULL: Final = 6
PARETO: Final = 7
POISSON: Final = 8
EMPIRICAL: Final = 9

LONGEST_NS: Final = 1 << 53
"""A sample is cut here (104 days): beyond it neither floats nor latency buckets are exact."""

_POISSON_CHUNK = 500.0


@inlined
def nanoseconds(seconds: float) -> int:
    """Round seconds to whole nanoseconds, within [0, `LONGEST_NS`]."""
    scaled = seconds * 1e9 + 0.5
    if scaled < 1.0:
        return 0
    if scaled > float(LONGEST_NS):
        return LONGEST_NS
    return int(scaled)


# Coefficients of AS 241 (PPND16), highest power first: numerators and denominators of its three regions.
_CENTRE_TOP: Final = (
    2.5090809287301226727e3,
    3.3430575583588128105e4,
    6.7265770927008700853e4,
    4.5921953931549871457e4,
    1.3731693765509461125e4,
    1.9715909503065514427e3,
    1.3314166789178437745e2,
    3.3871328727963666080e0,
)
_CENTRE_BOTTOM: Final = (
    5.2264952788528545610e3,
    2.8729085735721942674e4,
    3.9307895800092710610e4,
    2.1213794301586595867e4,
    5.3941960214247511077e3,
    6.8718700749205790830e2,
    4.2313330701600911252e1,
    1.0,
)
_MIDDLE_TOP: Final = (
    7.74545014278341407640e-4,
    2.27238449892691845833e-2,
    2.41780725177450611770e-1,
    1.27045825245236838258e0,
    3.64784832476320460504e0,
    5.76949722146069140550e0,
    4.63033784615654529590e0,
    1.42343711074968357734e0,
)
_MIDDLE_BOTTOM: Final = (
    1.05075007164441684324e-9,
    5.47593808499534494600e-4,
    1.51986665636164571966e-2,
    1.48103976427480074590e-1,
    6.89767334985100004550e-1,
    1.67638483018380384940e0,
    2.05319162663775882187e0,
    1.0,
)
_FAR_TOP: Final = (
    2.01033439929228813265e-7,
    2.71155556874348757815e-5,
    1.24266094738807843860e-3,
    2.65321895265761230930e-2,
    2.96560571828504891230e-1,
    1.78482653991729133580e0,
    5.46378491116411436990e0,
    6.65790464350110377720e0,
)
_FAR_BOTTOM: Final = (
    2.04426310338993978564e-15,
    1.42151175831644588870e-7,
    1.84631831751005468180e-5,
    7.86869131145613259100e-4,
    1.48753612908506148525e-2,
    1.36929880922735805310e-1,
    5.99832206555887937690e-1,
    1.0,
)
_CENTRE_HALF_WIDTH: Final = 0.425
_MIDDLE_END: Final = 5.0


@called
def _ratio(x: float, top: tuple[float, ...], bottom: tuple[float, ...]) -> float:
    """Evaluate a ratio of two polynomials by Horner's rule."""
    numerator = 0.0
    for coefficient in top:
        numerator = numerator * x + coefficient
    denominator = 0.0
    for coefficient in bottom:
        denominator = denominator * x + coefficient
    return numerator / denominator


@called
def normal_quantile(p: float) -> float:
    """Inverse of the standard normal distribution function (Wichura 1988, algorithm AS 241, PPND16)."""
    q = p - 0.5
    if -_CENTRE_HALF_WIDTH <= q <= _CENTRE_HALF_WIDTH:
        return q * _ratio(0.180625 - q * q, _CENTRE_TOP, _CENTRE_BOTTOM)
    tail = p if q < 0.0 else 1.0 - p
    r = sqrt(-log(tail))
    if r <= _MIDDLE_END:
        value = _ratio(r - 1.6, _MIDDLE_TOP, _MIDDLE_BOTTOM)
    else:
        value = _ratio(r - _MIDDLE_END, _FAR_TOP, _FAR_BOTTOM)
    return -value if q < 0.0 else value


@called
def standard_gamma(shape: float, stream: int, identity: int, site: int) -> float:
    """Draw from Gamma(shape, 1) by rejection (Marsaglia and Tsang 2000), boosted by U^(1/shape) below 1."""
    boosted = shape if shape >= 1.0 else shape + 1.0
    d = boosted - 1.0 / 3.0
    c = 1.0 / sqrt(9.0 * d)
    k = 1
    while True:
        x = normal_quantile(uniform(stream, identity, site + k * SUBSITE))
        u = uniform(stream, identity, site + (k + 1) * SUBSITE)
        k = k + 2
        root = 1.0 + c * x
        if root <= 0.0:
            continue
        v = root * root * root
        if log(u) < 0.5 * x * x + d - d * v + d * log(v):
            break
    if shape < 1.0:
        return d * v * power(uniform(stream, identity, site), 1.0 / shape)
    return d * v


@called
def poisson(mean: float, stream: int, identity: int, site: int) -> int:
    """Draw from Poisson(mean) by sequential inversion, in chunks of at most 500 lest e^-mean underflow."""
    total = 0
    remaining = mean
    k = 0
    while remaining > 0.0:
        chunk = min(_POISSON_CHUNK, remaining)
        remaining = remaining - chunk
        u = uniform(stream, identity, site + k * SUBSITE)
        k = k + 1
        count = 0
        probability = exp(-chunk)
        cumulative = probability
        while u > cumulative and probability > 0.0:
            count = count + 1
            probability = probability * chunk / float(count)
            cumulative = cumulative + probability
        total = total + count
    return total


@called
def truncated_normal(mean: float, sd: float, below_zero: float, u: float) -> float:
    """Transform a uniform into a normal conditioned on being positive; `below_zero` = Φ(-mean/sd)."""
    p = below_zero + u * (1.0 - below_zero)
    if p >= 1.0:
        p = 1.0 - 1.1102230246251565e-16
    value = mean + sd * normal_quantile(p)
    return max(0.0, value)


@inlined
def sample_ns(world: Any, row: int, identity: int, site: int) -> int:  # noqa: ANN401 - a world
    """Draw a duration in nanoseconds from the law in row `row` of `LAWS`.

    Parameters (first, second, third), in seconds unless said otherwise: exponential: mean. normal
    (truncated at 0):
    mean, sd, P(untruncated < 0). lognormal: mu and sigma of the logarithm. uniform: low, high. gamma:
    shape (a number), scale. weibull and pareto: shape (a number), scale or minimum. poisson: mean in
    milliseconds. empirical: rows START to STOP of `QUANTILES`, equally spaced in probability from 0 to 1.
    """
    laws = row_of(world, LAWS, row)
    kind = laws[D_KIND]
    if kind == CONSTANT:
        return laws[D_CONSTANT]
    if kind == EXPONENTIAL:
        u = uniform(row_of(world, SCALARS, 0)[S_STREAM], identity, site)
        return nanoseconds(-log(u) * bits_float(laws[D_FIRST]))
    return _other_ns(world, row, identity, site)


@called
def _other_ns(world: Any, row: int, identity: int, site: int) -> int:  # noqa: ANN401, PLR0911 - a world; one return per law
    """Draw from a law that is neither constant nor exponential."""
    laws = row_of(world, LAWS, row)
    kind = laws[D_KIND]
    stream = row_of(world, SCALARS, 0)[S_STREAM]
    first = bits_float(laws[D_FIRST])
    second = bits_float(laws[D_SECOND])
    if kind == GAMMA:
        return nanoseconds(standard_gamma(first, stream, identity, site) * second)
    if kind == POISSON:
        return poisson(first, stream, identity, site) * 1_000_000
    u = uniform(stream, identity, site)
    if kind == NORMAL:
        return nanoseconds(truncated_normal(first, second, bits_float(laws[D_THIRD]), u))
    if kind == LOGNORMAL:
        return nanoseconds(exp(first + second * normal_quantile(u)))
    if kind == UNIFORM:
        return nanoseconds(first + (second - first) * u)
    if kind == WEIBULL:
        return nanoseconds(second * power(-log(u), 1.0 / first))
    if kind == PARETO:
        return nanoseconds(second * power(u, -1.0 / first))
    return _empirical_ns(world, row, u)


@called
def _empirical_ns(world: Any, row: int, u: float) -> int:  # noqa: ANN401 - a world
    """Invert a measured law at `u`: straight lines between its quantiles."""
    laws = row_of(world, LAWS, row)
    quantiles = table(world, QUANTILES)
    start = laws[D_START]
    position = u * float(laws[D_STOP] - start - 1)
    index = int(position)
    low = bits_float(quantiles[start + index, 0])
    high = bits_float(quantiles[start + index + 1, 0])
    return nanoseconds(low + (high - low) * (position - float(index)))
