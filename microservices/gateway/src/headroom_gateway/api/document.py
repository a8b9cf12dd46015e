"""What the OpenAPI document says besides the routes."""

from typing import Final

from fastapi import FastAPI

DESCRIPTION: Final = """\
Will this backend hold, and how much headroom is left? Send a scenario, ask for a run, follow it, and fetch
what it found out.

* **Scenarios** are stored under the hash of their content; storing one again changes nothing.
* **Runs** are accepted with 202 and simulated, whatever dies meanwhile. An equal run whose result is stored
  is answered at once with 201; `Cache-Status` says which it was, and `Cache-Control: no-cache` has it
  simulated anyway.
* **Experiments** are many runs of a scenario and its variants, of which each round depends on what the ones
  before gave: to a precision, over a range, up to a limit, against another scenario.
* **News** of a run or an experiment come as server-sent events with ascending ids; `Last-Event-ID` goes on
  where a connection was lost.
* **Failures** are problem details (RFC 9457). Their `type` is `about:blank`, or `urn:headroom:problem:` and
  one of the kinds that the API reference lists.
* Every answer has an `X-Request-ID`; the log has more under it.
"""

TAGS: Final = [
    {"name": "scenarios", "description": "What is simulated."},
    {"name": "runs", "description": "Simulations: asked for, looked at, ended."},
    {"name": "results", "description": "What a run found out, and its news while it goes on."},
    {"name": "experiments", "description": "Many runs for one answer: asked for, looked at, ended."},
    {"name": "schema", "description": "What scenarios are made of."},
    {"name": "services", "description": "The platform's services."},
    {"name": "keys", "description": "API keys."},
    {"name": "service", "description": "This instance."},
    {"name": "health", "description": "For probes."},
    {"name": "metrics", "description": "For Prometheus."},
]


def describe(app: FastAPI) -> None:
    """Have an application's OpenAPI document say what the interface is for."""
    app.description = DESCRIPTION
    app.openapi_tags = TAGS
    app.summary = "Runs, results and progress of simulated backends"
    app.license_info = {"name": "Apache-2.0", "identifier": "Apache-2.0"}
