"""Metrics and losses are refused before a study is made where they say nothing of its targets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tuner.datasets import Data, DataSpec, load
from tuner.errors import UserError
from tuner.study_setup.target_checks import check_loss_fits, check_metric_fits


def of(folder: Path, y: np.ndarray) -> Data:
    x = np.random.default_rng(0).normal(size=(len(y), 2))
    np.savez(folder / "a.npz", x=x, y=y)
    return load(DataSpec(source=str(folder / "a.npz")))


NUMBERS = np.linspace(0.5, 3, 101)


@pytest.mark.parametrize(
    ("name", "y", "told"),
    [
        ("mape", NUMBERS - NUMBERS[50], "other than 0 .* Received: 0 in the"),
        ("MeanAbsolutePercentageError", NUMBERS - NUMBERS[50], "other than 0 for the metric mape"),
        ("msle", NUMBERS - 1, "0 or more for the metric msle. Received: -0"),
    ],
)
def test_metrics(name: str, y: np.ndarray, told: str, tmp_path: Path):
    """A metric without a meaning for these targets is refused; it is judged by raw targets."""
    with pytest.raises(UserError, match=told):
        check_metric_fits(name, of(tmp_path, y))
    check_metric_fits(name, of(tmp_path, NUMBERS))  # though some of them are below 0 once scaled


@pytest.mark.parametrize("name", ["poisson", "msle", "kld", "mape", "cosine_similarity"])
def test_losses(name: str, tmp_path: Path):
    """A loss without a meaning for negative targets is refused; MAE is not."""
    with pytest.raises(UserError, match=f"^Expected .*{name}"):
        check_loss_fits(name, of(tmp_path, np.round(NUMBERS - 1, 1)))
    check_loss_fits("mae", of(tmp_path, np.round(NUMBERS - 1, 1)))


@pytest.mark.parametrize("name", ["poisson", "msle", "mape"])
def test_losses_of_targets_that_are_negative_only_once_scaled(name: str, tmp_path: Path):
    """Targets above 0 suit these losses, although scaling makes some negative."""
    check_loss_fits(name, of(tmp_path, NUMBERS))


def test_ranking_needs_every_class_in_the_validation_part(tmp_path: Path):
    """Else it would be no number, and every trial diverged."""
    y = np.array(["a"] * 60 + ["b"] * 50)
    check_metric_fits("auc", of(tmp_path, y))
    parts = {f"{kind}_{part}": values for part in ("train", "val", "test") for kind, values in {
        "x": np.random.default_rng(0).normal(size=(110, 2)), "y": y}.items()}  # fmt: skip
    parts["y_val"] = np.array(["a"] * 110)
    np.savez(tmp_path / "parts.npz", **parts)
    with pytest.raises(UserError, match="Expected validation rows with and without each class"):
        check_metric_fits("AUC", load(DataSpec(source=str(tmp_path / "parts.npz"))))
