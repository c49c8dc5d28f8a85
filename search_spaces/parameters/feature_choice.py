"""Which columns of the data a model sees: all, the best ones, or principal components."""

from __future__ import annotations

from dataclasses import dataclass

from search_spaces.parameters.choices import Choice
from search_spaces.parameters.literals import Value

FEATURES = "features"  # the parameter
ALL, KBEST, PCA = "all", "kbest", "pca"


@dataclass(frozen=True)
class FeatureChoice(Choice):
    """A list such as ``all,kbest:10,pca:8``."""

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


def parts_of_choice(value: str) -> tuple[str, int]:
    """Returns method and number of ``kbest:10``."""
    parsed = _parse(value)
    assert parsed is not None
    return parsed


def _parse(text: str) -> tuple[str, int] | None:
    method, _, number = text.partition(":")
    is_number = number.isascii() and number.isdigit() and int(number[:9]) > 0 and len(number) < 10
    return (method, int(number)) if method in (KBEST, PCA) and is_number else None
