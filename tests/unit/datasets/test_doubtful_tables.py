"""Tables whose values may be taken for others: read as they are meant, said, or asked about."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.support.refusals import error_of
from tuner.datasets import DataError, DataSpec
from tuner.datasets.raw_data import Arrays
from tuner.datasets.sources import data_frames, excel, source_catalog
from tuner.datasets.table_format import TableFormat

ROWS = 20


def read(path: Path, text: str, **fields: Any) -> Arrays:
    """A table of such lines, of which the target is `y`."""
    path.write_text(text)
    return source_catalog.read(DataSpec(source=str(path), **{"target": "y", **fields}))


def table(header: str, row: str) -> str:
    """Lines with `{i}` in each row, and `{y}`, a class of two."""
    return "\n".join([header, *(row.format(i=i, y=i % 2) for i in range(ROWS))])


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("last", ["", " "])
def test_a_separator_at_the_end_of_rows_moves_no_column(separator: str, last: str, tmp_path: Path):
    """The empty value that it makes is ignored; the first one is no index."""
    text = table("y,a,b", "{i}.5,{i}.25,{y}," + last).replace(",", separator)
    rows = read(tmp_path / "a.csv", text).parts["train"]
    assert rows.y.tolist() == [i + 0.5 for i in range(ROWS)]
    np.testing.assert_array_equal(rows.x[:, 0], [i + 0.25 for i in range(ROWS)])


def test_a_target_that_counts_is_no_index(tmp_path: Path):
    """Not even where rows end with a separator: pandas takes it for one."""
    rows = read(tmp_path / "a.csv", table("y,a", "{i},{i}.25,")).parts["train"]
    assert rows.y.tolist() == list(range(ROWS))


@pytest.mark.parametrize(
    ("row", "is_index"),
    [
        ('"r{i}",{i}.25,{y}', True),
        ("{i},{i}.25,{y}", True),
        ("{i}.5,{i}.25,{y}", False),
        ('"r{y}",{i}.25,{y}', False),
        ("Smith{i}, J,{y}", False),
        ("{i}.5,{i},NA", False),
    ],
    ids=["R's", "counted", "numbers", "repeated", "commas in text", "NA at the end"],
)
def test_only_an_index_comes_before_the_first_name(row: str, is_index: bool, tmp_path: Path):
    """It is quoted or counts the rows, and never repeats; else a comma stands within a value."""
    text = table("a,y", row)
    if is_index:
        arrays = read(tmp_path / "a.csv", text)
        assert (arrays.columns, arrays.dropped) == (("a",), ("Unnamed: 0",))
    else:
        (tmp_path / "a.csv").write_text(text)
        message = error_of(tmp_path / "a.csv", target="y")
        assert "a name for every column. Received: 2 names and 3 values a row" in message


def test_leading_zeros_are_seen_beside_an_index(tmp_path: Path):
    """The columns that are looked at are those of the numbers, though the first has no name."""
    notes = read(tmp_path / "a.csv", table("zip,y", '"r{i}",0{i},{y}')).notes
    assert any("leading zeros are lost" in note and "'zip'" in note for note in notes)


@pytest.mark.parametrize("part", ["train", "test"])
def test_points_are_thousands_where_commas_are_decimal(part: str, tmp_path: Path):
    """In a file with commas between values, too, where numbers are quoted."""
    text = "a,pop,y\n" + "".join(f'"{i},50","1.{100 + 7 * i}",{i % 2}\n' for i in range(ROWS))
    (tmp_path / "b.csv").write_text(text)
    arrays = read(tmp_path / "a.csv", text, test_data=str(tmp_path / "b.csv"))
    assert arrays.parts[part].x[1, -1] == 1107


def test_no_thousands_begin_with_a_zero(tmp_path: Path):
    """`0,123` is a fraction, whatever separates values."""
    text = "a,y\n" + "".join(f'"0,{100 + i}",{i % 2}\n' for i in range(ROWS))
    assert read(tmp_path / "a.csv", text).parts["train"].x[1, 0] == 0.101


@pytest.mark.parametrize(
    ("column", "told"),
    [
        (["1.026", "57", "4.510"], "Received: '1.026' in column 'a', thousands or a fraction"),
        (["1.026", "5.137", "4.510"], "`.` before three decimals in a (thousands: --decimal ,)"),
        (["1.026", "0.5", "57"], None),
        (["1.026", "0.137", "57"], None),
        (["1.026", "1057", "4.510"], None),
        (["1.026", "57", "4.51"], None),
    ],
)
def test_points_before_three_digits_are_said_or_asked_about(
    column: list[str], told: str | None, tmp_path: Path
):
    """As German thousands between semicolons, unless a number shows that they are fractions."""
    text = "a;y\n" + "".join(f"{value};{i % 2}\n" for i, value in enumerate(column * 8))
    path = tmp_path / "a.csv"
    path.write_text(text)
    if told is not None and "Received" in told:
        assert told in error_of(path, target="y")
        assert read(path, text, decimal=",").parts["train"].x[0, 0] == 1026
    else:
        notes = read(path, text).notes
        assert any("three decimals" in note for note in notes) == (told is not None)
        assert told is None or told in notes[0]
    assert read(path, text, decimal=".").parts["train"].x[0, 0] == 1.026


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["007", "012", None], ["007", "012", None]),
        ([7, "012", None], ["7", "012", None]),
        ([7, "12", None], [7.0, 12.0, np.nan]),
        (["n.a.", 5, 7.5], ["n.a.", "5", "7.5"]),
        ([1, 2, 3], [1, 2, 3]),
        ([True, False, True], [True, False, True]),
    ],
    ids=["codes", "some codes", "numbers as text", "marks", "numbers", "truth values"],
)
def test_cells_of_excel_keep_leading_zeros(cells: list[Any], expected: list[Any]):
    """Text is text there, unless all of it are numbers that lose nothing."""
    column = excel.with_cell_types(pd.DataFrame({"a": pd.Series(cells, dtype=object)}))["a"]
    pd.testing.assert_series_equal(column, pd.Series(expected, name="a"), check_dtype=False)


@pytest.mark.parametrize(
    ("column", "odd"),
    [
        (["n.d.", *map(str, range(19))], "n.d."),
        (["31*", *map(str, range(19))], "31*"),
        (["0,50", "12.5", "7.25", "1,75"], "0,50"),
        (["1", "2", "3+"], "3+"),
    ],
)
def test_a_target_of_numbers_is_not_made_classes_by_a_text(
    column: list[str], odd: str, tmp_path: Path
):
    """Its text is named; who means classes says so."""
    text = "a,y\n" + "".join(f'{i * i},"{value}"\n' for i, value in enumerate(column * 8))
    (tmp_path / "a.csv").write_text(text)
    message = error_of(tmp_path / "a.csv", target="y")
    assert f"numbers in the target, as most are. Received: {odd!r} in column 'y'" in message
    for said in ({"categories": ("y",)}, {"task": "classes"}):
        assert read(tmp_path / "a.csv", text, **said).parts["train"].y[0] == column[0]


@pytest.mark.parametrize(
    "classes", [["1.1.0", "1.2.0"], ["<5", "5-9"], ["a", "b", "1"], ["+", "-"]]
)
def test_texts_of_a_target_are_classes(classes: list[str], tmp_path: Path):
    """As long as most of them are no numbers."""
    text = "a,y\n" + "".join(f"{i * i},{value}\n" for i, value in enumerate(classes * 8))
    assert set(read(tmp_path / "a.csv", text).parts["train"].y) == set(classes)


def test_words_for_missing_values_can_be_kept(tmp_path: Path):
    """With the mark `none` only what is empty is missing; the study keeps that."""
    text = "a,y\n" + "".join(f"{value},None\n,NA\n" for value in ["NA", "none"] * 8)
    arrays = read(tmp_path / "a.csv", text, na_values=("none",))
    assert set(arrays.parts["train"].y) == {"None", "NA"}
    assert set(arrays.parts["train"].x["a"]) == {"NA", "none", ""}
    assert arrays.found["na_values"] == ("none",)


@pytest.mark.parametrize(("classes", "kept"), [("abc?", "abc"), ("a?", "a?")])
def test_a_question_mark_is_no_class_beside_several(classes: str, kept: str, tmp_path: Path):
    """Rows with it are left out, as it stands for what is missing; of two classes it is one."""
    text = "a,y\n" + "".join(f"{i * i},{one}\n" for i, one in enumerate(classes * 8))
    arrays = read(tmp_path / "a.csv", text)
    assert set(arrays.parts["train"].y) == set(kept)
    again = read(tmp_path / "a.csv", text, na_values=arrays.found["na_values"])
    assert again.parts["train"].y.tolist() == arrays.parts["train"].y.tolist()


@pytest.mark.parametrize("place", [3, 150])
def test_one_mistyped_comma_makes_no_thousands_of_all_points(place: int, tmp_path: Path):
    """It is named, wherever it stands; the option says that points are between thousands."""
    column = [f"48.{100 + i}" for i in range(199)]
    column[place] = "12,5"
    text = "a;y\n" + "".join(f"{value};{i % 2}\n" for i, value in enumerate(column))
    path = tmp_path / "a.csv"
    path.write_text(text)
    assert "Received: '12,5' in column 'a', and many such as '48." in error_of(path, target="y")
    assert read(path, text, decimal=",").parts["train"].x[:5, 0].max() == 48104
    beside = text.replace(";", ";0,5;").replace("a;0,5;", "a;b;")
    assert read(path, beside).parts["train"].x[0, 0] == 48100


@pytest.mark.parametrize(
    ("bad", "separator"), [("1,234", ";"), ("03/04/2024", ","), ("1.026", ";"), ("x7", ",")]
)
@pytest.mark.parametrize("fields", [{"drop": ("bad",)}, {"columns": ("a",)}])
def test_nothing_is_asked_of_columns_that_nobody_uses(
    bad: str, separator: str, fields: dict[str, Any], tmp_path: Path
):
    """Whatever may be meant by them."""
    other = bad if "/" in bad else 57
    row = f"{{}}{separator}{{}}{separator}{{}}\n"
    rows = "".join(row.format(i * i, bad if i % 3 == 1 else other, i % 2) for i in range(20))
    text = f"a{separator}bad{separator}y\n{rows}"
    assert read(tmp_path / "a.csv", text, **fields).columns == ("a",)
    assert "'bad'" in error_of(tmp_path / "a.csv", target="y")


def test_a_target_whose_name_is_there_twice_is_refused(tmp_path: Path):
    """The second would be a feature that tells the first, or another one."""
    text = "y,a,y\n" + "".join(f"{i % 2},{i * i},{i * 3}\n" for i in range(20))
    (tmp_path / "a.csv").write_text(text)
    assert "'y' twice in the first line" in error_of(tmp_path / "a.csv", target="y")
    other = text.replace("y,a,y", "y,a,y.1")
    assert read(tmp_path / "a.csv", other).columns == ("a", "y.1")


@pytest.mark.parametrize(
    ("dates", "odd"),
    [
        (["31/01/2020", "31/02/2020", "30/03/2020", "15/03/2020"], "31/02/2020"),
        (["31/01/2020", "30/01/2020", "01/31/2020", "15/03/2020"], "01/31/2020"),
        (["10-19", "20-29", "30-39", "40-49"], None),
        (["1.1.10", "1.2.10", "1.13.40", "2.0.0"], None),
    ],
)
def test_a_bad_date_makes_no_category_of_a_column(
    dates: list[str], odd: str | None, tmp_path: Path
):
    """Dates of which one is none are refused as those of ISO are; ages and versions are none."""
    text = "a,y\n" + "".join(f"{date},{i % 3 % 2}\n" for i, date in enumerate(dates * 8))
    if odd is None:
        assert set(read(tmp_path / "a.csv", text).parts["train"].x["a"]) == set(dates)
    else:
        (tmp_path / "a.csv").write_text(text)
        assert f"Received: {odd!r} in column 'a'" in error_of(tmp_path / "a.csv", target="y")


def test_the_text_that_is_no_number_is_named(tmp_path: Path):
    """Not an innocent one beside it; nor is the column left out as one of identifiers."""
    rows = "".join(f"{i * i};{'abc' if i == 9 else f'{i},25'};{i % 2}\n" for i in range(20))
    (tmp_path / "a.csv").write_text("a;q;y\n" + rows)
    assert "Received: 'abc' in column 'q'" in error_of(tmp_path / "a.csv", target="y")


@pytest.mark.parametrize(
    ("value", "advice"),
    [("1,234", "write all numbers as those of the training"), ("03/04/2024", "as 2024-01-31")],
)
def test_other_files_are_to_be_written_as_that_of_the_training_rows(
    value: str, advice: str, tmp_path: Path
):
    """No option is advised that their command does not have."""
    like = TableFormat(separator=",", decimal=".", encoding="utf-8", na_values=())
    (tmp_path / "a.tsv").write_text("a\tb\n" + f"{value}\t1\n" * 3)
    with pytest.raises(DataError, match=advice):
        data_frames.read(tmp_path / "a.tsv", like.of_other_file(), like=like)


def test_lines_that_end_with_a_separator_are_seen(tmp_path: Path):
    """They tell whether the first one names the columns."""
    (tmp_path / "a.csv").write_text("a,b\n1,2,\n3,4,\n")
    assert data_frames.first_lines(tmp_path / "a.csv", TableFormat())[0] == ["a", "b"]
