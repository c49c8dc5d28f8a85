"""A table with numbers, categories and missing values, from launch to predictions of new rows."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tests.support.terminal import Terminal

pytestmark = [pytest.mark.keras, pytest.mark.slow]


def real_rows() -> list[dict[str, str]]:
    """Iris with a species' petals told in words, and some of its sepals not measured."""
    from sklearn.datasets import load_iris

    found = load_iris()
    rows = []
    for i, (x, y) in enumerate(zip(found.data, found.target, strict=True)):
        petal = "short" if x[2] < 2.5 else "middle" if x[2] < 4.9 else "long"
        sepal = "" if i % 11 == 0 else str(x[0])
        rows.append({"sepal": sepal, "petal": petal, "kind": str(found.target_names[y])})
    return rows


def write(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_new_rows_are_predicted_as_they_stand(tmp_path: Path) -> None:
    """Columns in another order, a category that is new, a value that is missing."""
    rows, tuner = real_rows(), Terminal(tmp_path)
    write(tmp_path / "iris.csv", rows)
    launch = ["launch", "mlp", "--data", "iris.csv", "--target", "kind", "--impute"]
    ended = tuner(*launch, "--trials", "4", "--workers", "2", "--set", "epochs=30")
    assert ended.returncode == 0, ended.stderr
    assert tuner.json("evaluate", "mlp-iris")["accuracy"] > 0.85
    assert tuner("export", "mlp-iris", "model.keras").returncode == 0
    new = [{"petal": row["petal"], "sepal": row["sepal"]} for row in rows[::10]]
    write(tmp_path / "new.csv", [*new, {"petal": "unheard of", "sepal": ""}])
    answer = tuner.json("predict", "model.keras", "new.csv")
    right = sum(a["prediction"] == r["kind"] for a, r in zip(answer, rows[::10], strict=False))
    assert len(answer) == len(new) + 1
    assert right >= 12


def test_columns_that_only_divide_rows_may_stay_in_new_files(tmp_path: Path) -> None:
    """Groups are kept together in training, and not looked at in predicting."""
    tuner = Terminal(tmp_path)
    rows = [{**row, "field": f"f{i // 5}"} for i, row in enumerate(real_rows())]
    write(tmp_path / "iris.csv", rows)
    launch = ["launch", "mlp", "--data", "iris.csv", "--target", "kind", "--impute"]
    ended = tuner(*launch, "--group", "field", "--trials", "2", "--workers", "2")
    assert ended.returncode == 0, ended.stderr
    assert tuner("export", "mlp-iris", "model.keras").returncode == 0
    assert len(tuner.json("predict", "model.keras", "iris.csv")) == len(rows)
