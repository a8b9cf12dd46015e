"""What docs/services.md says of settings and metrics; `make lint` compares its generated part."""

from pathlib import Path

import pytest

from headroom_common.event_manager.settings import EventManagerSettings
from headroom_common.service.document import generated, meanings_of, settings_of
from headroom_common.service.settings import ServiceSettings
from headroom_common.transports.settings import BrokerSettings

PAGE = Path(__file__).parents[3] / "docs" / "services.md"


@pytest.mark.parametrize("model", [ServiceSettings, EventManagerSettings, BrokerSettings])
def test_every_setting_has_its_meaning(model: type[ServiceSettings]) -> None:
    meanings = meanings_of(model)
    assert set(model.model_fields) == set(meanings)
    assert all(meaning.endswith(".") for meaning in meanings.values())


def test_inherited_settings_keep_their_meaning() -> None:
    class More(ServiceSettings):
        """Settings of one service.

        Attributes:
            port: where this one listens.
            limit: how much it takes.
        """

        limit: int

    listed = {name: (default, meaning) for name, default, meaning in settings_of(More)}
    assert listed["HEADROOM_LIMIT"] == ("required", "how much it takes.")
    assert listed["HEADROOM_PORT"] == ("`8080`", "where this one listens.")
    assert listed["HEADROOM_REDIS_TIMEOUT"][1] == "seconds that one question to Redis may take."
    page = generated({"one": More})
    assert page.count("HEADROOM_REDIS_TIMEOUT") == 1
    assert "### Of one alone" in page


def test_settings_are_listed_as_variables() -> None:
    listed = {name: default for name, default, _ in settings_of(ServiceSettings)}
    assert listed["HEADROOM_PORT"] == "`8080`"
    assert listed["HEADROOM_EVENT_MANAGER__RETRY_BASE"] == "`0.5`"
    assert listed["HEADROOM_BROKER__RETRY_DELAYS"] == "`[1, 10, 60, 600]`"
    assert listed["HEADROOM_REDIS_URL"] == "none"


def test_every_metric_is_described() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name in (
        "headroom_event_handling_seconds",
        "headroom_simulated_requests_total",
        "headroom_events_received_total",
        "headroom_events_handled_total",
        "headroom_events_duplicates_total",
        "headroom_events_unwanted_total",
        "headroom_events_retried_total",
        "headroom_events_dead_lettered_total",
        "headroom_events_refused_total",
        "headroom_events_published_total",
        "headroom_events_in_hand",
        "headroom_service_state",
        "headroom_build_info",
    ):
        assert f"`{name}" in text
