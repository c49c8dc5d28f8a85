"""Files that are no table, or none that can be learned from: one line each that says what to do."""

from __future__ import annotations

import gzip
import io
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.support.refusals import error_of
from tuner.errors import LONGEST_LINE

ROWS = "".join(f"{i * i},{i % 2}\n" for i in range(20))
PLAIN = f"a,y\n{ROWS}"


def parquet(**columns: Any) -> bytes:
    buffer = io.BytesIO()
    pd.DataFrame(columns).to_parquet(buffer)
    return buffer.getvalue()


def of(column: list[str]) -> str:
    """A table of such values, each in quotes, and a target."""
    return "a,y\n" + "".join(f'"{value}",{i % 2}\n' for i, value in enumerate(column * 8))


MALFORMED: dict[str, tuple[str, bytes | str, str, dict[str, Any]]] = {
    "nothing": ("a.csv", b"", "which is empty", {}),
    "blank lines": ("a.csv", "\n\n\n", "Expected a table", {}),
    "header alone": ("a.csv", "a,y\n", "with a header line only", {}),
    "spaces alone": ("a.csv", "   ", "Expected a table", {}),
    "null characters": ("a.csv", PLAIN.encode() + b"\0" * 9, "null characters", {}),
    "bytes of a picture": ("a.csv", b"\x89PNG\r\n\x1a\n\x81\x8d" * 9, "file of text", {}),
    "cut utf-16": ("a.csv", PLAIN.encode("utf-16")[:-1], "expected text in utf-16", {}),
    "other encoding": ("a.csv", PLAIN.encode("utf-16"), "null characters", {"encoding": "utf-8"}),
    "unknown encoding": ("a.csv", PLAIN, "that Python knows", {"encoding": "utf-88"}),
    "flaw in utf-8": ("a.csv", of(["é", "ü"]).encode() + b"\xff,1\n", "most of it is", {}),
    "long line": ("a.csv", PLAIN + "1,2,3,4\n", "line 22", {}),
    "open quote": ("a.csv", PLAIN + '"1,2\n', "Expected a table", {}),
    "two indices": ("a.csv", "a,y\n" + "1,2,3,0\n" * 20, "a name for every column", {}),
    "other separator": ("a.csv", PLAIN, "Received: 'a'", {"separator": ";", "target": "a,x"}),
    "one column": ("a.csv", "y\n" + "1\n2\n" * 9, "feature columns beside the target", {}),
    "no such target": ("a.csv", PLAIN, "'z'", {"target": "z"}),
    "no target": ("a.csv", PLAIN, "add --target COLUMN, one of a, y", {"target": None}),
    "target empty": ("a.csv", "a,y\n" + "1,\n2,\n" * 9, "missing in column 'y'", {}),
    "one class": ("a.csv", "a,y\n" + "1,x\n2,x\n" * 9, "'x' in every row", {}),
    "mistyped": ("a.csv", of(["1", "2", "3", "x7"]), "'x7' in column 'a'", {}),
    "either comma": ("a.tsv", "a\ty\n" + "1,234\t0\n5,678\t1\n" * 9, "add --decimal", {}),
    "either date": ("a.csv", of(["01/02/2024", "03/04/2024"]), "--date-order", {}),
    "bad date": ("a.csv", of(["2024-01-31", "2024-02-01", "2024-02-31"]), "'2024-02-31'", {}),
    "infinite": ("a.csv", "a,y\ninf,1\n" + ROWS, "finite numbers", {}),
    "huge": ("a.csv", "a,y\n1e40,1\n" + ROWS, "finite numbers", {}),
    "missing": ("a.csv", "a,y\n,1\n" + ROWS, "add --impute yes", {"impute": False}),
    "names alone": ("a.csv", "n,y\n" + "".join(f"N{i},{i % 2}\n" for i in range(9)), "as iden", {}),
    "long name": ("a.csv", f"{'x' * 2000},y\n{ROWS}", "letters in every name", {}),
    "many columns": ("a.csv", ",".join(f"c{i}" for i in range(10_002)), "at most 10,000", {}),
    "no such column": ("a.csv", PLAIN, "--drop to be one", {"drop": ("b",)}),
    "no such feature": ("a.csv", PLAIN, "--columns to be one", {"columns": ("b",)}),
    "not packed": ("a.csv.gz", PLAIN, "can be unpacked", {}),
    "cut in packing": ("a.csv.gz", gzip.compress(PLAIN.encode())[:-9], "can be unpacked", {}),
    "no JSON": ("a.json", "{'a': 1}", "Expected JSON", {}),
    "lines in .json": ("a.json", '{"a": 1}\n{"a": 2}\n', ".jsonl", {}),
    "a number in JSON": ("a.json", "7", "expected a table as", {}),
    "uneven JSON": ("a.json", '{"a": [1, 2], "y": [0]}', "of one length", {}),
    "nested JSON": ("a.json", '[{"a": [1, 2], "y": 0}]', "in 'a' of record 1", {}),
    "a bad line": ("a.jsonl", '{"a": 1, "y": 0}\n{"a": \n', "line 2", {}),
    "a list on a line": ("a.jsonl", "[1, 2]\n", "on every line", {}),
    "no Parquet": ("a.parquet", PLAIN, "Expected a Parquet file", {}),
    "lists in Parquet": ("a.parquet", parquet(a=[[1], [2]], y=[0, 1]), "of type list", {}),
    "no Feather": ("a.feather", PLAIN, "Expected a Feather file", {}),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_file_is_refused_on_one_line(name: str, tmp_path: Path):
    """What was expected, what was received, and what to do; and no longer than a line may be."""
    file, content, told, fields = MALFORMED[name]
    path = tmp_path / file
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    message = error_of(str(path), **{"target": "y", **fields})
    assert told in message
    assert len(message) <= LONGEST_LINE
