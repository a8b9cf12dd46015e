"""Any result document becomes a page: generated ones, and the realistic one with parts knocked out."""

import json
import math
import re
from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from report_testing.documents import document
from report_testing.pages import read

from headroom_analysis.report import figures_table, render_html, result_table, series_table

Document = dict[str, Any]

OUTCOMES = ("ok", "dropped", "refused", "shed", "timed_out")
QUANTITIES = ("mean", "sd", "min", "max", "p50", "p90", "p95", "p99", "p999")
METRICS = ("latency.p50", "latency.p999", "latency.mean", "error_ratio", "throughput", "utilisation")

SLOW = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)

names = st.sampled_from(["app", "db", "<b>", "a&b", "$x^2$", "_hidden", "x" * 63, "日本", ""])
sizes = st.floats(0.0, 1e9) | st.sampled_from([0.0, 1e-12, 0.05, 1e15])
shares = st.floats(0.0, 1.0)


@st.composite
def figures(draw: st.DrawFn, values: st.SearchStrategy[float] = sizes) -> Document:
    value = draw(st.none() | values)
    if value is None or draw(st.booleans()):
        return {"value": value, "low": None, "high": None}
    width = draw(st.floats(0.0, 2.0))
    return {"value": value, "low": value * (1 - width), "high": value * (1 + width)}


latencies = st.fixed_dictionaries({name: figures(st.floats(0.0, 1e6)) for name in QUANTITIES})


@st.composite
def histograms(draw: st.DrawFn) -> list[Document]:
    edges = sorted(set(draw(st.lists(st.floats(0.0, 1e4), max_size=12))))
    return [{"low": low, "high": high, "count": draw(st.integers(1, 10**9))} for low, high in pairwise(edges)]


queues = st.fixed_dictionaries({"mean": figures(), "peak": figures(), "wait_mean": figures()})
pools = st.builds(
    lambda name, size, queue, use: queue | {"name": name, "size": size, "utilisation": use},
    names,
    st.integers(1, 100),
    queues,
    figures(shares),
)
servers = st.fixed_dictionaries(
    {
        "name": names,
        "replicas": st.integers(1, 3),
        "cores": st.integers(1, 64),
        "utilisation": figures(shares),
        "utilisation_max_replica": figures(shares),
        "memory": st.none()
        | st.fixed_dictionaries(
            {"mean": figures(), "peak": figures(), "capacity": st.none() | st.integers(1024, 2**40)}
        ),
        "in_system": figures(),
        "queues": st.fixed_dictionaries(
            {"cpu": queues, "memory": queues, "pools": st.lists(pools, max_size=2)}
        ),
        "arrival_rate": figures(),
        "refused": figures(),
        "shed": figures(),
        "latency": latencies,
        "saturated": st.booleans(),
        "bottleneck": st.sampled_from([None, "cpu", "memory", "pool:db"]),
        "per_replica": st.lists(
            st.fixed_dictionaries({"index": st.integers(0, 3), "utilisation": figures(shares)}), max_size=3
        ),
    }
)
parts = st.fixed_dictionaries(
    {
        "cause": st.sampled_from(
            ["link:lan", "memory_wait", "cpu_wait", "cpu_run", "io", "pool_wait:db", "new_cause"]
        ),
        "server": st.none() | names,
        "seconds": figures(),
        "share": shares,
    }
)
anatomies = st.fixed_dictionaries({"total": st.none() | sizes, "parts": st.lists(parts, max_size=6)})
objectives = st.fixed_dictionaries(
    {
        "objective": names,
        "metric": st.sampled_from(METRICS),
        "scope": st.none() | st.dictionaries(st.sampled_from(["server", "workload"]), names, max_size=1),
        "operator": st.sampled_from(["below", "above"]),
        "threshold": sizes,
        "value": figures(),
        "met": st.booleans(),
        "certain": st.booleans(),
    }
)


@st.composite
def sampled(draw: st.DrawFn) -> Document:
    count = draw(st.integers(0, 5))
    column = st.lists(st.none() | sizes, min_size=count, max_size=count)
    states = st.fixed_dictionaries(
        {
            "name": names,
            "replica": st.none() | st.integers(0, 2),
            "ready": column,
            "busy": column,
            "memory": column,
        }
    )
    return {
        "period": 1.0,
        "times": [float(index) for index in range(count)],
        "throughput": draw(column),
        "errors": draw(column),
        "servers": draw(st.lists(states, max_size=2)),
        "links": draw(st.lists(st.fixed_dictionaries({"name": names, "in_transit": column}), max_size=1)),
    }


traffic = {
    "outcomes": st.fixed_dictionaries({name: figures() for name in OUTCOMES}),
    "error_ratio": figures(shares),
    "throughput": figures(),
}
groups = st.lists(st.fixed_dictionaries({"name": names, "latency": latencies, **traffic}), max_size=3)
documents = st.fixed_dictionaries(
    {
        "format": st.just("headroom.result/v1"),
        "name": names,
        "seed": st.integers(0, 2**63),
        "trials": st.integers(1, 50),
        "confidence": st.sampled_from([0.9, 0.95, 0.999]),
        "horizon": st.floats(1e-3, 30 * 86400.0),
        "warmup": st.sampled_from([0.0, 0.0005]),
        "verdict": st.sampled_from(["pass", "miss", "none"]),
        "latency": st.builds(lambda part, bars: part | {"histogram": bars}, latencies, histograms()),
        **traffic,
        "workloads": groups,
        "servers": st.lists(servers, max_size=3),
        "links": st.lists(st.fixed_dictionaries({"name": names, "in_transit_mean": figures()}), max_size=2),
        "anatomy": st.fixed_dictionaries({"mean": anatomies, "p99": anatomies}),
        "objectives": st.lists(objectives, max_size=3),
        "series": sampled(),
    }
)


@SLOW
@given(documents)
def test_every_document_becomes_a_sound_page(result: Document) -> None:
    page = read(render_html(result))
    shown = page.all("body")[0].text
    assert not re.search(r"\b(nan|inf|None|undefined)\b", shown)
    assert "nan" not in " ".join(node.attributes.get("d", "") for node in page.walk())
    for row in page.all("tbody"):
        widths = {len(line.children) for line in row.children}
        assert len(widths) <= 1
    ids = [node.attributes["id"] for node in page.walk() if "id" in node.attributes]
    assert len(ids) == len(set(ids))


@SLOW
@given(documents)
def test_every_document_becomes_tables(result: Document) -> None:
    numbers, sampled_numbers, both = figures_table(result), series_table(result), result_table(result)
    assert both.num_rows == numbers.num_rows + sampled_numbers.num_rows
    values = [value for value in both.column("value").to_pylist() if value is not None]
    assert all(math.isfinite(value) for value in values)


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The places of a document, the first two entries of every list standing for the rest."""
    inner: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        inner = list(value.items())
    if isinstance(value, list):
        inner = list(enumerate(value[:2]))
    return [path, *(found for key, part in inner for found in paths(part, (*path, key)))]


REALISTIC = document()
REALISTIC["series"]["servers"] = REALISTIC["series"]["servers"][
    :1
]  # one replica's panels show what three would
PATHS = [path for path in paths(REALISTIC) if path]


def put(document: Any, path: tuple[Any, ...], value: Any) -> None:
    """Replace a part, unless something above it has been replaced before."""
    for key in path[:-1]:
        inside = isinstance(document, dict) and key in document
        inside = inside or (isinstance(document, list) and isinstance(key, int) and key < len(document))
        if not inside:
            return
        document = document[key]
    if isinstance(document, dict) or (isinstance(document, list) and path[-1] in range(len(document))):
        document[path[-1]] = value


@SLOW
@given(
    st.lists(st.sampled_from(PATHS), min_size=1, max_size=6),
    st.sampled_from([None, "text", -1.0, True, [], {}, [None], {"value": "x"}]),
)
def test_a_part_of_the_wrong_type_is_no_data(damaged_at: list[tuple[Any, ...]], value: Any) -> None:
    damaged = json.loads(json.dumps(REALISTIC))
    for path in damaged_at:
        put(damaged, path, value)
    read(render_html(damaged))
    result_table(damaged)
