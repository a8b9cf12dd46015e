"""HTTP load by wrk (Debian's ``wrk``), and what it found."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

CONNECTIONS: Final = 16
_UNITS: Final = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}
_RATE: Final = re.compile(r"Requests/sec:\s+([\d.]+)")
_TOTAL: Final = re.compile(r"(\d+) requests in")
_P99: Final = re.compile(r"99%\s+([\d.]+)(us|ms|s|m)\b")
_REFUSED: Final = re.compile(r"Non-2xx or 3xx responses: (\d+)|Socket errors: (.*)")


class LoadError(Exception):
    """Not every request was answered as it should."""


@dataclass(frozen=True, slots=True)
class Load:
    """One measurement.

    Attributes:
        requests: how many were answered.
        rate: of them per second.
        p99: seconds that 99 of 100 were answered within.
    """

    requests: int
    rate: float
    p99: float


def load(url: str, seconds: int, *, body: object = None, headers: Mapping[str, str] | None = None) -> Load:
    """Ask for a URL as often as ``CONNECTIONS`` clients can; a body makes it POST.

    Raises:
        LoadError: a request was refused or not answered.
    """
    script = [
        f"wrk.headers[{json.dumps(name)}] = {json.dumps(value)}" for name, value in (headers or {}).items()
    ]
    if body is not None:
        script += ['wrk.method = "POST"', f"wrk.body = {json.dumps(json.dumps(body))}"]
        script += ['wrk.headers["Content-Type"] = "application/json"']
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "request.lua"
        path.write_text("\n".join(script), encoding="utf-8")
        command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", "-s", str(path), url]
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    refused = _REFUSED.search(told)
    found = _TOTAL.search(told), _RATE.search(told), _P99.search(told)
    total, rate, p99 = found
    if refused or total is None or rate is None or p99 is None:
        message = f"{url}: expected every request answered, found:\n{told}"
        raise LoadError(message)
    return Load(int(total[1]), float(rate[1]), float(p99[1]) * _UNITS[p99[2]])
