"""Tables in JSON: a list of records, columns by name, or a record a line.

Columns are lists of their values, or, as pandas writes them, the values by the rows' names.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuner.datasets.errors import DataError
from tuner.datasets.input_limits import check_columns, check_memory
from tuner.datasets.sources.text_encoding import open_binary, require_encoding
from tuner.errors import one_line, quoted

if TYPE_CHECKING:
    import pandas as pd

WHOLE = (".json",)
LINES = (".jsonl", ".ndjson")
SUFFIXES = (*WHOLE, *LINES)
_FORMS = '[{"a": 1, "b": "x"}, ...] or {"a": [1, ...], "b": ["x", ...]}'


def read(path: Path, *, lines: bool) -> pd.DataFrame:
    """Returns the rows of a file; what a record lacks is missing.

    Args:
        path: The file.
        lines: Whether each line is a record.

    Raises:
        DataError: It is no such JSON, or a value is a list or a record itself.
    """
    import pandas as pd

    encoding = require_encoding(path, None)
    with open_binary(path) as stream:
        content = stream.read()
    check_memory(len(content), str(path))
    text = content.decode(encoding)
    records = _lines(text, path) if lines else _whole(text, path)
    frame = pd.DataFrame(records)
    check_columns(len(frame.columns), str(path))
    for name in frame.columns:
        nested = frame[name].map(lambda value: isinstance(value, (list, dict)))
        if nested.any():
            raise DataError(
                f"{path}: expected a number, a text or nothing as each value. Received: "
                f"{quoted(frame[name][nested.argmax()])} in {quoted(str(name))} of record "
                f"{nested.argmax() + 1}: write each value as a field of its own."
            )
    return frame.rename(columns=str).infer_objects()


def _lines(text: str, path: Path) -> list[dict[str, Any]]:
    records = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        record = _parse(line, f"{path}, line {number}")
        if not isinstance(record, dict):
            raise DataError(
                f'{path}: expected a record such as {{"a": 1, "b": "x"}} on every line. Received: '
                f"{quoted(line.strip())} on line {number}: correct the line."
            )
        records.append(record)
    return records


def _whole(text: str, path: Path) -> Any:
    document = _parse(text, str(path))
    if isinstance(document, list) and all(isinstance(record, dict) for record in document):
        return document
    if isinstance(document, dict) and document:
        columns = list(document.values())
        if all(isinstance(column, list) for column in columns):
            if len({len(column) for column in columns}) == 1:
                return document if len(columns) > 1 or not _are_records(columns[0]) else columns[0]
            raise DataError(
                f"{path}: expected columns of one length. Received: "
                f"{', '.join(str(len(column)) for column in columns[:8])} values: correct the file."
            )
        if _are_records(columns) and all(list(column) == list(columns[0]) for column in columns):
            return {name: list(column.values()) for name, column in document.items()}
    raise DataError(
        f"{path}: expected a table as {_FORMS}. Received: {quoted(text.strip())}: write it so, "
        "such as with DataFrame.to_json(orient='records')."
    )


def _are_records(values: list[Any]) -> bool:
    return all(isinstance(value, dict) for value in values)


def _parse(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as e:
        raise DataError(
            f"Expected JSON. Received: {where} ({one_line(e)}): correct the file; records of which "
            "each is on a line of its own are .jsonl."
        ) from e
