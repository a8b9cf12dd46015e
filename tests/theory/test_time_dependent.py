"""What changes over time: ramps of the arrival rate, and crowds drawn anew in every window."""

import math

import pytest
from queueing.checks import assert_agrees, simulate
from queueing.models import model, poisson, station
from scipy.stats import chi2

TRIALS = 200


def ramp(t: float) -> float:
    """Return the integral over [0, t] of a rate that climbs from 10/s to 110/s in 20 s, then stays."""
    climbing = min(max(t, 0.0), 20.0)
    return 10.0 * max(t, 0.0) + 2.5 * climbing**2 + 100.0 * (max(t, 20.0) - 20.0)


def test_requests_in_service_follow_a_ramp() -> None:
    """M_t/D/∞ (Eick, Massey and Whitt 1993): with service d, N(t) is Poisson of mean Λ(t) - Λ(t - d).

    Means over trials at instants more than d apart are independent, so their squared standard scores add
    up to a chi-square variable.
    """
    service = 0.5
    points = [{"at": "0s", "rate": "10/s"}, {"at": "20s", "rate": "110/s"}]
    arrivals = {"kind": "poisson", "rate": {"shape": "linear", "points": points}}
    document = model("ramp", [station([{"io": "500ms"}])], arrivals, horizon=30, warmup=0)
    document["spec"]["sample_period"] = "1s"
    series = simulate(document, trials=TRIALS).document["series"]
    (server,) = series["servers"]
    score = 0.0
    for t, mean in list(zip(series["times"], server["in_system"], strict=True))[1:]:
        truth = ramp(t) - ramp(t - service)
        score += (mean - truth) ** 2 / (truth / TRIALS)
    assert score < chi2.ppf(0.999, df=30)
    assert score > chi2.ppf(0.001, df=30), "too good to be true"


def test_a_rate_in_steps_gives_the_arrivals_of_its_integral() -> None:
    points = [{"at": "0s", "rate": "0/s"}, {"at": "10s", "rate": "100/s"}, {"at": "15s", "rate": "20/s"}]
    arrivals = {"kind": "poisson", "rate": {"shape": "step", "points": points}}
    result = simulate(model("steps", [station([{"io": "1ms"}])], arrivals, horizon=30, warmup=0), trials=100)
    assert_agrees(result.outcomes["ok"], 5 * 100.0 + 15 * 20.0, within=0.02)


@pytest.mark.parametrize(("law", "sd"), [("poisson", math.sqrt(20.0)), ("normal", 4.0)])
def test_crowds_send_what_their_members_send(law: str, sd: float) -> None:
    """Means add up, and so do variances: a window's count has variance E[N]rw + Var[N](rw)²."""
    mean, rate, window, windows = 20.0, 3.0, 2.0, 30
    users = {"mean": mean, "law": law} | ({"sd": sd} if law == "normal" else {})
    arrivals = {"kind": "users", "users": users, "rate_per_user": f"{rate:g}/s", "window": f"{window:g}s"}
    horizon = window * windows
    crowd = simulate(
        model(f"crowd-{law}", [station([{"io": "1ms"}])], arrivals, horizon=horizon, warmup=0), trials=300
    )
    expected = mean * rate * horizon
    assert_agrees(crowd.outcomes["ok"], expected, within=0.02)
    count = crowd.outcomes["ok"]
    per_user = rate * window
    spread = math.sqrt(windows * (mean * per_user + (sd * per_user) ** 2))
    measured = (
        (count.high - count.low) / 2.0 / 3.32 * math.sqrt(300)
    )  # 3.32: Student's t at 99.9 %, 299 degrees
    assert measured == pytest.approx(spread, rel=0.15)
    plain = simulate(
        model("plain", [station([{"io": "1ms"}])], poisson(mean * rate), horizon=horizon, warmup=0)
    )
    assert_agrees(plain.outcomes["ok"], expected, within=0.02)
