"""Settings of all test suites: generated examples may take their time, for the machine may be busy.

They are the same in every run, so that a change is what broke a test; `make soak` looks at other ones.
"""

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "busy-machine",
    deadline=None,
    derandomize="HEADROOM_SOAK" not in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("busy-machine")
