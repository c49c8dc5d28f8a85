"""How the file of a table is written: what was asked for, and what was found where nothing was."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

COMMA = ","
NO_TEXT = ("none",)  # marks of a table in which only what is empty is missing
NAMES_OF_SEPARATORS = {"tab": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "space": " "}


@dataclass(frozen=True, kw_only=True)
class TableFormat:
    """How values stand in a file; what is None is found from the file.

    Attributes:
        separator: What stands between two values of a row.
        decimal: ``.`` or ``,``: what stands before the fraction of a number.
        encoding: Of the file's text, by its name in Python.
        na_values: Texts that stand for a missing value, beside those that pandas knows;
            ``NO_TEXT`` where none does, not even those.
        day_first: Whether the day comes before the month in dates such as 03/04/2024.
        lenient: Whether texts are looked at for numbers, dates and marks of missing values. Else a
            file is what ``pandas.read_csv`` makes of it without any option.
    """

    separator: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    na_values: tuple[str, ...] | None = None
    day_first: bool | None = None
    lenient: bool = True

    @property
    def marks(self) -> tuple[str, ...] | None:
        """Texts that stand for a missing value; None where they are not known yet."""
        return () if self.keeps_texts else self.na_values

    @property
    def keeps_texts(self) -> bool:
        """Whether texts such as NA and None are values as all others."""
        return self.lenient and self.na_values == NO_TEXT

    @property
    def found(self) -> dict[str, Any]:
        """All fields that can be found, by name, as those of a ``DataSpec``."""
        fields = dataclasses.asdict(self)
        del fields["lenient"]
        return fields

    def of_other_file(self) -> TableFormat:
        """Returns how another file of the same columns may be written: its values are alike."""
        if not self.lenient:
            return self
        return dataclasses.replace(self, separator=None, decimal=None, encoding=None)


PLAIN = TableFormat(separator=COMMA, decimal=".", encoding="utf-8", na_values=(), lenient=False)


def describe(asked: TableFormat, used: TableFormat, *, is_text: bool) -> list[str]:
    """Returns what was found and is not what most files have, a few words each.

    Args:
        asked: What the user said.
        used: How the file was read.
        is_text: Whether the file is text, which has a separator and an encoding.
    """
    words = []
    if is_text and asked.separator is None and used.separator not in (None, COMMA):
        words.append(f"separator {_separator_text(used.separator)}")
    if asked.decimal is None and used.decimal == ",":
        words.append("decimal comma")
    if is_text and asked.encoding is None and not str(used.encoding).startswith("utf-8"):
        words.append("latin-1 (cp1252)" if used.encoding == "cp1252" else str(used.encoding))
    if asked.na_values is None and used.marks:
        marks = ", ".join(f"`{mark}`" for mark in used.marks)
        words.append(f"{marks} {'is' if len(used.marks) == 1 else 'are'} missing")
    if asked.day_first is None and used.day_first is not None:
        words.append(f"dates with the {'day' if used.day_first else 'month'} first")
    return words


def _separator_text(separator: str | None) -> str:
    names = {symbol: name for name, symbol in NAMES_OF_SEPARATORS.items()}
    return names["\t"] if separator == "\t" else f"`{separator}`"
