"""The page in a real browser: it asks for nothing, fits narrow screens, and its styles take effect."""

import html
import json
import re
from typing import Any

import pytest
from report_testing import experiments
from report_testing.browsers import HOST, web_of
from report_testing.documents import document, plain_server, unanswered

from headroom_analysis.report import render_html
from headroom_analysis.report.experiments import render_html as render_experiment

pytestmark = pytest.mark.browser

Document = dict[str, Any]

MEASURE = """
function measure(frame) {
  const page = frame.contentDocument, root = page.documentElement, wide = root.clientWidth;
  const box = node => node.getBoundingClientRect();
  const plots = [...page.querySelectorAll("svg.plot")].filter(node => box(node).width > 0);
  const outside = [...page.querySelectorAll("body *")].filter(node => box(node).right > wide + 1
    && !node.closest(".scroll, pre, svg, .unseen, details")).map(node => node.tagName + "." + node.className);
  const fill = page.querySelector(".bar .fill");
  return {
    width: wide, needed: root.scrollWidth, outside,
    plots: plots.length, narrowest: Math.min(...plots.map(node => box(node).width), 9999),
    text: Math.min(...[...page.querySelectorAll(".plot text")].map(node => box(node).height || 99), 99),
    background: getComputedStyle(page.body).backgroundColor,
    bar: fill ? getComputedStyle(fill).fill : "",
  };
}
onload = () => {
  const found = [...document.querySelectorAll("iframe")].map(measure);
  document.body.innerHTML = "<output>" + JSON.stringify(found) + "</output>";
};
"""


def measured(reports: list[str], widths: list[int], *flags: str) -> list[Document]:
    """Open each report at each width, all in one browser, and return what each looks like."""
    frames = [
        f'<iframe src="/{index}" style="border:0;height:900px;width:{width}px"></iframe>'
        for index in range(len(reports))
        for width in widths
    ]
    pages = {f"/{index}": report for index, report in enumerate(reports)}
    pages["/"] = f"<!DOCTYPE html><body>{''.join(frames)}<script>{MEASURE}</script></body>"
    with web_of(pages) as web:
        dumped = web.dump("/", *flags)
    output = re.search(r"<output>(.*?)</output>", dumped)
    assert output is not None, dumped[-2000:]
    found: list[Document] = json.loads(html.unescape(output[1]))
    return found


def with_long_names() -> Document:
    result = document()
    long_name = "a-service-with-the-longest-name-that-a-label-may-have-0123456789"
    result["name"] = long_name
    result["servers"] = [plain_server(long_name, 2, 0.5), plain_server("b", 1, 0.99)]
    result["objectives"][0]["objective"] = f"latency.p99 below 250ms of {long_name}"
    result["links"][0]["name"] = result["series"]["links"][0]["name"] = long_name
    return result


def test_the_page_asks_for_nothing_but_itself() -> None:
    with web_of({"/report": render_html(document())}) as web:
        dumped = web.dump("/report")
        assert "checkout" in dumped
        assert web.asked_by_pages == [f"http://{HOST}/report"]


def test_the_recorder_would_see_a_request() -> None:
    page = '<!DOCTYPE html><img src="http://elsewhere.test/pixel.png"><link rel="icon" href="data:,">'
    with web_of({"/report": page}) as web:
        web.dump("/report")
        assert "http://elsewhere.test/pixel.png" in web.asked_by_pages


def test_the_policy_stops_what_a_page_must_not_load() -> None:
    report = render_html(document())
    smuggled = '<img src="http://elsewhere.test/pixel.png"><script>document.title = "ran"</script></body>'
    with web_of({"/report": report.replace("</body>", smuggled)}) as web:
        assert "<title>ran</title>" not in web.dump("/report")
        assert web.asked_by_pages == [f"http://{HOST}/report"]


def test_nothing_sticks_out_sideways_on_any_screen() -> None:
    reports = [render_html(result) for result in (document(), unanswered(), with_long_names())]
    found = measured(reports, [360, 700, 1200])
    assert [page["width"] for page in found] == [360, 700, 1200] * 3
    assert [page["outside"] for page in found] == [[]] * 9
    assert all(page["needed"] <= page["width"] for page in found)
    assert found[0]["plots"] > 15
    assert found[0]["narrowest"] > 140
    assert min(page["text"] for page in found) > 8


def test_nothing_sticks_out_of_pages_of_experiments() -> None:
    documents = [*experiments.everything().values(), experiments.matrix(14, 12)]
    found = measured([render_experiment(one) for one in documents], [360, 1200])
    assert [page["outside"] for page in found] == [[]] * len(found)
    assert all(page["needed"] <= page["width"] for page in found)
    assert all(page["plots"] >= 1 for page in found)
    assert min(page["text"] for page in found) > 8


def test_the_measure_would_see_what_sticks_out() -> None:
    (found,) = measured(['<!DOCTYPE html><div style="width:2000px">wide</div>'], [360])
    assert found["needed"] >= 2000
    assert found["outside"] == ["DIV."]


@pytest.mark.parametrize(("scheme", "background"), [(1, "rgb(255, 255, 255)"), (0, "rgb(17, 22, 28)")])
def test_the_theme_follows_the_readers(scheme: int, background: str) -> None:
    flag = f"--blink-settings=preferredColorScheme={scheme}"
    (found,) = measured([render_html(document())], [900], flag)
    assert found["background"] == background
    assert found["bar"].startswith("rgb(")
    assert found["bar"] != "rgb(0, 0, 0)"
