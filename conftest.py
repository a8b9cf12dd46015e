"""Settings of all test suites: generated examples may take their time, for the machine may be busy."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "busy-machine", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("busy-machine")
