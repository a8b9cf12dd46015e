"""What is broken at an instant: plain scans over the scenario's faults."""

from __future__ import annotations

from typing import Any

BILLION = 1_000_000_000


class Faults:
    """All faults of a scenario; every question is answered by looking at each of them."""

    def __init__(self, spec: Any) -> None:
        self.faults = spec.faults

    def _active(self, kind: str, t: int) -> list[Any]:
        return [fault for fault in self.faults if fault.kind == kind and fault.start <= t < fault.end]

    def is_down(self, server: str, replica: int, t: int) -> bool:
        return any(
            fault.server == server and fault.replica in (None, replica)
            for fault in self._active("server_down", t)
        )

    def slowdown(self, server: str, replica: int, t: int) -> float:
        factor = 1.0
        for fault in self._active("server_slowdown", t):
            if fault.server == server and fault.replica in (None, replica):
                factor += fault.factor - 1.0
        return factor

    def extra_delay(self, link: str, t: int) -> int:
        return sum(fault.extra for fault in self._active("link_delay", t) if fault.link == link)

    def extra_loss_ppb(self, link: str, t: int) -> int:
        return sum(
            int(fault.loss * 1e9 + 0.5) for fault in self._active("link_loss", t) if fault.link == link
        )

    def kills(self) -> list[Any]:
        """Return the faults at whose start everything in flight is lost."""
        return [fault for fault in self.faults if fault.kind == "server_down" and fault.in_flight == "lost"]
