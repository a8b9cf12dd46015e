"""What dashboards and rules ask is answered: by a real Prometheus that watches a real platform at work.

A metric that was renamed, a label that is not there, the rate of what is no counter: each gives an empty
picture and no error.
"""

import asyncio
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from headroom_platforms.backends import Backend, backend_on
from headroom_platforms.gateways import SMALL, Caller, GatewayPlatform
from headroom_servers.postgres import Postgres
from headroom_servers.processes import wait_until
from headroom_servers.prometheus import Prometheus
from headroom_servers.rabbitmq import RabbitMQ
from headroom_servers.redis import Redis
from headroom_servers.services import ServiceProcess
from prometheus_client.parser import text_string_to_metric_families

OBSERVABILITY = Path(__file__).resolve().parents[2] / "observability"
RULES = OBSERVABILITY / "prometheus/rules.yaml"

VARIABLES = {"$__rate_interval": "30s", "$namespace": ".*", "$service": ".*", "$scenario": ".*"}

EMPTY = {
    "Alerts that fire": "nothing is wrong",
}
"""Panels that may show nothing, and why."""

ABSENT = {
    'headroom_http_requests_total{job="headroom", service="gateway", status=~"5.."}': "no request failed",
}
"""What rules select that may be missing, and why."""

SELECTOR = re.compile(r"\b(?:headroom[_:][a-z0-9_:]+|rabbitmq_\w+|process_\w+|up)\b(?:\{[^}]*\})?(?![\w(\"])")
PATIENCE = 60.0


@pytest.fixture
def watched(redis: Redis, postgres: Postgres) -> Iterator[Backend]:
    """What a platform stands on, with a broker that tells of itself."""
    with RabbitMQ(metrics=True) as broker, backend_on(broker, redis, postgres, "watched") as made:
        yield made


def configuration(platform: GatewayPlatform, broker: RabbitMQ) -> dict[str, Any]:
    """The configuration for Compose, with the addresses of these processes in the place of names."""
    services = {process.service: process.port for process in platform.processes}
    ports = {**services, "rabbitmq": broker.metrics_port}
    whole = yaml.safe_load((OBSERVABILITY / "prometheus/prometheus.yaml").read_text(encoding="utf-8"))
    whole["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    whole["rule_files"] = [str(RULES)]
    whole["scrape_configs"] = [job for job in whole["scrape_configs"] if "dns_sd_configs" in job]
    for job in whole["scrape_configs"]:
        names = [name for found in job.pop("dns_sd_configs") for name in found["names"]]
        job["static_configs"] = [
            {"targets": [f"127.0.0.1:{ports[name]}"], "labels": {"__meta_dns_name": name}} for name in names
        ]
    return dict(whole)


def panels() -> Mapping[str, Sequence[str]]:
    """Every question of every dashboard, by its panel."""
    found = {}
    for file in sorted((OBSERVABILITY / "grafana/dashboards").glob("*.json")):
        page = json.loads(file.read_text(encoding="utf-8"))
        for panel in page["panels"]:
            if panel["type"] != "row" and panel["datasource"]["type"] == "prometheus":
                expressions = [target["expr"] for target in panel["targets"]]
                found[f"{page['title']} / {panel['title']}"] = [filled(text) for text in expressions]
    return found


def filled(expression: str) -> str:
    for name, value in VARIABLES.items():
        expression = expression.replace(name, value)
    return expression


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


async def at_work(platform: GatewayPlatform) -> None:
    """Have runs of two scenarios simulated, one answered from memory, and some callers refused."""
    async with Caller(platform.gateways[0]) as caller:
        scenario_ids = [await caller.scenario(SMALL.replace("small", name)) for name in ("one", "other")]
        run_ids = [await caller.submit(one, seed, 3) for seed, one in enumerate(scenario_ids)]
        await caller.until_ended(len(run_ids))
        again = {"scenario_id": scenario_ids[0], "seed": 0, "trials": 3}
        assert (await caller.ask("POST", "/runs", json=again)).json()["result"]["cached"]
        for path in ("/runs", f"/runs/{run_ids[0]}/summary", "/nowhere"):
            await caller.ask("GET", path)


class Watching:
    """What a Prometheus has to know of a platform at work."""

    def __init__(self, prometheus: Prometheus) -> None:
        self._prometheus = prometheus
        selected = {found.group() for rule in rules() for found in SELECTOR.finditer(rule["expr"])}
        self._questions = {
            **panels(),
            "recorded": [rule["record"] for rule in rules() if "record" in rule],
            "selected by rules": sorted(selected - ABSENT.keys()),
        }

    def unanswered(self) -> list[tuple[str, str]]:
        """The questions that nothing is known of, by where they are asked."""
        return [
            (where, expression)
            for where, expressions in self._questions.items()
            for expression in expressions
            if not self._prometheus.query(expression) and where.split(" / ")[-1] not in EMPTY
        ]

    def unseen(self) -> list[str]:
        """The targets that do not answer; on a busy machine one may be late now and then."""
        targets = self._prometheus.ask("targets", state="active")["activeTargets"]
        return [target["scrapeUrl"] for target in targets if target["health"] != "up"]

    def alerts(self) -> dict[str, str]:
        """The state of every alert, all rules being sound."""
        groups = self._prometheus.ask("rules")["groups"]
        found = [rule for group in groups for rule in group["rules"]]
        assert {rule["health"] for rule in found} == {"ok"}
        return {rule["name"]: rule["state"] for rule in found if rule["type"] == "alerting"}


def documented() -> set[str]:
    """The names of the metrics that docs/services.md lists, those of the process left out."""
    text = (OBSERVABILITY.parent / "docs/services.md").read_text(encoding="utf-8")
    names = set(re.findall(r"^\| `(headroom_\w+)[`{]", text, flags=re.MULTILINE))
    results = re.search(r"^\| `headroom_result_\*\{scenario\}`.*: (`.*)\|$", text, flags=re.MULTILINE)
    assert results is not None
    return names | {f"headroom_result_{name}" for name in re.findall(r"`(\w+)", results[1])}


def told(process: ServiceProcess) -> set[str]:
    """The names of the metrics that a process tells, as documents and questions call them."""
    suffixes = {"counter": "_total", "info": "_info"}
    return {
        family.name + suffixes.get(family.type, "")
        for family in text_string_to_metric_families(process.get("/metrics")[1])
        if family.name.startswith("headroom")
    }


async def test_every_question_of_dashboards_and_rules_has_an_answer(watched: Backend) -> None:
    async with GatewayPlatform(watched) as platform:
        with Prometheus(configuration(platform, watched.rabbitmq)) as prometheus:
            await at_work(platform)
            watching = Watching(prometheus)
            try:
                for missing in (watching.unanswered, watching.unseen):
                    await asyncio.to_thread(
                        wait_until, lambda missing=missing: not missing(), within=PATIENCE
                    )
            except TimeoutError:
                assert (watching.unanswered(), watching.unseen()) == ([], [])
            assert [name for name, state in watching.alerts().items() if state == "firing"] == []
            services = {found["metric"]["service"] for found in prometheus.query('up{job="headroom"}')}
            assert services == {process.service for process in platform.processes}
        names = [await asyncio.to_thread(told, process) for process in platform.processes]
    assert set().union(*names) == documented()
