"""Tables of numbers, categories, dates, texts and gaps, from launch to predictions of new rows."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.support.prose import sentences
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
    """Columns in another order, a category that is new, a value that is missing.

    The training rows are written as in Germany, with a mark for what is missing; new ones are not.
    """
    rows, tuner = real_rows(), Terminal(tmp_path)
    german = pd.DataFrame(rows).replace({"": "?"})
    german["sepal"] = german["sepal"].str.replace(".", ",")
    german.to_csv(tmp_path / "iris.csv", index=False, sep=";")
    launch = ["launch", "mlp", "--data", "iris.csv", "--target", "kind"]
    ended = tuner(*launch, "--trials", "4", "--workers", "2", "--set", "epochs=30")
    assert ended.returncode == 0, ended.stderr
    assert "read as: separator `;`; decimal comma; `?` is missing" in ended.stderr
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


def test_words_decide(tmp_path: Path) -> None:
    """Real sentences: those that name classes or objects are told from others, also new ones."""
    tuner = Terminal(tmp_path)
    said = pd.Series(sentences()).sample(1500, random_state=0)
    frame = pd.DataFrame({"said": said, "about": said.str.contains("class|object")})
    frame[:-300].to_csv(tmp_path / "said.csv", index=False)
    launch = ["launch", "mlp", "--data", "said.csv", "--target", "about", "--set", "epochs=12"]
    ended = tuner(*launch, "--trials", "2", "--workers", "2")
    assert ended.returncode == 0, ended.stderr
    assert tuner("export", "mlp-said", "model.keras").returncode == 0
    frame[-300:][["said"]].to_csv(tmp_path / "new.csv", index=False)
    answer = pd.DataFrame(tuner.json("predict", "model.keras", "new.csv"))
    right = (answer["prediction"].to_numpy() == frame["about"][-300:].to_numpy()).mean()
    chance = frame["about"][-300:].value_counts(normalize=True).max()
    assert right > chance + 0.1


def test_dates_of_a_parquet_decide_and_parts_come_from_files(tmp_path: Path) -> None:
    """Weekends are told from other days, of other years; new rows come as either kind of file."""
    tuner = Terminal(tmp_path)
    days = pd.date_range("2022-01-01", "2024-12-31", name="day").to_series()
    frame = pd.DataFrame({"day": days, "free": np.where(days.dt.day_of_week > 4, "yes", "no")})
    frame[:"2023-06"].to_parquet(tmp_path / "free.parquet", index=False)
    frame["2023-07":"2023-12"].to_csv(tmp_path / "later.csv", index=False)
    frame["2024":].to_parquet(tmp_path / "last.parquet", index=False)
    launch = ["launch", "mlp", "--data", "free.parquet", "--target", "free", "--set", "epochs=40"]
    parts = ["--validation-data", "later.csv", "--test-data", "last.parquet"]
    # Later days than any of training: units that saturate go on as before.
    for fixed in (
        "activation=tanh",
        "layers=1",
        "dropout=0",
        "optimizer=adam",
        "learning_rate=0.01",
    ):
        launch += ["--set", fixed]
    ended = tuner(*launch, *parts, "--trials", "2", "--workers", "2")
    assert ended.returncode == 0, ended.stderr
    scores = tuner.json("evaluate", "mlp-free")
    assert scores["rows"] == 366
    assert scores["accuracy"] > 0.95
    assert tuner("export", "mlp-free", "model.keras").returncode == 0
    frame["2024":][["day"]].to_csv(tmp_path / "new.csv", index=False)
    answers = [tuner.json("predict", "model.keras", name) for name in ("new.csv", "last.parquet")]
    assert answers[0] == answers[1]
    right = [a["prediction"] for a in answers[0]] == frame["2024":]["free"]
    assert right.mean() == pytest.approx(scores["accuracy"])
