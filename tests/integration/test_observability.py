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

OBSERVABILITY = Path(__file__).resolve().parents[2] / "observability"
RULES = OBSERVABILITY / "prometheus/rules.yaml"

VARIABLES = {"$__rate_interval": "10s", "$namespace": ".*", "$service": ".*", "$scenario": ".*"}

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


async def test_every_question_of_dashboards_and_rules_has_an_answer(watched: Backend) -> None:
    async with GatewayPlatform(watched) as platform:
        with Prometheus(configuration(platform, watched.rabbitmq)) as prometheus:
            await at_work(platform)
            questions = {**panels(), "recorded": [rule["record"] for rule in rules() if "record" in rule]}
            selected = {found.group() for rule in rules() for found in SELECTOR.finditer(rule["expr"])}
            questions["selected by rules"] = sorted(selected - ABSENT.keys())

            def unanswered() -> list[tuple[str, str]]:
                return [
                    (panel, expression)
                    for panel, expressions in questions.items()
                    for expression in expressions
                    if not prometheus.query(expression) and panel.split(" / ")[-1] not in EMPTY
                ]

            try:
                await asyncio.to_thread(wait_until, lambda: not unanswered(), within=PATIENCE)
            except TimeoutError:
                assert unanswered() == []
            targets = prometheus.ask("targets", state="active")["activeTargets"]
            assert {target["health"] for target in targets} == {"up"}
            assert {target["labels"].get("service") for target in targets} > set(platform.services)
            groups = prometheus.ask("rules")["groups"]
            states = {rule["name"]: rule for group in groups for rule in group["rules"]}
            assert {rule["health"] for rule in states.values()} == {"ok"}
            firing = [rule for rule in states.values() if rule.get("state") == "firing"]
            assert firing == []
