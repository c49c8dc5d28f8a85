"""The recipes of docs/ followed to the letter: a package from outside adds things."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from storage import studies, trials
from storage.database.engine import open_store
from tests.support import warm
from tests.support.sources import ROOT

pytestmark = [pytest.mark.keras, pytest.mark.slow]

RECIPES = sorted((ROOT / "docs/pages/recipes").glob("add-*.md"))


def install(folder: Path) -> None:
    """Writes the package of the recipes as pip would install it, and the tests beside it."""
    text = "\n".join(page.read_text() for page in RECIPES)
    for path, code in re.findall(r"```python\n# (\S+)\n(.*?)```", text, re.DOTALL):
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(code)
    (folder / "tuner_example" / "__init__.py").touch()
    tables = tomllib.loads("\n".join(re.findall(r"```toml\n(.*?)```", text, re.DOTALL)))
    metadata = folder / "tuner_example-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: tuner-example\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "".join(
            f"[{group}]\n" + "".join(f"{name} = {place}\n" for name, place in points.items())
            for group, points in tables["project"]["entry-points"].items()
        )
    )


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the package is installed in."""
    folder = tmp_path_factory.mktemp("site")
    install(folder)
    return folder


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Runs Python with the package on its path."""
    paths = os.pathsep.join([str(folder), str(ROOT)])
    environment = {**os.environ, "PYTHONPATH": paths, "TUNER_CACHE": str(folder / "cache")}
    return warm.run([sys.executable, *command], cwd=folder, env=environment, text=True)


def test_the_tests_of_the_recipes_pass(installed: Path):
    """One for each recipe."""
    ended = run(installed, "-m", "pytest", "-q", "-p", "no:cacheprovider", ".")
    assert ended.returncode == 0, ended.stdout
    assert f"{len(RECIPES)} passed" in ended.stdout


def test_a_study_is_made_of_what_a_package_brings(installed: Path, tmp_path: Path):
    """Its family, sampler, optimizer, source and metric train in real workers; help lists them.

    The report draws its figure.
    """
    tuner = ("-m", "tuner")
    url = f"sqlite:///{tmp_path / 'store.db'}"
    words = ["launch", "narrow", "--data", "waves", "--validation-data", "more-waves"]
    words += ["--sampler", "eager-tpe", "--pruner", "hasty", "--metric", "brier"]
    words += ["--set", "optimizer=lion"]
    words += ["--study", "outside"]
    few = ("--set", "epochs=1", "--trials", "2", "--workers", "1", "--storage", url)
    ended = run(installed, *tuner, *words, *few)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    store = open_store(url)
    try:
        study = studies.load(store, "outside")
        made = trials.list_trials(store, study)
        assert [trial.state for trial in made] == ["complete"] * 2
        assert all(0 <= trial.metrics["val_brier"] <= 1 for trial in made)
        options = {"optimizer", "momentum", "nesterov", "rho", "beta_1", "beta_2", "amsgrad"}
        assert all(
            options & trial.hyperparameters.keys() == {"optimizer", "beta_1", "beta_2"}
            for trial in made
        )
        assert study.spec["sampler"] == "eager-tpe"
        assert study.spec["pruner"]["reduction"] == 2
        assert study.spec["packages"] == ["tuner-example 1.0"]
    finally:
        store.close()
    written = run(installed, *tuner, "report", "outside", "--no-evaluate", "--storage", url)
    assert written.returncode == 0, written.stderr
    assert "<h2>Time of each trial</h2>" in (installed / "report.html").read_text("utf-8")
    exported = run(installed, *tuner, "export", "outside", "net.architecture", "--storage", url)
    assert exported.returncode == 0, exported.stdout + exported.stderr
    assert '"class_name"' in (installed / "net.architecture").read_text()
    assert "eager-tpe" in run(installed, *tuner, "launch", "--help").stdout
    assert "narrow" in run(installed, *tuner, "spaces").stdout


def test_a_rule_of_a_new_kind_prunes(installed: Path, tmp_path: Path):
    """Each trial ends with the first epoch at which its best loss is above the package's limit."""
    url = f"sqlite:///{tmp_path / 'store.db'}"
    words = ["launch", "narrow", "--data", "waves", "--validation-data", "more-waves"]
    words += ["--sampler", "grid", "--pruner", "falling-limit", "--study", "limited"]
    for fixed in ("units=8", "optimizer=adagrad", "schedule=constant", "batch_size=32"):
        words += ["--set", fixed]
    words += ["--set", "learning_rate=0.001,0.1", "--set", "epochs=5"]
    words += ["--synchronous-reports"]
    ended = run(installed, "-m", "tuner", *words, "--workers", "1", "--storage", url)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    store = open_store(url)
    try:
        study = studies.load(store, "limited")
        assert study.spec["pruner"] == {"kind": "falling-limit", "warmup": 2, "first": 2.0}
        assert study.spec["packages"] == ["tuner-example 1.0"]
        ends = {}
        for trial in trials.list_trials(store, study):
            losses = [epoch["val_loss"] for epoch in trials.curve(store, trial.trial_id)]
            above = [n for n in range(2, len(losses) + 1) if min(losses[:n]) > 2 / n]
            assert above == ([len(losses)] if trial.state == "pruned" else [])
            ends[trial.hyperparameters["learning_rate"]] = trial.state, len(losses)
    finally:
        store.close()
    assert ends[0.001][0] == "pruned"
    assert ends[0.1] == ("complete", 5)
