"""Whatever is replaced, scaled or taken away: users are answered, and runs give the bytes of others."""

import pytest
from headroom_clusters.nodes import SERVICES
from headroom_clusters.platforms import START_BUDGET_SECONDS, Platform

pytestmark = pytest.mark.xdist_group("containers")


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_replaced_and_scaled_and_nobody_notices(complete: Platform, service: str) -> None:
    with complete.load() as load:
        complete.restart(service)
        complete.scale(service, 3)
        complete.scale(service, 1)
        complete.settle(service)
    complete.say(f"{service}: {load.count}")
    assert load.count.broken == {}
    assert load.count.refused == 0, load.count
    assert load.count.failed == []
    assert load.count.runs > 0


@pytest.mark.parametrize("service", SERVICES)
def test_a_pod_is_taken_away_with_no_grace(complete: Platform, service: str) -> None:
    """Connections to a gateway that is gone break, so there are two of it, and the client asks again."""
    replicas = 2 if service == "gateway" else 1
    complete.scale(service, replicas)
    with complete.load() as load:
        complete.kill(service)
    complete.scale(service, 1)
    complete.say(f"{service}: {load.count}")
    assert service == "gateway" or load.count.broken == {}
    assert set(load.count.statuses) <= {200, 202, 503}, load.count
    assert [failure for failure in load.count.failed if service != "analysis"] == []
    assert load.count.runs > 0


@pytest.mark.parametrize("server", ["rabbitmq", "postgresql", "redis"])
def test_a_server_is_taken_away_with_no_grace(complete: Platform, server: str) -> None:
    """The gateway tells its users to come again while it has no database."""
    if not complete.keeps_data and server != "redis":
        pytest.skip("the cluster gives out no storage: what the server kept goes with its pod")
    with complete.load() as load:
        complete.kill(server)
        complete.until_complete()
    complete.say(f"{server}: {load.count}")
    assert load.count.broken == {}
    assert set(load.count.statuses) <= {200, 202, 503}, load.count
    assert load.count.runs > 0


@pytest.mark.parametrize("service", SERVICES)
def test_pods_are_ready_within_their_budget(complete: Platform, service: str) -> None:
    complete.restart(service)
    starts = complete.starts[service]
    late = {name: seconds for name, seconds in starts.items() if seconds > START_BUDGET_SECONDS}
    assert starts
    assert late == {}
