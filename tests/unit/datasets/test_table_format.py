"""However a table is written: the same rows, one line that says how, and the same ever after."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.support.refusals import error_of
from tuner.datasets import DataSpec, load
from tuner.datasets.raw_data import Arrays
from tuner.datasets.sources import source_catalog

ROWS = 60


def penguins() -> pd.DataFrame:
    """Numbers, categories, missing values of both, and a target."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "bill": rng.normal(44, 5, ROWS).round(1),
            "mass": rng.integers(2700, 6300, ROWS),
            "island": rng.choice(["Biscoe", "Dream"], ROWS),
            "species": rng.choice(["Gentoo", "Adelie"], ROWS),
        }
    )
    table.loc[[3, 9], "bill"] = np.nan
    table.loc[4, "island"] = np.nan
    return table


def records(path: Path, table: pd.DataFrame) -> None:
    text = table.to_json(orient="records")
    path.write_text(text)


WAYS: dict[str, tuple[Any, str]] = {
    "plain.csv": (lambda t, path: t.to_csv(path, index=False), ""),
    "index.csv": (lambda t, path: t.to_csv(path), ""),
    "german.csv": (
        lambda t, path: t.to_csv(path, index=False, sep=";", decimal=","),
        "separator `;`; decimal comma",
    ),
    "tabs.tsv": (lambda t, path: t.to_csv(path, index=False, sep="\t"), "separator tab"),
    "pipes.txt": (lambda t, path: t.to_csv(path, index=False, sep="|"), "separator `|`"),
    "packed.csv.gz": (lambda t, path: t.to_csv(path, index=False), ""),
    "wide.csv": (lambda t, path: t.to_csv(path, index=False, encoding="utf-16"), "utf-16"),
    "marked.csv": (lambda t, path: t.to_csv(path, index=False, encoding="utf-8-sig"), ""),
    "asked.csv": (lambda t, path: t.to_csv(path, index=False, na_rep="?"), "`?` is missing"),
    "dashes.csv": (lambda t, path: t.to_csv(path, index=False, na_rep="-"), "`-` is missing"),
    "lines.jsonl": (lambda t, path: t.to_json(path, orient="records", lines=True), ""),
    "records.json": (lambda t, path: records(path, t), ""),
    "columns.json": (lambda t, path: t.to_json(path), ""),
    "lists.json": (
        lambda t, path: path.write_text(
            json.dumps({n: c.where(c.notna(), None).tolist() for n, c in t.astype(object).items()})
        ),
        "",
    ),
    "arrow.feather": (lambda t, path: t.to_feather(path), ""),
    "arrow.parquet": (lambda t, path: t.to_parquet(path), ""),
}


@pytest.fixture(scope="module")
def fingerprint(tmp_path_factory: pytest.TempPathFactory) -> str:
    """That of the plain table."""
    path = tmp_path_factory.mktemp("plain") / "plain.csv"
    penguins().to_csv(path, index=False)
    return load(DataSpec(source=str(path), target="species")).fingerprint


@pytest.mark.parametrize("name", WAYS)
def test_a_table_is_the_same_however_it_is_written(name: str, fingerprint: str, tmp_path: Path):
    """One fingerprint; one line says what is unusual; what was found reads the same again."""
    write, words = WAYS[name]
    write(penguins(), tmp_path / name)
    spec = DataSpec(source=str(tmp_path / name), target="species")
    data = load(spec)
    assert data.fingerprint == fingerprint
    (line,) = [note for note in data.notes if "read as: " in note] or [f"read as: {words}."]
    assert line.endswith(f"read as: {words}.")
    as_read = DataSpec.from_dict(json.loads(json.dumps(spec.as_read(data.found).to_dict())))
    again = load(as_read)
    assert (again.fingerprint, again.found) == (data.fingerprint, data.found)


def read(path: Path, text: str, encoding: str = "utf-8", **fields: Any) -> Arrays:
    """A table of such lines, of which the target is `y`."""
    path.write_bytes(text.encode(encoding))
    return source_catalog.read(DataSpec(source=str(path), target="y", **fields))


def lines(column: list[str], separator: str = ",") -> str:
    """Lines with a column of these values, beside a target."""
    rows = [f"{value}{separator}{i % 2}" for i, value in enumerate(column)]
    return "\n".join([f"a{separator}y", *rows])


NUMBERS = {
    "thousands": (["1,234.5", "12", "7,000"], [1234.5, 12, 7000], "`,` between thousands in a"),
    "spaces": (["1 234", "12", "7 000"], [1234, 12, 7000], ""),
    "percent": (["12%", "7.5 %", "0%"], [12, 7.5, 0], "`%` left out of a"),
    "currency": (["$1,200", "-$3", "$0.5"], [1200, -3, 0.5], "`$` left out of a"),
    "accounts": (["(5)", "12", "(7.5)"], [-5, 12, -7.5], ""),
    "marks": (["5", "n.a.", "7"], [5, np.nan, 7], "`n.a.` is missing"),
    "power": (["1e3", "-", "-2E-1"], [1000, np.nan, -0.2], "`-` is missing"),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_are_read_as_people_write_them(name: str, tmp_path: Path):
    """Thousands, percent, currency, brackets and marks; a note says what was left out."""
    column, expected, words = NUMBERS[name]
    quoted = [f'"{value}"' for value in column * 5]
    arrays = read(tmp_path / "a.csv", lines(quoted))
    x = arrays.parts["train"].x
    values = x["a"] if x.dtype.names else x[:, 0]
    np.testing.assert_array_equal(values, expected * 5)
    assert any(words in note for note in arrays.notes) or not words


@pytest.mark.parametrize(
    ("column", "separator", "expected"),
    [
        (["1.234,5", "12"], ";", [1234.5, 12]),
        (["1,5", "1.234"], ";", [1.5, 1234]),
        (["1,234", "0,5"], "\t", [1.234, 0.5]),
        (["1,234", "3.5"], "\t", [1234, 3.5]),
        (['"1,5"', '"2,25"'], ",", [1.5, 2.25]),
        (['"1,234"', "12"], ",", [1234, 12]),
    ],
)
def test_a_comma_is_what_all_numbers_allow(
    column: list[str], separator: str, expected: list[float], tmp_path: Path
):
    """It stands before a fraction or between thousands, as the whole file shows."""
    arrays = read(tmp_path / "a.csv", lines(column * 6, separator))
    np.testing.assert_array_equal(arrays.parts["train"].x[:, 0], expected * 6)


def test_a_comma_that_may_be_either_is_asked_about(tmp_path: Path):
    """A wrong number would be worse than a question; the option answers it."""
    text = lines(["1,234", "5,678"] * 6, ";")
    (tmp_path / "a.csv").write_text(text)
    message = error_of(DataSpec(source=str(tmp_path / "a.csv"), target="y"))
    assert "'1,234' in column 'a', thousands or a fraction: add --decimal . or" in message
    for decimal, first in ((".", 1234), (",", 1.234)):
        arrays = read(tmp_path / "a.csv", text, decimal=decimal)
        assert arrays.parts["train"].x[0, 0] == first


def test_numbers_in_quotes_of_json_are_numbers_unless_they_are_codes(tmp_path: Path):
    """Years that do not repeat are numbers; what repeats, or begins with zeros, is a category."""
    table = pd.DataFrame({"y": [0, 1] * 20, "year": [str(1900 + i * i) for i in range(40)]})
    table["code"], table["class"] = [f"{i:03}" for i in range(20)] * 2, [*"12345"] * 8
    table.to_json(tmp_path / "a.json", orient="records")
    data = load(DataSpec(source=str(tmp_path / "a.json"), target="y"))
    assert data.encoder is not None
    assert data.encoder.kinds == {"year": "number", "code": "category", "class": "category"}


@pytest.mark.parametrize(
    "column",
    [
        ["12%", "0.5", "3%"],
        ["$5", "5 €", "$7"],
        ["1.2.3", "1.2.4", "2.0.0"],
        ["1,23,4", "5,6,7", "6"],
    ],
    ids=["units", "currencies", "versions", "groups"],
)
def test_what_is_no_number_stays_text(column: list[str], tmp_path: Path):
    """Mixed units, versions and odd groups are categories, as long as they repeat."""
    arrays = read(tmp_path / "a.csv", lines([f'"{value}"' for value in column * 6]))
    assert set(arrays.parts["train"].x["a"]) == set(column)


@pytest.mark.parametrize(
    ("column", "first"),
    [
        (["31/12/2020", "01/02/2021"], "2020-12-31"),
        (["12/31/2020", "01/02/2021"], "2020-12-31"),
        (["31.12.2020", "1.2.2021"], "2020-12-31"),
        (["2020/12/31", "2021/2/1"], "2020-12-31"),
        (["31-Dec-2020", "1-Feb-2021"], "2020-12-31"),
        (["Dec 31 2020", "Feb 1 2021"], "2020-12-31"),
        (["12/31/2020 11:30 PM", "01/02/2021 1:00 AM"], "2020-12-31T23:30"),
    ],
)
def test_dates_are_read_in_the_one_way_that_fits_all(column: list[str], first: str, tmp_path: Path):
    """Slashes, dots, names of months and clocks of twelve hours."""
    arrays = read(tmp_path / "a.csv", lines(column * 6))
    assert arrays.parts["train"].x["a"][0] == np.datetime64(first)


def test_dates_that_may_be_either_are_asked_about(tmp_path: Path):
    """Unless another column of the file, or the option, shows what comes first."""
    text = lines(["03/04/2024", "05/06/2024"] * 6)
    (tmp_path / "a.csv").write_text(text)
    message = error_of(DataSpec(source=str(tmp_path / "a.csv"), target="y"))
    assert "add --date-order day-first or --date-order month-first" in message
    for day_first, date in ((True, "2024-04-03"), (False, "2024-03-04")):
        arrays = read(tmp_path / "a.csv", text, day_first=day_first)
        assert arrays.parts["train"].x["a"][0] == np.datetime64(date)
    beside = "\n".join(
        ["a,b,y", *(f"0{i % 9 + 1}/04/2024,2{i % 9}/04/2024,{i % 2}" for i in range(18))]
    )
    arrays = read(tmp_path / "b.csv", beside)
    assert arrays.found["day_first"]
    assert arrays.parts["train"].x["a"][1] == np.datetime64("2024-04-02")


def test_a_decimal_comma_that_is_found_late_counts_for_all(tmp_path: Path):
    """Numbers with a point in the first lines were thousands, as workers know from the start."""
    column = [*["1.234"] * 150, *["0,5"] * 20]
    arrays = read(tmp_path / "a.csv", lines(column, ";"))
    assert arrays.parts["train"].x[:, 0].tolist() == [*[1234.0] * 150, *[0.5] * 20]
    again = read(tmp_path / "a.csv", lines(column, ";"), decimal=arrays.found["decimal"])
    np.testing.assert_array_equal(again.parts["train"].x, arrays.parts["train"].x)


def test_lists_of_numbers_make_no_decimal_comma(tmp_path: Path):
    """Where fractions have a point, answers such as `1,2` stay text."""
    rows = "\n".join(f"{i}.25;{'1,2' if i % 3 else '1,2,3'};{i % 2}" for i in range(30))
    arrays = read(tmp_path / "a.csv", f"a;b;y\n{rows}")
    x = arrays.parts["train"].x
    assert x["a"][3] == 3.25
    assert set(x["b"]) == {"1,2", "1,2,3"}


def test_a_line_of_excel_says_what_separates(tmp_path: Path):
    """`sep=;` is no header."""
    arrays = read(tmp_path / "a.csv", f"sep=;\r\n{lines(['1,5', '2,5'] * 9, ';')}")
    assert arrays.parts["train"].x[:, 0].tolist() == [1.5, 2.5] * 9


def test_names_may_be_in_capitals(tmp_path: Path):
    """As other systems write them; a packed file has a short name."""
    penguins().to_csv(tmp_path / "A.CSV", index=False)
    assert len(load(DataSpec(source=str(tmp_path / "A.CSV"), target="species")).train) == 36
    assert DataSpec(source="a/house.csv.gz").name == "house"


def test_letters_of_latin_1_are_read_and_said(tmp_path: Path):
    """Text that is no UTF-8 is taken for that of Windows; a name that is wrong is refused."""
    text = lines(["Zürich", "Genève"] * 6)
    arrays = read(tmp_path / "a.csv", text, "latin-1")
    assert set(arrays.parts["train"].x["a"]) == {"Zürich", "Genève"}
    assert arrays.notes[0].endswith("read as: latin-1 (cp1252).")
    assert "Python knows" in error_of(tmp_path / "a.csv", target="y", encoding="latin-0")
    assert "expected text in utf-8" in error_of(tmp_path / "a.csv", target="y", encoding="utf-8")


def test_a_flaw_in_utf_8_is_no_other_encoding(tmp_path: Path):
    """Else every letter of the file would be wrong for the sake of one."""
    content = lines(["Zürich", "Genève"] * 6).encode() + "\nGenève,1".encode("latin-1")
    (tmp_path / "a.csv").write_bytes(content)
    assert "expected text in UTF-8, as most of it is" in error_of(tmp_path / "a.csv", target="y")


def test_marks_are_left_to_classes(tmp_path: Path):
    """`-` is missing among numbers, and a class beside `+`."""
    rows = "\n".join(f"{'-' if i == 3 else i * i},{'+-'[i % 2]}" for i in range(20))
    arrays = read(tmp_path / "a.csv", f"a,y\n{rows}")
    assert np.isnan(arrays.parts["train"].x["a"]).sum() == 1
    assert set(arrays.parts["train"].y) == {"+", "-"}


def test_marks_can_be_named(tmp_path: Path):
    """Words and numbers that stand for what is missing."""
    text = lines(["-999", "5", "7", "unbekannt"] * 5)
    arrays = read(tmp_path / "a.csv", text, na_values=("-999", "unbekannt"))
    assert np.isnan(arrays.parts["train"].x["a"]).sum() == 10


def test_columns_can_be_chosen(tmp_path: Path):
    """Only those that are named are features; others may be there in rows to come."""
    penguins().to_csv(tmp_path / "a.csv", index=False)
    spec = DataSpec(source=str(tmp_path / "a.csv"), target="species", columns=("mass",))
    data = load(spec)
    assert (data.columns, data.dropped) == (("mass",), ("bill", "island"))
    message = error_of(str(tmp_path / "a.csv"), target="species", columns=("mas",))
    assert "--columns to be one of its columns" in message


def test_columns_of_no_use_are_left_out(tmp_path: Path):
    """Empty ones and identifiers, with the reason; not where all columns shall stay."""
    table = penguins().assign(tag=[f"N{i}A{i}" for i in range(ROWS)], comments=np.nan)
    table.to_csv(tmp_path / "a.csv", index=False)
    spec = DataSpec(source=str(tmp_path / "a.csv"), target="species")
    data = load(spec)
    assert data.dropped == ("tag", "comments")
    assert any("left out 'tag': nearly every row" in note for note in data.notes)
    assert any("left out 'comments': no row has a value" in note for note in data.notes)
    assert "in column 'tag' and 59 others" in error_of(
        str(tmp_path / "a.csv"), target="species", drop_index=False, drop=("comments",)
    )


def test_all_mistyped_columns_are_in_one_message(tmp_path: Path):
    """Nobody shall find them one an attempt."""
    table = pd.DataFrame({n: [*map(str, range(ROWS))] for n in "abcd"}).assign(y=[0, 1] * 30)
    for place, name in enumerate("abcd"):
        table.loc[place, name] = f"oops{place}"
    table.to_csv(tmp_path / "a.csv", index=False)
    message = error_of(tmp_path / "a.csv", target="y")
    assert "'oops0' in 'a', 'oops1' in 'b', 'oops2' in 'c' and 1 more columns" in message
    assert len(message) <= 300


def test_parts_of_their_own_may_be_written_otherwise(tmp_path: Path):
    """Each file has its separator; values mean what they do in that of the training rows."""
    table = penguins()
    table.to_csv(tmp_path / "train.csv", index=False, sep=";", decimal=",")
    table.to_csv(tmp_path / "test.csv", index=False)
    spec = DataSpec(
        source=str(tmp_path / "train.csv"), target="species", test_data=str(tmp_path / "test.csv")
    )
    data = load(spec)
    np.testing.assert_array_equal(
        np.sort(data.raw("test")["mass"][:, 0]), np.sort(table["mass"].to_numpy(float))
    )
    assert data.raw("test")["bill"][0, 0] == table["bill"][0]


def test_studies_of_before_read_as_they_did(tmp_path: Path):
    """A definition without these fields takes commas, and nothing else, for separators."""
    penguins().fillna({"bill": 40.0, "island": "?"}).to_csv(tmp_path / "a.csv", index=False)
    spec = DataSpec(source=str(tmp_path / "a.csv"), target="species")
    stored = spec.to_dict()
    for name in ("separator", "decimal", "encoding", "na_values", "day_first", "lenient"):
        del stored[name]
    before = DataSpec.from_dict(stored | {"impute": False})
    assert not before.lenient
    data = load(before)
    assert data.encoder is not None
    assert "?" in data.encoder.to_dict()[2]["vocabulary"]
    assert data.found == {"impute": False}
