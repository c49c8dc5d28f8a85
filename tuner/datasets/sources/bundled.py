"""Real data sets that scikit-learn ships inside its wheel: no network is needed."""

from __future__ import annotations

from dataclasses import dataclass

from tuner.datasets.arrays import Arrays, Rows
from tuner.datasets.facts import Facts
from tuner.datasets.spec import DataSpec

FORM = "a name such as digits"
SUMMARY = "real data sets that scikit-learn brings along"
TAKES_TARGET = False


@dataclass(frozen=True, kw_only=True)
class Bundled(Facts):
    """A set of scikit-learn's; a test holds its facts against the arrays.

    Attributes:
        loader: Function of ``sklearn.datasets``.
    """

    loader: str


SETS = {
    "digits": Bundled(
        loader="load_digits",
        rows=1797,
        shape=(64,),
        task="classes",
        classes=10,
        summary="handwritten digits, 8x8 pixels of 0 to 16 in one row (UCI, via scikit-learn)",
        same_unit=True,
    ),
    "breast-cancer": Bundled(
        loader="load_breast_cancer",
        rows=569,
        shape=(30,),
        task="binary",
        classes=2,
        summary="cell nuclei in images, malignant or benign (UCI Wisconsin, via scikit-learn)",
    ),
    "wine": Bundled(
        loader="load_wine",
        rows=178,
        shape=(13,),
        task="classes",
        classes=3,
        summary="chemical analysis of wines of three growers (UCI, via scikit-learn)",
    ),
    "iris": Bundled(
        loader="load_iris",
        rows=150,
        shape=(4,),
        task="classes",
        classes=3,
        summary="measures of three kinds of iris (Fisher 1936, via scikit-learn)",
    ),
    "diabetes": Bundled(
        loader="load_diabetes",
        rows=442,
        shape=(10,),
        task="regression",
        classes=None,
        summary="progression of a disease after a year (Efron et al. 2004, via scikit-learn)",
    ),
}


def accepts(source: str) -> bool:
    """Whether the source is one of the names in ``SETS``."""
    return source in SETS


def read(spec: DataSpec) -> Arrays:
    """Returns all rows under ``train``; x is float64 ``(rows, columns)``, y int64 or float64."""
    # Imported late: scikit-learn takes a second, and most commands only need the names.
    import sklearn.datasets

    bundled = SETS[spec.source]
    found = getattr(sklearn.datasets, bundled.loader)()
    return Arrays(
        parts={"train": Rows(x=found.data, y=found.target)},
        same_unit=bundled.same_unit,
        columns=tuple(map(str, found.feature_names)),
    )
