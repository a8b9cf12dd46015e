"""The page as a whole: self-contained, safe, accessible, the same bytes every time."""

import base64
import hashlib
import json
import re
import subprocess
import sys
from typing import Any

import matplotlib as mpl
import pytest
from report_testing.documents import document, plain_server, unanswered
from report_testing.pages import Node, captions, read, section, table

from headroom_analysis.report import render_html

Document = dict[str, Any]


@pytest.fixture(scope="module")
def text() -> str:
    return render_html(document())


@pytest.fixture(scope="module")
def page(text: str) -> Node:
    return read(text)


def python(code: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)  # noqa: S603 - our code


def test_sections_come_in_the_order_of_a_readers_questions(page: Node) -> None:
    headings = [node.attributes["id"] for node in page.all("h2")]
    assert headings == [
        "verdict",
        "objectives",
        "latency",
        "anatomy",
        "traffic",
        "servers",
        "links",
        "scenario",
        "method",
    ]


def test_the_verdict_comes_first_with_what_misses_and_what_saturates(page: Node) -> None:
    verdict = section(page, "verdict")
    assert "miss" in verdict.classes
    assert verdict.all("h2")[0].text == "1 of 3 objectives missed"
    sentence = verdict.all("p")[0].text
    assert sentence.startswith("The p99 latency is 269 ms, 18.9 ms over its limit of 250 ms.")
    assert "The CPU of app saturates first: 96.7% busy, requests wait 31.2 ms for it on average." in sentence
    assert sentence.endswith("The slowest 1% of the requests spend 72% of their time waiting for CPU at app.")


def test_nothing_is_loaded_from_anywhere(text: str) -> None:
    page = read(text)
    for node in page.walk():
        assert node.tag not in {
            "script",
            "img",
            "iframe",
            "object",
            "embed",
            "audio",
            "video",
            "form",
            "base",
        }
        for name in ("src", "srcset", "action", "data", "poster", "xlink:href"):
            assert name not in node.attributes, f"<{node.tag} {name}>"
        target = node.attributes.get("href", "#")
        assert target.startswith(("#", "data:")), f"<{node.tag} href={target}>"
    styles = page.all("style")[0].text
    assert "url(" not in styles
    assert "@import" not in styles
    assert not re.search(r"https?://", text.replace("http://www.w3.org/2000/svg", ""))


def test_the_security_policy_allows_its_own_style_sheet_and_nothing_else(text: str) -> None:
    policy = read(text).all("meta", http_equiv="Content-Security-Policy")[0].attributes["content"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    styles = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    assert len(styles) == 1
    digest = base64.b64encode(hashlib.sha256(styles[0].encode()).digest()).decode()
    assert rules["default-src"] == "'none'"
    assert rules["style-src"] == f"'sha256-{digest}'"
    assert "script-src" not in rules


def test_no_inline_styles_since_the_policy_would_drop_them(page: Node) -> None:
    assert [node.tag for node in page.walk() if "style" in node.attributes] == []


def test_every_class_of_a_plot_has_its_style(page: Node) -> None:
    styles = page.all("style")[0].text
    defined = set(re.findall(r"\.(p\d+)\{", styles))
    used = {name for node in page.walk() for name in node.classes if re.fullmatch(r"p\d+", name)}
    assert used == defined


def test_every_plot_says_what_it_shows(page: Node) -> None:
    plots = [node for node in page.all("svg") if "plot" in node.classes]
    assert len(plots) > 10
    for plot in plots:
        assert plot.attributes["role"] == "img"
        assert plot.attributes["aria-label"]
    decoration = [node for node in page.all("svg") if "plot" not in node.classes]
    assert all(node.attributes["aria-hidden"] == "true" for node in decoration)


def test_plots_take_their_colours_from_the_theme(page: Node) -> None:
    styles = page.all("style")[0].text
    generated = re.findall(r"\.p\d+\{(.*?)\}", styles)
    assert not any("#" in rule for rule in generated)
    used = set(re.findall(r"var\(--([a-z]+)\)", " ".join(generated)))
    assert used <= set(re.findall(r"--([a-z]+):", styles))


def test_ids_are_unique_and_references_lead_somewhere(page: Node) -> None:
    ids = [node.attributes["id"] for node in page.walk() if "id" in node.attributes]
    assert len(ids) == len(set(ids))
    references = [
        node.attributes["href"][1:] for node in page.walk() if node.attributes.get("href", "").startswith("#")
    ]
    references += [
        node.attributes["aria-labelledby"] for node in page.walk() if "aria-labelledby" in node.attributes
    ]
    references += re.findall(
        r"url\(#(.*?)\)", " ".join(v for n in page.walk() for v in n.attributes.values())
    )
    assert set(references) <= set(ids)


def test_tables_head_their_rows_and_columns(page: Node) -> None:
    tables = page.all("table")
    assert len(tables) >= 8
    for found in tables:
        assert found.all("caption")[0].text
        heads = found.all("thead")[0].all("th")
        assert all(head.attributes["scope"] == "col" for head in heads)
        for row in found.all("tbody")[0].all("tr"):
            assert row.children[0].tag == "th"
            assert row.children[0].attributes["scope"] == "row"
            assert len(row.children) == len(heads)


def test_wide_tables_scroll_by_themselves_and_can_be_reached_with_the_keyboard(page: Node) -> None:
    for box in (node for node in page.all("div") if "scroll" in node.classes):
        assert box.attributes["tabindex"] == "0"
        assert box.attributes["aria-label"] == box.all("caption")[0].text


def test_both_themes_and_print_are_provided_for(page: Node) -> None:
    styles = page.all("style")[0].text
    assert "@media screen and (prefers-color-scheme: dark)" in styles
    assert "@media print" in styles
    assert page.all("meta", name="color-scheme")[0].attributes["content"] == "light dark"


def test_the_same_result_gives_the_same_bytes(text: str, result: Document) -> None:
    assert render_html(result) == text


def test_another_process_gives_the_same_bytes(text: str, result: Document) -> None:
    code = (
        "import hashlib, json, sys; from headroom_analysis.report import render_html;"
        "print(hashlib.sha256(render_html(json.load(sys.stdin)).encode()).hexdigest())"
    )
    assert python(code, json.dumps(result)).stdout.strip() == hashlib.sha256(text.encode()).hexdigest()


def test_there_is_no_wall_clock_time(text: str) -> None:
    assert not re.search(r"\b20\d\d-\d\d-\d\d\b", text)


def test_the_users_own_plot_settings_do_not_show(text: str, result: Document) -> None:
    with mpl.rc_context({"font.size": 30, "lines.linewidth": 9, "axes.grid": False, "svg.fonttype": "path"}):
        assert render_html(result) == text
        assert mpl.rcParams["font.size"] == 30


HOSTILE = "<script>alert('x')</script>\"&$x^2$ --></style>"


def test_hostile_names_are_shown_not_run(result: Document) -> None:
    result["name"] = HOSTILE
    result["engine_version"] = HOSTILE
    result["scenario"]["metadata"]["description"] = HOSTILE
    result["scenario"]["spec"]["labels"] = {HOSTILE: HOSTILE}
    result["scenario"]["spec"]["faults"][0]["server"] = HOSTILE
    result["servers"][0]["name"] = HOSTILE
    result["servers"][0]["queues"]["pools"][0]["name"] = HOSTILE
    result["links"][0]["name"] = HOSTILE
    result["objectives"][0]["objective"] = HOSTILE
    result["workloads"].append({**result["workloads"][0], "name": HOSTILE})
    result["outcomes"][HOSTILE] = {"value": 1.0, "low": None, "high": None}
    result["anatomy"]["p99"]["parts"].append(
        {"cause": HOSTILE, "server": HOSTILE, "seconds": 0.2, "share": 0.1}
    )
    for entry in result["series"]["servers"]:
        entry["name"] = HOSTILE
        entry["pools"] = {HOSTILE: entry["pools"]["db"]}
    text = render_html(result)
    assert "<script" not in text
    page = read(text)
    assert page.all("h1")[0].text == HOSTILE
    assert len(page.all("style")) == 1
    assert page.text.count(HOSTILE) > 10


@pytest.mark.parametrize("name", ["\x00\x1b[31m", "\ud800", "\u202e", "日本語 ✈ 𝄞"])
def test_any_character_of_a_name_can_be_written_as_utf8(result: Document, name: str) -> None:
    result["name"] = result["servers"][0]["name"] = result["links"][0]["name"] = name
    result["scenario"]["metadata"]["name"] = name
    text = render_html(result)
    text.encode("utf-8")
    assert "\x00" not in text


def test_one_trial_has_no_intervals_and_says_so(result: Document) -> None:
    def without(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                k: None if k in {"low", "high"} and "value" in value else without(v) for k, v in value.items()
            }
        return [without(item) for item in value] if isinstance(value, list) else value

    page = read(render_html(without(result) | {"trials": 1}))
    assert "confidence interval." not in section(page, "latency").text
    assert "One trial gives no interval" in section(page, "verdict").text
    assert "Interval" not in table(page, "Objectives")[0]
    assert [node.text for node in page.all("span") if "detail" in node.classes] == [
        "3 \N{MULTIPLICATION SIGN} 2 cores"
    ]


def test_no_answered_request() -> None:
    page = read(render_html(unanswered()))
    assert section(page, "verdict").all("h2")[0].text == "No objectives set"
    assert "No request was answered" in section(page, "latency").text
    assert "objectives" not in [node.attributes.get("id") for node in page.all("h2")]
    assert [row[1] for row in table(page, "How the requests ended")[1:]] == ["0", "1", "0", "0", "0"]
    assert not {"Pools", "Memory", "Links", "Replicas"} & set(captions(page))


def test_an_empty_document_still_makes_a_page() -> None:
    page = read(render_html({}))
    assert page.all("h1")[0].text == "Scenario"
    assert page.all("h2")[0].text == "No objectives set"


def test_a_fleet_of_thousands_stays_readable(result: Document) -> None:
    result["servers"] = [plain_server(f"s{index}", 1, index / 4000) for index in range(3000)]
    entry = result["series"]["servers"][0]
    result["series"]["servers"] = [entry | {"name": f"s{index}", "replica": None} for index in range(3000)]
    text = render_html(result)
    page = read(text)
    assert len(text) < 2_000_000
    rows = table(page, "Servers, the fullest first")[1:]
    assert [row[0].split()[0] for row in rows[:3]] == ["s2999", "s2998", "s2997"]
    assert "2,940 rows not shown" in section(page, "servers").text
    strips = [node.text for node in page.all("h3")]
    assert strips[:2] == ["s2999", "s2998"]
    assert "The fullest 12 are drawn; 2,988 more are left out." in section(page, "servers").text


def test_the_series_without_samples_are_left_out(result: Document) -> None:
    result["series"] = {
        "period": 1.0,
        "times": [],
        "throughput": [],
        "errors": [],
        "servers": [],
        "links": [],
    }
    page = read(render_html(result))
    assert section(page, "traffic").all("svg") == []
    assert page.all("h3") == []
    assert table(page, "How the requests ended")


@pytest.mark.parametrize("package", ["matplotlib", "jinja2", "pyarrow"])
def test_importing_the_package_is_cheap(package: str) -> None:
    code = f"import sys, headroom_analysis.report; sys.exit({package!r} in sys.modules)"
    assert python(code).returncode == 0
