"""Fewer columns: the best by a test of each, or principal components, fitted on training rows.

``--set features=all,kbest:10,pca:8`` searches them. What is fitted is applied to all parts, and
saved inside the model, which takes all columns. Both methods see columns that are scaled already,
and count every row the same:

- ``kbest:K``: the K columns with the largest F statistic of an analysis of variance by class, or
  of a linear regression on the target, as scikit-learn's ``SelectKBest``.
- ``pca:K``: the first K principal components (Pearson 1901), as scikit-learn's ``PCA``.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search_spaces.parameters.feature_choice import KBEST, parts_of_choice
from tuner.datasets.scaling import Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class FeatureSelection:
    """Fitted to training rows.

    Attributes:
        width: Columns of a row before.
        kept: Positions of the columns that are kept, ascending int64 ``(columns,)``; None where
            there are components.
        centre: Means of the columns, float32 ``(width,)``.
        components: What each column counts in each component, float32 ``(width, components)``.
    """

    width: int
    kept: NDArray[np.int64] | None = None
    centre: Floats | None = None
    components: Floats | None = None

    @property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays that there are, by name."""
        return {name: a for name, a in vars(self).items() if isinstance(a, np.ndarray)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], width: int) -> FeatureSelection:
        """The opposite of ``arrays``."""
        return cls(width=width, **{name: np.array(a) for name, a in arrays.items()})

    def transform(self, rows: Floats) -> Floats:
        """Returns what is left of scaled rows ``(rows, width)``, float32."""
        if self.kept is not None:
            return rows[:, self.kept]
        assert self.centre is not None
        assert self.components is not None
        # In float64, as sums of float32 would hang on the number of threads.
        centred = rows.astype(np.float64) - self.centre
        return np.asarray(centred @ self.components, dtype=np.float32)


def fit(asked: str, x: Floats, y: NDArray[Any], *, classes: bool) -> FeatureSelection:
    """Returns what is asked for, fitted in float64.

    Args:
        asked: ``kbest:K`` or ``pca:K``.
        x: Training rows ``(rows, width)``, of at least K columns; of components also K rows.
        y: Their targets ``(rows,)``.
        classes: Whether these are positions of classes.
    """
    method, count = parts_of_choice(asked)
    return _best(x, y, count, classes=classes) if method == KBEST else _components(x, count)


def _best(x: Floats, y: NDArray[Any], count: int, *, classes: bool) -> FeatureSelection:
    from sklearn.feature_selection import SelectKBest, f_classif, f_regression

    score = f_classif if classes else f_regression
    with warnings.catch_warnings(), np.errstate(divide="ignore", invalid="ignore"):
        warnings.filterwarnings("ignore", "Features .* are constant", UserWarning)
        fitted = SelectKBest(score, k=count).fit(x.astype(np.float64), y)
    return FeatureSelection(width=x.shape[1], kept=fitted.get_support(indices=True))


def _components(x: Floats, count: int) -> FeatureSelection:
    from sklearn.decomposition import PCA

    solver = "covariance_eigh" if len(x) >= x.shape[1] else "full"  # neither draws at random
    fitted = PCA(count, svd_solver=solver).fit(x.astype(np.float64))
    return FeatureSelection(
        width=x.shape[1],
        centre=fitted.mean_.astype(np.float32),
        components=np.ascontiguousarray(fitted.components_.T, dtype=np.float32),
    )
