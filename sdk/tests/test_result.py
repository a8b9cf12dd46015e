import json
import stat
from pathlib import Path
from typing import Any

import pytest

from headroom.result import Figure, Result
from headroom.writing import write_atomically, write_text
from headroom_common.errors import PermanentError


def test_the_typed_view_says_what_the_document_says(document: dict[str, Any]) -> None:
    result = Result(document)
    assert (result.verdict, result.name, result.seed, result.trials) == ("miss", "two-servers", 1, 10)
    assert result.requests == 1_498_540
    assert result.latency["p99"].value == 0.181
    assert result.latency["p99"] == Figure.of(document["latency"]["p99"])
    assert "histogram" not in result.latency
    assert result.outcomes["dropped"].value == 121.0
    assert result.error_ratio.value == 0.000888
    assert result.throughput.low == pytest.approx(249.5 * 0.98)
    assert [one.met for one in result.objectives] == [True, False]
    assert result.document is document


def test_servers_are_found_by_name(document: dict[str, Any]) -> None:
    servers = Result(document).servers
    assert list(servers) == ["app", "search"]
    assert servers["app"].bottleneck == "pool:db"
    assert servers["app"].latency["p50"].value == pytest.approx(0.0181 * 0.9)
    assert servers["app"].document["queues"]["pools"][0]["size"] == 20


def test_the_anatomy_is_sorted_by_share(document: dict[str, Any]) -> None:
    document["anatomy"]["p99"]["parts"].reverse()
    causes = Result(document).anatomy("p99")
    assert causes[0].cause == "pool_wait:db"
    assert [cause.share for cause in causes] == sorted((cause.share for cause in causes), reverse=True)
    assert Result(document).anatomy()[0].seconds.value == 0.0128


def test_a_result_describes_itself(document: dict[str, Any]) -> None:
    assert repr(Result(document)) == "<Result two-servers: miss, 1498540 requests, p99 0.181 s>"
    document["latency"]["p99"] = {"value": None, "low": None, "high": None}
    assert "p99 none" in repr(Result(document))


def test_json_round_trip_keeps_every_byte(document: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    Result(document).write(path)
    assert Result.read(path).document == document
    again = tmp_path / "again.json"
    Result.read(path).write(again)
    assert path.read_bytes() == again.read_bytes()
    assert path.read_bytes().endswith(b"}\n")
    assert b"\r" not in path.read_bytes()


def test_numbers_that_json_does_not_know_are_refused(document: dict[str, Any]) -> None:
    document["throughput"]["value"] = float("nan")
    with pytest.raises(ValueError, match="not JSON compliant"):
        Result(document).to_json()


def test_html_and_parquet_are_written(document: dict[str, Any], tmp_path: Path) -> None:
    result = Result(document)
    result.write(tmp_path / "report.HTML")
    result.write(str(tmp_path / "tables.parquet"))
    assert "two-servers" in (tmp_path / "report.HTML").read_text(encoding="utf-8")
    assert (tmp_path / "tables.parquet").read_bytes()[:4] == b"PAR1"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["report.HTML", "tables.parquet"]


def test_an_unknown_suffix_is_refused_before_anything_is_written(
    document: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(
        PermanentError, match=r"expected a name that ends in \.json, \.html, \.parquet, found '\.csv'"
    ):
        Result(document).write(tmp_path / "result.csv")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("not json", "expected a JSON result document"),
        ("[1, 2]", "found list"),
        ('{"format": "headroom.result/v9"}', r"expected 'headroom.result/v1', found 'headroom.result/v9'"),
    ],
)
def test_what_is_no_result_is_refused(tmp_path: Path, text: str, found: str) -> None:
    path = tmp_path / "other.json"
    path.write_text(text)
    with pytest.raises(PermanentError, match=found) as caught:
        Result.read(path)
    assert caught.value.next_step


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_text("old")

    def fail(temporary: Path) -> None:
        temporary.write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, fail)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_reader_sees_the_old_or_the_new_file_only(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_text("old")
    seen = []

    def write(temporary: Path) -> None:
        temporary.write_text("ne")
        seen.append(path.read_text())
        temporary.write_text("new")

    write_atomically(path, write)
    assert seen == ["old"]
    assert path.read_text() == "new"


def test_a_written_file_has_an_ordinary_files_mode(tmp_path: Path) -> None:
    ordinary = tmp_path / "ordinary"
    ordinary.write_text("")
    write_text(tmp_path / "written.json", json.dumps({}))
    modes = {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    assert len(modes) == 1


def test_a_missing_folder_is_an_os_error(document: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "result.json"
    with pytest.raises(FileNotFoundError) as caught:
        Result(document).write(path)
    assert caught.value.filename == str(path), "not the temporary file's name"
