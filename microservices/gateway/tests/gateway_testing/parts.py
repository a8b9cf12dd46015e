"""The parts of an instance on a storage, with a clock that is turned by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway_testing.posts import relay_of
from headroom_gateway.analysis_client import AnalysisClient
from headroom_gateway.feeds import Feeds
from headroom_gateway.parts import Parts
from headroom_gateway.roster import Roster
from headroom_gateway.settings import GatewaySettings
from headroom_gateway.storage.results import LocalHotSet
from headroom_gateway.submission import Quotas, Submission

if TYPE_CHECKING:
    from gateway_testing.storage import Storage


def parts_of(storage: Storage, *, quotas: Quotas | None = None, most_running: int = 10) -> Parts:
    """Return all parts but for a broker."""
    settings: dict[str, Any] = {"host": "127.0.0.1", "database_url": storage.url}
    feeds = Feeds(storage.runs, most_followers=10)
    relay = relay_of(storage, feeds, most_running=most_running)
    return Parts(
        settings=GatewaySettings(**settings),
        clock=storage.clock,
        database=storage.database,
        scenarios=storage.scenarios,
        runs=storage.runs,
        results=storage.results,
        submission=Submission(
            storage.database,
            storage.scenarios,
            storage.runs,
            relay,
            storage.clock,
            quotas or Quotas(200, 2e9),
        ),
        relay=relay,
        feeds=feeds,
        analysis=AnalysisClient("http://127.0.0.1:9", timeout=1.0, hot=LocalHotSet()),
        roster=Roster(storage.clock),
    )
