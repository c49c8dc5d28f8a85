"""How far predicted probabilities, and their order, are from the classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuner.metrics.metric import BINARY, CLASSES, LABELS, SORTS, Metric, mean_of

if TYPE_CHECKING:
    import keras

    from search_spaces.shapes import Outputs


def _area(outputs: Outputs) -> keras.metrics.Metric:
    from tuner.metrics.auc_metric import RankingArea

    return RankingArea(outputs.units)


def _log_loss(outputs: Outputs) -> keras.metrics.Metric:
    kind = "categorical" if outputs.task == CLASSES else "binary"
    return mean_of(f"{kind}_crossentropy")(outputs)


_OF_CLASSES = Metric(tasks=(CLASSES,), higher=False, make=mean_of("categorical_crossentropy"))

METRICS = {
    "auc": Metric(tasks=SORTS, higher=True, make=_area, also=("roc_auc",), every_class=True),
    "log_loss": Metric(tasks=SORTS, higher=False, make=_log_loss),
    "binary_crossentropy": Metric(
        tasks=(BINARY, LABELS), higher=False, make=mean_of("binary_crossentropy"), also=("bce",)
    ),
    "categorical_crossentropy": _OF_CLASSES,
    "sparse_categorical_crossentropy": _OF_CLASSES,
    "hinge": Metric(tasks=(BINARY, LABELS), higher=False, make=mean_of("hinge")),
    "categorical_hinge": Metric(tasks=(CLASSES,), higher=False, make=mean_of("categorical_hinge")),
}
