"""Tables that grow by columns."""

import pytest
from report_testing.documents import figure

from headroom_analysis.report.formatting import DASH, NONE
from headroom_analysis.report.grid import Cell, Column, Table, tone_of
from headroom_analysis.report.values import NO_DATA, Estimate, estimate


@pytest.mark.parametrize(
    ("share", "tone"),
    [(None, "calm"), (0.0, "calm"), (0.74, "calm"), (0.75, "warn"), (0.9, "bad"), (1.2, "bad")],
)
def test_tones_of_utilisation(share: float | None, tone: str) -> None:
    assert tone_of(share) == tone


def test_columns_make_rows() -> None:
    table = Table("Servers")
    table.texts("Name", ["a", "b"], swatches=["blue-0", ""])
    table.numbers("Wait", [estimate(figure(0.012)), NO_DATA], "duration")
    assert table.columns == [Column("Name", numeric=False), Column("Wait", "ms")]
    assert [row[0] for row in table.rows] == [Cell("a", swatch="blue-0"), Cell("b")]
    assert [row[1].text for row in table.rows] == ["12", NONE]
    assert table.rows[0][1].detail == f"11.5 {DASH} 12.5"


def test_a_column_without_data_is_left_out() -> None:
    table = Table("Servers")
    table.texts("Name", ["a"])
    table.numbers("Wait", [NO_DATA], "duration")
    assert [column.title for column in table.columns] == ["Name"]


def test_columns_of_unequal_length_are_a_mistake() -> None:
    table = Table("Servers")
    table.texts("Name", ["a", "b"])
    with pytest.raises(ValueError, match="zip"):
        table.texts("Other", ["a"])


def test_bars_take_the_tone_of_their_height() -> None:
    table = Table("Servers")
    table.numbers("CPU", [Estimate(0.5), Estimate(0.95)], "ratio", bars=True)
    assert [(row[0].bar, row[0].tone) for row in table.rows] == [(0.5, "calm"), (0.95, "bad")]


@pytest.mark.parametrize(
    ("value", "detail"),
    [
        (Estimate(5.0, 5.0, 5.0), ""),  # certain: nothing to tell
        (Estimate(5.0, 4.0, None), ""),
        (Estimate(1e-9, 0.0, 2e-9), ""),  # the value itself is only "less than"
        (Estimate(5.5, 4.0, 7.0), f"4.0 {DASH} 7.0"),
    ],
)
def test_intervals_are_shown_where_they_tell_something(value: Estimate, detail: str) -> None:
    table = Table("Servers")
    table.numbers("Queue", [value], "number")
    assert table.rows[0][0].detail == detail


def test_classes_for_the_style_sheet() -> None:
    table = Table("Servers")
    table.texts("Name", [str(index) for index in range(20)])
    assert table.classes == "compact"
    small = Table("Servers")
    for title in "abcdef":
        small.texts(title, ["x"])
    assert small.classes == "short"
