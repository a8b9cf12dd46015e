"""Whatever is replaced, scaled or taken away: users are answered, and runs give the bytes of others."""

import pytest
from headroom_clusters.nodes import SERVICES
from headroom_clusters.platforms import START_BUDGET_SECONDS, Platform

_WHILE_AWAY = {200, 202, 503}
"""Answers while something that the gateway needs is away: what it cannot do is put off, with Retry-After."""


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_replaced_and_scaled_and_nobody_notices(complete: Platform, service: str) -> None:
    with complete.load() as load:
        complete.restart(service)
        complete.scale(service, 3)
        complete.scale(service, 1)
        complete.settle(service)
    complete.say(f"{service} replaced and scaled: {load.count}")
    load.count.expect_nothing_noticed()
    starts = complete.starts[service]
    assert len(starts) >= 3, "one of the restart, two of the scaling"
    assert {name: seconds for name, seconds in starts.items() if seconds > START_BUDGET_SECONDS} == {}


@pytest.mark.parametrize("service", SERVICES)
def test_a_pod_is_taken_away_with_no_grace(complete: Platform, service: str) -> None:
    """Connections to a gateway that is gone break, so there are two of it, and the client asks again."""
    if service == "gateway":
        complete.scale(service, 2)
    with complete.load() as load:
        complete.kill(service)
    complete.say(f"{service} killed: {load.count}")
    if service == "gateway":
        complete.scale(service, 1)
    else:
        assert load.count.broken == {}
    assert load.count.statuses.keys() <= _WHILE_AWAY
    # Without analysis there are no reports; the client gives up after ten seconds, and says so.
    assert service == "analysis" or load.count.failed == []
    assert load.count.runs > 0


@pytest.mark.parametrize("server", ["rabbitmq", "postgresql", "redis"])
def test_a_server_is_taken_away_with_no_grace(complete: Platform, server: str) -> None:
    """The gateway tells its users to come again while it has no database."""
    if not complete.keeps_data and server != "redis":
        pytest.skip("the cluster gives out no storage: what the server kept goes with its pod")
    with complete.load() as load:
        complete.kill(server)
        complete.until_complete()
    complete.say(f"{server} killed: {load.count}")
    assert load.count.broken == {}
    assert load.count.statuses.keys() <= _WHILE_AWAY
    assert load.count.runs > 0
