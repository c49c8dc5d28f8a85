"""Real data sets that scikit-learn ships inside its wheel: no network is needed."""

from __future__ import annotations

from dataclasses import dataclass

from tuner.datasets.data_spec import DataSpec
from tuner.datasets.raw_data import Arrays, Rows
from tuner.datasets.sources.dataset_facts import DatasetFacts
from tuner.datasets.sources.source import Source, no_file


@dataclass(frozen=True, kw_only=True)
class Bundled(DatasetFacts):
    """A set of scikit-learn's; a test holds its facts against the arrays.

    Attributes:
        loader: Function of ``sklearn.datasets``.
    """

    loader: str


def _set(
    loader: str, rows: int, columns: int, classes: int | None, what: str, source: str
) -> Bundled:
    return Bundled(
        loader=f"load_{loader}",
        rows=rows,
        shape=(columns,),
        task="regression" if classes is None else "binary" if classes == 2 else "classes",
        classes=classes,
        summary=f"{what} ({source}, via scikit-learn)",
        same_unit=loader == "digits",  # pixels
    )


DIGITS = "handwritten digits, 8x8 pixels of 0 to 16 in one row"
CANCER = "cell nuclei in images, malignant or benign"
DIABETES = "progression of a disease after a year"
SETS = {
    "digits": _set("digits", 1797, 64, 10, DIGITS, "UCI"),
    "breast-cancer": _set("breast_cancer", 569, 30, 2, CANCER, "UCI Wisconsin"),
    "wine": _set("wine", 178, 13, 3, "chemical analysis of wines of three growers", "UCI"),
    "iris": _set("iris", 150, 4, 3, "measures of three kinds of iris", "Fisher 1936"),
    "diabetes": _set("diabetes", 442, 10, None, DIABETES, "Efron et al. 2004"),
}


def accepts(source: str) -> bool:
    """Whether the source is one of the names in ``SETS``."""
    return source in SETS


def read(spec: DataSpec) -> Arrays:
    """Returns all rows under ``train``; x is float64 ``(rows, columns)``, y int64 or float64."""
    # Imported late: scikit-learn takes a second, and most commands only need the names.
    import sklearn.datasets

    bundled = SETS[spec.source]
    bunch = getattr(sklearn.datasets, bundled.loader)()
    return Arrays(
        parts={"train": Rows(x=bunch.data, y=bunch.target)},
        same_unit=bundled.same_unit,
        columns=tuple(map(str, bunch.feature_names)),
    )


SOURCE = Source(
    form="a name such as digits",
    summary="real data sets that scikit-learn brings along",
    accepts=accepts,
    read=read,
    takes_parts=False,
    needs_keras=False,
    sets=SETS,
    files=no_file,
)
