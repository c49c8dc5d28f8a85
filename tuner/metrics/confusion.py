"""How often each class is taken for itself and for others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tuner.metrics.metric import BINARY, CLASSES, LABELS, SORTS, Metric

if TYPE_CHECKING:
    import keras

    from search_spaces.shapes import Outputs


def _counted(measure: str, tasks: tuple[str, ...], **facts: Any) -> Metric:
    def make(outputs: Outputs) -> keras.metrics.Metric:
        from tuner.metrics.confusion_metric import Confusion

        return Confusion(measure, outputs)

    return Metric(tasks=tasks, make=make, **{"higher": True, **facts})


METRICS = {
    "balanced_accuracy": _counted("balanced_accuracy", (BINARY, CLASSES)),
    "precision": _counted("precision", SORTS),
    "recall": _counted("recall", SORTS),
    "f1": _counted("f1", SORTS, also=("f1_score", "fbeta_score", "dice")),
    "iou": _counted("iou", (BINARY,), also=("binary_iou",)),
    "mean_iou": _counted("mean_iou", SORTS, also=("jaccard",)),
    "true_positives": _counted("true_positives", (BINARY, LABELS)),
    "true_negatives": _counted("true_negatives", (BINARY, LABELS)),
    "false_positives": _counted("false_positives", (BINARY, LABELS), higher=False),
    "false_negatives": _counted("false_negatives", (BINARY, LABELS), higher=False),
}
