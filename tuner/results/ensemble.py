"""The best models of a study, averaged into one that takes raw rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from storage import trials
from storage.engine import Store
from storage.studies import Study
from storage.trials import TrialRecord
from tuner.datasets import Data, deployable
from tuner.datasets.deploy import raw_rows
from tuner.device import Device
from tuner.errors import UserError
from tuner.results import card
from tuner.results.again import Bench, device_of
from tuner.results.choice import model_file
from tuner.results.evaluation import load, predict
from tuner.results.files import ModelFiles
from tuner.results.rerun import write_deployable
from tuner.results.scores import score

if TYPE_CHECKING:
    import keras

FEWEST = 2
PARTS = ("validation", "test")

Scores = dict[str, dict[str, Any]]  # by part


@dataclass(frozen=True, kw_only=True)
class Ensemble:
    """An average of models.

    Attributes:
        members: Trials, best first, and the scores of each.
        scores: Of the average.
        card: See ``tuner.results.card``.
    """

    members: list[tuple[TrialRecord, Scores]]
    scores: Scores
    card: dict[str, Any]

    @property
    def best_single(self) -> float:
        """The lowest validation loss among the members."""
        return min(float(scores["validation"]["loss"]) for _, scores in self.members)

    @property
    def helps(self) -> bool:
        """Whether the average has a lower validation loss than every member."""
        return bool(self.scores["validation"]["loss"] < self.best_single)


def ensemble(
    store: Store,
    study: Study,
    files: ModelFiles,
    *,
    top: int,
    threads: int | None = None,
    tell: Callable[[str], None],
) -> Ensemble:
    """Averages the answers of a study's best models, and writes the average as one model.

    They are the best by the first objective alone. Models that were not kept are trained again.

    Args:
        top: How many models; fewer where the study has fewer complete trials.
        threads: CPU threads; None takes as many as the best trial's worker had.
        tell: Is given a line about what takes time.

    Raises:
        SpaceError: The study's space cannot be loaded here.
        StoreError: Space or data are not what they were.
        UserError: There are not two complete trials.
    """
    chosen = _choose(store, study, top)
    device = device_of(store, study, chosen[0]) if threads is None else Device(threads=threads)
    device.take()
    bench = Bench.of(study)
    models = [_model(study, bench, trial, tell) for trial in chosen]
    members = [
        (trial, _scores(bench.data, model)) for trial, model in zip(chosen, models, strict=True)
    ]
    average = _average(bench.data, chosen, models)
    scores = _scores(bench.data, average)
    document = _card(study, bench.data, members, scores)
    write_deployable(average, files, document)
    return Ensemble(members=members, scores=scores, card=document)


def _choose(store: Store, study: Study, top: int) -> list[TrialRecord]:
    # Those of a front may be there for all but what they predict.
    chosen = trials.best(store, study, count=top, first_alone=True)
    if len(chosen) < FEWEST:
        raise UserError(
            f"Expected a study with {FEWEST} complete trials or more. Received: {study.name!r}, "
            f"which has {len(chosen)}: see how far it is with: tuner status {study.name}"
        )
    return chosen


def _model(
    study: Study, bench: Bench, trial: TrialRecord, tell: Callable[[str], None]
) -> keras.Model:
    """A trial's model that takes raw rows, from its file or trained again."""
    if trial.model is not None:
        try:
            with model_file(study, trial) as path:
                return load(path)
        except UserError as e:
            tell(str(e))
    tell(f"Trial {trial.number} is trained again: its model was not kept.")
    trained = bench.repeat(trial)
    return deployable(trained.model, trained.data)


def _average(
    data: Data, chosen: Sequence[TrialRecord], models: Sequence[keras.Model]
) -> keras.Model:
    import keras

    rows = raw_rows(data, beside="mean")
    answers = [
        _named(model, f"trial_{trial.number}")(rows)
        for trial, model in zip(chosen, models, strict=True)
    ]
    if data.heads is None:
        mean = keras.layers.Average(name="mean")(answers)
    else:
        mean = {
            name: keras.layers.Average(name=f"mean_of_{i}")([each[name] for each in answers])
            for i, name in enumerate(data.heads)
        }
    return keras.Model(rows, mean, name="ensemble")


def _named(model: keras.Model, name: str) -> keras.Model:
    """The same layers as a model of another name."""
    import keras

    outputs = model.output if isinstance(model.output, dict) else model.outputs[0]
    return keras.Model(model.input, outputs, name=name)


def _scores(data: Data, model: keras.Model) -> Scores:
    return {part: score(data, part, predict(model, data.raw(part))) for part in PARTS}


def _card(
    study: Study, data: Data, members: Sequence[tuple[TrialRecord, Scores]], scores: Scores
) -> dict[str, Any]:
    return {
        **card.begin("ensemble", study, data),
        "metrics": scores,
        "members": [
            {
                "trial": trial.number,
                "hyperparameters": trial.hyperparameters,
                "seed": trial.seed,
                "value": trial.value,
                "metrics": {part: _plain(of_part) for part, of_part in of_member.items()},
            }
            for trial, of_member in members
        ],
    }


def _plain(scores: dict[str, Any]) -> dict[str, Any]:
    """Without tables."""
    plain = {name: value for name, value in scores.items() if not isinstance(value, list)}
    if "outputs" in scores:
        plain["outputs"] = {name: _plain(of_one) for name, of_one in scores["outputs"].items()}
    return plain
