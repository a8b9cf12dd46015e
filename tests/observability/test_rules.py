"""Every alert fires when it should and is silent when it should: rules played through by ``promtool``.

A case is a platform where all is well but for some series, and what fires then.
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml
from headroom_servers.services import SERVICES

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT: Final = Path(__file__).resolve().parents[2]
RULES: Final = ROOT / "observability/prometheus/rules.yaml"
EVERY: Final = ("gateway", *SERVICES)
TROUBLES: Final = ("connection", "confirms", "inbox", "database", "preparation")
HOURS: Final = 2
ANALYSED: Final = "headroom.trial.analysed.v1"

Series = dict[str, str]


def always(value: float) -> str:
    return f"{value:g}x{60 * HOURS}"


def growing(per_minute: float) -> str:
    return f"0+{per_minute:g}x{60 * HOURS}"


def of(metric: str, service: str, **labels: str) -> str:
    """A series of a service's only instance."""
    named = {"job": "headroom", "service": service, "instance": f"{service}:8080", **labels}
    return metric + "{" + ", ".join(f'{name}="{value}"' for name, value in named.items()) + "}"


def at_broker(metric: str, **labels: str) -> str:
    named = {"job": "headroom-queues", "instance": "rabbitmq:15692", "vhost": "/", **labels}
    return metric + "{" + ", ".join(f'{name}="{value}"' for name, value in named.items()) + "}"


def queue(metric: str, name: str) -> str:
    return at_broker(f"rabbitmq_detailed_queue_{metric}", queue=name)


def calm() -> Series:
    """A platform with one instance of each service, where all is well."""
    series: Series = {}
    for service in EVERY:
        series |= {
            of("up", service): always(1),
            of("headroom_service_ready", service): always(1),
            of("headroom_build_info", service, version="1.0.0"): always(1),
            of("process_start_time_seconds", service): always(1000),
            of("process_open_fds", service): always(50),
            of("process_max_fds", service): always(1000),
            of("headroom_events_received_total", service): growing(600),
            of("headroom_events_retried_total", service): growing(1),
            of("headroom_event_age_seconds_bucket", service, le="1"): growing(600),
            of("headroom_event_age_seconds_bucket", service, le="300"): growing(600),
            of("headroom_event_age_seconds_bucket", service, le="+Inf"): growing(600),
            queue("messages", f"{service}.dead-letters"): always(0),
        }
        for trouble in TROUBLES:
            series[of("headroom_service_trouble", service, trouble=trouble)] = always(0)
        for name in (f"{service}.{ANALYSED}", f"{service}.{ANALYSED}.retry"):
            series |= {queue("messages", name): always(2), queue("consumers", name): always(1)}
    for job in ("headroom-rabbitmq", "headroom-queues"):
        series[f'up{{job="{job}", instance="rabbitmq:15692"}}'] = always(1)
    for alarm in ("memory_used_watermark", "free_disk_space_watermark", "file_descriptor_limit"):
        series[f'rabbitmq_alarms_{alarm}{{job="headroom-rabbitmq"}}'] = always(0)
    return (
        series
        | gateway()
        | {
            of("headroom_runs_longest_silence_seconds", "gateway"): always(2),
            of("headroom_runs_longest_wait_seconds", "gateway"): always(5),
            of("headroom_runs_stalled_total", "gateway"): always(0),
            of("headroom_runs_ended_total", "gateway", state="completed"): growing(1),
            of("headroom_runs_ended_total", "gateway", state="failed"): growing(0.05),
        }
    )


def gateway(failed: float = 0, slow: float = 0, of_all: float = 1000, minutes: int = 60 * HOURS) -> Series:
    """Answers of the gateway per minute; reports are always slow."""
    counted = {
        "requests_total": {"status": ({"200": of_all - failed, "503": failed})},
        "request_duration_seconds_bucket": {"le": {"0.5": of_all - slow, "+Inf": of_all}},
        "request_duration_seconds_count": {"method": {"GET": of_all}},
    }
    route = {"route": "/api/v1/runs"}
    series = {
        of(f"headroom_http_{name}", "gateway", **route, **{label: value}): f"0+{each:g}x{minutes}"
        for name, values in counted.items()
        for label, by_value in values.items()
        for value, each in by_value.items()
    }
    report = {"route": "/api/v1/runs/{run_id}/report"}
    for le, each in (("0.5", 0), ("+Inf", 500)):
        series[of("headroom_http_request_duration_seconds_bucket", "gateway", **report, le=le)] = (
            f"0+{each}x{minutes}"
        )
    series[of("headroom_http_request_duration_seconds_count", "gateway", **report)] = f"0+500x{minutes}"
    return series


def without(metric: str) -> dict[str, None]:
    """Take all series of a metric of the services away."""
    return {of(metric, service): None for service in EVERY}


@dataclass(frozen=True)
class Case:
    """What differs from a calm platform, and what the alert then says.

    Attributes:
        changes: series that are other than usual; None takes one away.
        labels: of the alert, besides its severity.
        summary: what it says.
        minutes: when it is looked at.
        silent: minutes at which it does not fire yet; None when it fires at once.
        besides: other alerts that fire with it.
    """

    changes: Mapping[str, str | None]
    labels: Mapping[str, str]
    summary: str
    minutes: int = 20
    silent: int | None = None
    besides: tuple[str, ...] = ()


WORK: Final = queue("messages", f"router.{ANALYSED}")
ROUTER: Final = {"service": "router"}
ONE: Final = ROUTER | {"instance": "router:8080"}
LETTERS: Final = queue("messages", "router.dead-letters")


def trouble(name: str) -> dict[str, str | None]:
    return {of("headroom_service_trouble", "router", trouble=name): always(1)}


CASES: Final[dict[str, Case]] = {
    "HeadroomAbsent": Case(
        without("up"), {"job": "headroom"}, "Prometheus knows no instance of any service.", silent=4
    ),
    "HeadroomServiceMissing": Case(
        {of("up", "router"): None}, ROUTER, "router: no instance answers.", silent=1
    ),
    "HeadroomServiceNotReady": Case(
        {of("headroom_service_ready", "router"): always(0)},
        ROUTER,
        "router: no instance is ready.",
        silent=1,
        besides=("HeadroomInstanceNotReady",),
    ),
    "HeadroomInstanceNotReady": Case(
        {'headroom_service_ready{job="headroom", service="router", instance="other:8080"}': always(0)},
        ROUTER | {"instance": "other:8080"},
        "router other:8080 is not ready.",
        silent=9,
    ),
    "HeadroomRestarts": Case(
        {of("process_start_time_seconds", "router"): "1000x5 1100x5 1200x5 1300x200"},
        ONE | {"job": "headroom"},
        "router router:8080 was started 3 times in half an hour.",
        silent=14,
    ),
    "HeadroomVersionsMixed": Case(
        {of("headroom_build_info", "router", version="1.0.0"): None}
        | {of("headroom_build_info", "router", version="1.1.0"): always(1)},
        {},
        "2 versions run side by side for an hour.",
        minutes=70,
        silent=59,
    ),
    "HeadroomFilesRunOut": Case(
        {of("process_open_fds", "router"): always(850)},
        ONE | {"job": "headroom"},
        "router router:8080 has 85% of its files open.",
        silent=9,
    ),
    "HeadroomBrokerUnreachable": Case(
        trouble("connection"),
        ROUTER,
        "router has no connection to the broker, or the broker takes no messages.",
        silent=1,
    ),
    "HeadroomBrokerUnseen": Case(
        {'up{job="headroom-rabbitmq", instance="rabbitmq:15692"}': always(0)},
        {"job": "headroom-rabbitmq", "instance": "rabbitmq:15692"},
        "Prometheus gets no answer from the broker's metrics.",
        silent=4,
    ),
    "HeadroomBrokerAlarm": Case(
        {'rabbitmq_alarms_memory_used_watermark{job="headroom-rabbitmq"}': always(1)},
        {"alarm": "memory"},
        "The broker has an alarm: memory.",
        silent=0,
    ),
    "HeadroomConfirmsMissing": Case(
        trouble("confirms"), ROUTER, "router: the broker does not confirm what is published.", silent=4
    ),
    "HeadroomDatabaseAway": Case(
        trouble("database"), ROUTER, "router does not reach its database.", silent=1
    ),
    "HeadroomInboxAway": Case(trouble("inbox"), ROUTER, "router does not reach Redis.", silent=9),
    "HeadroomBacklogGrowing": Case(
        {
            WORK: "0+20x25 500x200"
        },  # the last minutes are level, for groups of rules are evaluated in any order
        ROUTER | {"event_type": ANALYSED, "vhost": "/"},
        f"router falls behind: 500 of {ANALYSED} wait.",
        minutes=30,
        silent=19,
    ),
    "HeadroomQueueNearlyFull": Case(
        {WORK: always(900)},
        ROUTER | {"event_type": ANALYSED, "vhost": "/"},
        "router: 900 events wait in a queue that takes 1,000.",
        silent=4,
    ),
    "HeadroomNoConsumers": Case(
        {queue("consumers", f"router.{ANALYSED}"): always(0)},
        ROUTER | {"event_type": ANALYSED, "vhost": "/"},
        f"Nobody takes {ANALYSED} for router.",
        silent=4,
    ),
    "HeadroomEventsOld": Case(
        {of("headroom_event_age_seconds_bucket", "router", le="1"): growing(0)},
        ROUTER,
        "router takes events in hand 4m 30s after they were made.",
        silent=14,
    ),
    "HeadroomDeadLetters": Case(
        {LETTERS: always(3)}, ROUTER | {"vhost": "/"}, "router: 3 dead letters.", silent=0
    ),
    "HeadroomDeadLettersNearlyFull": Case(
        {LETTERS: always(9000)},
        ROUTER | {"vhost": "/"},
        "router: 9000 dead letters, and there is room for 10,000.",
        silent=4,
        besides=("HeadroomDeadLetters",),
    ),
    "HeadroomRetries": Case(
        {of("headroom_events_retried_total", "router"): growing(60)},
        ROUTER,
        "router puts 10% of its events off.",
        silent=14,
    ),
    "HeadroomRunSilent": Case(
        {of("headroom_runs_longest_silence_seconds", "gateway"): always(360)},
        {},
        "Of a run under way nothing was heard for 6m 0s.",
        silent=0,
    ),
    "HeadroomRunsStalled": Case(
        {of("headroom_runs_stalled_total", "gateway"): "0x10 1x200"},
        {},
        "Runs failed because nothing was heard of them.",
        silent=10,
    ),
    "HeadroomRunsFail": Case(
        {of("headroom_runs_ended_total", "gateway", state="failed"): growing(1)},
        {},
        "50% of the runs of the last hour failed.",
        silent=5,
    ),
    "HeadroomRunsWait": Case(
        {of("headroom_runs_longest_wait_seconds", "gateway"): always(1200)},
        {},
        "A run waits for 20m 0s to be let in.",
        silent=4,
    ),
    "HeadroomGatewayErrorsFast": Case(
        gateway(failed=20), {}, "2% of the gateway's answers are failures (5xx).", silent=2
    ),
    "HeadroomGatewayErrorsSlow": Case(
        gateway(failed=2, minutes=90),
        {},
        "0.2% of the gateway's answers are failures (5xx), for days.",
        minutes=80,
        silent=50,
    ),
    "HeadroomGatewayLatencyFast": Case(
        gateway(slow=200), {}, "20% of the gateway's answers begin later than after half a second.", silent=2
    ),
    "HeadroomGatewayLatencySlow": Case(
        gateway(slow=20),
        {},
        "2% of the gateway's answers begin later than after half a second, for days.",
        minutes=80,
        silent=50,
    ),
}


@pytest.fixture(scope="module")
def alerts() -> Mapping[str, Mapping[str, Any]]:
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"] if "alert" in rule}


def played(tmp_path: Path, tests: list[dict[str, Any]]) -> None:
    """Have promtool play tests; what is not as expected fails."""
    promtool = shutil.which("promtool")
    assert promtool is not None, "promtool: not found; scripts/servers.sh installs it on Debian and Ubuntu"
    file = tmp_path / "rules_test.yaml"
    file.write_text(yaml.safe_dump({"rule_files": [str(RULES)], "tests": tests}), encoding="utf-8")
    done = subprocess.run([promtool, "test", "rules", file], check=False, capture_output=True, text=True)  # noqa: S603 - no shell
    assert done.returncode == 0, done.stdout + done.stderr


def platform(changes: Mapping[str, str | None]) -> list[dict[str, str]]:
    series = calm() | changes
    return [{"series": name, "values": values} for name, values in series.items() if values is not None]


def firing(minutes: int, *alerts: str) -> dict[str, Any]:
    """Expect these alerts and no other to fire."""
    return {
        "expr": 'count by (alertname) (ALERTS{alertstate="firing"} > 0)',
        "eval_time": f"{minutes}m",
        "exp_samples": [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in alerts],
    }


def test_every_alert_has_a_case(alerts: Mapping[str, object]) -> None:
    assert set(alerts) == set(CASES)


def test_nothing_fires_while_all_is_well(tmp_path: Path) -> None:
    moments = [firing(minutes) for minutes in range(0, 60 * HOURS, 10)]
    played(tmp_path, [{"interval": "1m", "input_series": platform({}), "promql_expr_test": moments}])


def test_every_alert_fires_and_nothing_else_does(
    tmp_path: Path, alerts: Mapping[str, Mapping[str, Any]]
) -> None:
    tests = []
    for name, case in CASES.items():
        rule = alerts[name]
        said = {"summary": case.summary}
        said |= {key: rule["annotations"][key] for key in ("description", "runbook_url")}
        expected = {"exp_labels": rule["labels"] | case.labels, "exp_annotations": said}
        moments = [(case.minutes, [expected])]
        if case.silent is not None:
            moments.append((case.silent, []))
        tests.append(
            {
                "interval": "1m",
                "input_series": platform(case.changes),
                "alert_rule_test": [
                    {"eval_time": f"{at}m", "alertname": name, "exp_alerts": found} for at, found in moments
                ],
                "promql_expr_test": [firing(case.minutes, name, *case.besides)],
            }
        )
    played(tmp_path, tests)
