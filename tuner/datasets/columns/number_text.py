"""Numbers as people write them: ``1,234.50``, ``1.234,5``, ``12 %``, ``$3``, ``(4)``.

A column is one of numbers if every value of it is, written in one way; whatever may be meant
otherwise stays text.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

MARKS = frozenset(  # of a missing value among numbers, whatever their case
    (
        *("?", "??", "-", "--", "---", "\u2013", "\u2014", ".", "..", "...", "*", "**"),
        *("na", "n.a.", "n.a", "n/a", "#n/a", "nil", "none", "null", "nan", "missing", "unknown"),
        *("not available", "not applicable", "no data"),
    )
)
ALWAYS = "?"  # marks a missing value among other texts, too
LOOK = 200  # different values that tell whether a column may hold numbers
_MAY_BE = 0.5  # share of them that must look like numbers
_RARE = 0.1  # share of the rows
_UNITS = r"%|‰|\$|€|£|¥|₹|USD|EUR|GBP|CHF"
_NUMBER = re.compile(
    rf"(?P<open>\()?(?P<sign>[-+\u2212]?)\s*(?P<before>{_UNITS})?\s*(?P<later>[-+\u2212]?)"
    rf"(?P<digits>[\d.,'\u2019 \u00a0\u202f]*\d[\d.,]*)(?P<power>[eE][-+]?\d+)?"
    rf"\s*(?P<after>{_UNITS})?(?P<close>\))?"
)
_SPACED = re.compile(r"\d{1,3}(?:[ \u00a0\u202f'\u2019]\d{3})+(?=\D|$)")
_SPACES = re.compile(r"[ \u00a0\u202f'\u2019]")
_PLAIN = {
    ".": re.compile(r"\d+(?:\.\d*)?|\.\d+"),
    ",": re.compile(r"\d+(?:,\d*)?|,\d+"),
}
_GROUPED = {  # thousands, which do not begin with a zero
    ".": re.compile(r"[1-9]\d{0,2}(?:,\d{3})+(?:\.\d*)?"),
    ",": re.compile(r"[1-9]\d{0,2}(?:\.\d{3})+(?:,\d*)?"),
}
DECIMALS = tuple(_PLAIN)


@dataclass(frozen=True, kw_only=True)
class NumberText:
    """The different values of a column of which all are numbers.

    Attributes:
        digits: Each without sign and unit, by the text that it stands in.
        factors: ``-1.0`` or ``1.0``, and powers of ten, by the same texts.
        counts: In how many rows each text is.
        units: Signs such as ``%``, of which there is at most one.
    """

    digits: Mapping[str, str]
    factors: Mapping[str, str]
    counts: Mapping[str, int]
    units: frozenset[str]

    @cached_property
    def readings(self) -> tuple[str, ...]:
        """What may stand before the fraction so that all are numbers: ``.``, ``,``, both, none."""
        return tuple(
            decimal
            for decimal in DECIMALS
            if all(_can_read(digits, decimal) for digits in self.digits.values())
        )

    @property
    def is_ambiguous(self) -> bool:
        """Whether the numbers are others with a decimal comma than with a decimal point."""
        return len(self.readings) > 1 and any(set(".,") & {*text} for text in self.digits.values())

    @property
    def comma_share(self) -> float:
        """Share of the rows whose number has a comma."""
        rows = sum(self.counts.values())
        return sum(self.counts[text] for text, one in self.digits.items() if "," in one) / rows

    @property
    def has_rare_comma(self) -> bool:
        """Whether few numbers have a decimal comma, and others a point, as if mistyped."""
        has_points = any("." in one and "," not in one for one in self.digits.values())
        return self.readings == (",",) and has_points and self.comma_share < _RARE

    def numbers(self, decimal: str) -> dict[str, float]:
        """Returns the number of each text."""
        return {
            text: float(
                f"{self.factors[text][0]}{_as_python(one, decimal)}{self.factors[text][1:]}"
            )
            for text, one in self.digits.items()
        }


def may_be_numbers(texts: Sequence[str]) -> bool:
    """Whether so many of the first different values look like numbers that all shall be tried."""
    first = texts[:LOOK]
    marked = sum(is_mark(text) for text in first)
    fitting = sum(_NUMBER.fullmatch(text.strip()) is not None for text in first)
    return bool(fitting) and fitting + marked > _MAY_BE * len(first)


def is_mark(text: str, marks: Collection[str] | None = None) -> bool:
    """Whether a text stands for a missing value.

    Args:
        marks: Those of the file; None for those that are usual among numbers.
    """
    text = text.strip()
    return text.lower() in MARKS if marks is None else text in marks


def read_numbers(counts: Mapping[str, int]) -> NumberText | None:
    """Returns the numbers of a column; None where a value is none, or units differ.

    Args:
        counts: In how many rows each different text is.
    """
    matches = {text: _NUMBER.fullmatch(text.strip()) for text in counts}
    digits, factors = {}, {}
    units: set[str] = set()
    for text, match in matches.items():
        if match is None or (match["open"] is None) != (match["close"] is None):
            return None
        if match["sign"] and match["later"]:
            return None
        units.add(match["before"] or match["after"] or "")
        negative = bool(match["open"]) != ((match["sign"] or match["later"]) in ("-", "\u2212"))
        digits[text] = _without_spaces(match["digits"].strip())
        factors[text] = f"{'-' if negative else '+'}{match['power'] or ''}"
    one_unit = len(units) == 1
    if not one_unit:
        return None
    found = NumberText(digits=digits, factors=factors, counts=counts, units=frozenset(units - {""}))
    return found if found.readings else None


def find_decimal(columns: Iterable[NumberText], *, separator: str | None) -> str | None:
    """Returns what stands before fractions in a file; None where nobody can tell.

    Args:
        columns: Those of the file whose numbers are not plain.
        separator: Of the file: between commas, a number with one was put into quotes.
    """
    columns = list(columns)
    certain = {column.readings[0] for column in columns if len(column.readings) == 1}
    if certain == {","} and separator == ",":
        # One with a comma among many without is mistyped.
        sure = [column for column in columns if column.readings == (",",)]
        return "," if all(column.comma_share >= _MAY_BE for column in sure) else "."
    if len(certain) == 1:
        return certain.pop()
    return "." if certain or separator == "," else None


def _can_read(digits: str, decimal: str) -> bool:
    fits = _PLAIN[decimal].fullmatch(digits) or _GROUPED[decimal].fullmatch(digits)
    return fits is not None


def _without_spaces(digits: str) -> str:
    """Digits without the spaces and apostrophes between thousands."""
    return _SPACES.sub("", digits) if _SPACED.match(digits) else digits


def _as_python(digits: str, decimal: str) -> str:
    thousands = "," if decimal == "." else "."
    return digits.replace(thousands, "").replace(decimal, ".")
