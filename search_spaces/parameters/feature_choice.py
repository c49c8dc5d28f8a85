"""Which columns of the data a model sees: all, the best ones, or principal components."""

from __future__ import annotations

import re
from dataclasses import dataclass

from search_spaces.errors import SpaceError
from search_spaces.parameters.choices import Choice
from search_spaces.parameters.literals import Value

FEATURES = "features"  # the parameter
ALL, KBEST, PCA = "all", "kbest", "pca"
MOST_VALUES = 100  # of a range: each is a choice of its own
_RANGE = re.compile(
    r"(?P<method>kbest|pca):(?P<low>\d{1,9})\.\.(?P<high>\d{1,9})(:(?P<step>\d{1,9}))?"
)


@dataclass(frozen=True)
class FeatureChoice(Choice):
    """A list such as ``all,kbest:10,pca:8``."""

    @property
    def extremes(self) -> tuple[Value, ...]:
        """The values with the fewest and the most columns of each method, and ``all``."""
        by_method: dict[str, list[Value]] = {}
        for value in sorted(self.values, key=lambda one: _parse(str(one)) or (ALL, 0)):
            by_method.setdefault(str(value).partition(":")[0], []).append(value)
        return tuple(v for one in by_method.values() for v in dict.fromkeys((one[0], one[-1])))

    @property
    def expected(self) -> str:
        return f"{ALL}, {KBEST}:K or {PCA}:K with a whole number K of 1 or more"

    def means(self, value: Value) -> bool:
        return value == ALL or (isinstance(value, str) and _parse(value) is not None)

    def _parse_category(self, text: str) -> Value:
        if text.lower() == ALL:
            return ALL
        parsed = _parse(text)
        if parsed is None:
            raise self._refused(text)
        return ":".join(map(str, parsed))


def expand(text: str) -> str:
    """Returns a list in which each range such as ``kbest:5..20`` or ``pca:4..16:4`` is spelt out.

    Raises:
        SpaceError: A range ends before it begins, or has too many values.
    """
    return ",".join(one for part in text.split(",") for one in _spelt_out(part.strip()))


def _spelt_out(part: str) -> list[str]:
    found = _RANGE.fullmatch(part)
    if found is None:
        return [part]
    low, high, step = (int(found[name] or 1) for name in ("low", "high", "step"))
    values = range(low, high + 1, max(1, step))
    if low > high:
        raise SpaceError(
            f"{FEATURES}={part}: Expected a range from fewer to more columns. "
            f"Received: {low}..{high}: write {found['method']}:{high}..{low}."
        )
    if len(values) > MOST_VALUES or step < 1:
        raise SpaceError(
            f"{FEATURES}={part}: Expected a range of at most {MOST_VALUES} values. "
            f"Received: {len(values)}: give a step, such as {KBEST}:5..50:5."
        )
    return [f"{found['method']}:{value}" for value in values]


def parts_of_choice(value: str) -> tuple[str, int]:
    """Returns method and number of ``kbest:10``."""
    parsed = _parse(value)
    assert parsed is not None
    return parsed


def _parse(text: str) -> tuple[str, int] | None:
    method, _, number = text.partition(":")
    is_number = number.isascii() and number.isdigit() and int(number[:9]) > 0 and len(number) < 10
    return (method, int(number)) if method in (KBEST, PCA) and is_number else None
