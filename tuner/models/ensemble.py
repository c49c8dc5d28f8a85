"""The best models of a study, averaged into one that takes raw rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from storage import trials
from storage.database.engine import Store
from storage.studies import Study
from storage.trials import TrialRecord
from tuner.datasets import Data, with_preprocessing
from tuner.datasets.preprocessing_model import model_of_rows, raw_rows, row_names, unused_name
from tuner.errors import UserError
from tuner.models import card
from tuner.models.evaluate import load, predict
from tuner.models.output_files import ModelFiles
from tuner.models.rerun import write_deployable
from tuner.models.retrain import Retraining, device_of
from tuner.models.trial_choice import model_file
from tuner.models.trial_scores import penalty_of, score_answers, value_of
from tuner.resources.device import Device
from tuner.studies.loading import require_trained_here
from tuner.studies.objective import LOSS, Objective
from tuner.studies.study_spec import StudySpec

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
        scores: Of the average; its loss has the mean of the members' penalties of the weights.
        objective: What the study compares trials by.
        card: See ``tuner.models.card``.
    """

    members: list[tuple[TrialRecord, Scores]]
    scores: Scores
    objective: Objective
    card: dict[str, Any]

    @property
    def value(self) -> float:
        """The average's objective."""
        return self._value(self.scores)

    @property
    def best_single(self) -> float:
        """The best objective among the members."""
        values = [self._value(scores) for _, scores in self.members]
        return max(values) if self.objective.maximize else min(values)

    @property
    def helps(self) -> bool:
        """Whether the average has a better objective than every member."""
        return self.objective.sign * self.value < self.objective.sign * self.best_single

    def _value(self, scores: Scores) -> float:
        value = value_of(scores["validation"], self.objective.metric or LOSS)
        return math.nan if value is None else value


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
    require_trained_here(study)
    chosen = _choose(store, study, top, StudySpec.from_dict(study.spec))
    device = device_of(store, study, chosen[0]) if threads is None else Device(threads=threads)
    device.take()
    context = Retraining.of(study)
    models = [_model(store, study, context, trial, tell) for trial in chosen]
    penalties = [penalty_of(model) for model in models]
    members = [
        (trial, _scores(context, trial, model, penalty))
        for trial, model, penalty in zip(chosen, models, penalties, strict=True)
    ]
    data = context.data_of(chosen[0])
    mean = average(data, chosen, models)
    scores = _scores(context, chosen[0], mean, sum(penalties) / len(penalties))
    document = _card(study, data, members, scores)
    write_deployable(mean, files, document)
    objective = context.spec.main_objective
    return Ensemble(members=members, scores=scores, objective=objective, card=document)


def _choose(store: Store, study: Study, top: int, spec: StudySpec) -> list[TrialRecord]:
    """The best trials; where trials search what a row is made of, those with the rows of the best.

    A model can take rows of one kind only.
    """
    # Those of a front may be there for all but what they predict.
    of_rows = spec.data.of_rows
    arguments = of_rows.searched
    count = study.budget if arguments else top
    best = trials.best(store, study, count=count, first_alone=True)
    kinds = [of_rows.of_trial(trial.hyperparameters) for trial in best]
    alike = [trial for trial, kind in zip(best, kinds, strict=True) if kind == kinds[0]]
    chosen = alike[:top]
    if len(chosen) < FEWEST:
        same = f" with the {', '.join(arguments)} of the best one" if arguments else ""
        raise UserError(
            f"Expected a study with {FEWEST} complete trials or more{same}. "
            f"Received: {study.name!r}, "
            f"which has {len(chosen)}: see how far it is with: tuner status {study.typed}"
        )
    return chosen


def _model(
    store: Store, study: Study, context: Retraining, trial: TrialRecord, tell: Callable[[str], None]
) -> keras.Model:
    """A trial's model that takes raw rows, from its file or trained again."""
    if trial.model is not None:
        try:
            with model_file(store, study, trial) as path:
                return load(path)
        except UserError as e:
            tell(str(e))
    tell(f"Trial {trial.number} is trained again: there is no model of it that can be used.")
    trained = context.repeat(trial)
    return with_preprocessing(trained.model, trained.data)


def average(
    data: Data, chosen: Sequence[TrialRecord], models: Sequence[keras.Model]
) -> keras.Model:
    """Returns a model that takes raw rows and answers with the mean of other models' answers.

    Args:
        chosen: The trials of the models, in their order.
        models: They take raw rows, see ``deployable``.
    """
    import keras

    columns = row_names(data)
    members = [
        _named(model, unused_name(f"trial_{trial.number}", columns))
        for trial, model in zip(chosen, models, strict=True)
    ]
    # In the type of the answers, which may have more digits than models compute with.
    means = {
        name: keras.layers.Average(name=unused_name(f"mean_of_{i}", columns), dtype=answer.dtype)
        for i, (name, answer) in enumerate(_answers(members[0]).items())
    }
    rows = raw_rows(data, used_names=[part.name for part in (*members, *means.values())])
    answers = [member(rows) for member in members]
    if data.heads is None:
        (mean,) = (layer(answers) for layer in means.values())
    else:
        mean = {name: layer([each[name] for each in answers]) for name, layer in means.items()}
    return model_of_rows(rows, mean, name="ensemble")


def _answers(model: keras.Model) -> dict[str, Any]:
    """Of several outputs by their names; a single one under none."""
    return model.output if isinstance(model.output, dict) else {"": model.outputs[0]}


def _named(model: keras.Model, name: str) -> keras.Model:
    """The same layers as a model of another name."""
    outputs = model.output if isinstance(model.output, dict) else model.outputs[0]
    return model_of_rows(model.input, outputs, name=name)


def _scores(context: Retraining, trial: TrialRecord, model: keras.Model, penalty: float) -> Scores:
    """The scores of a model on each part, by the loss of a trial."""
    data = context.data_of(trial)
    answers = {part: predict(model, data.raw(part)) for part in PARTS}
    return {
        part: score_answers(context, trial, part, answers[part], penalty=penalty).values
        for part in PARTS
    }


def _card(
    study: Study, data: Data, members: Sequence[tuple[TrialRecord, Scores]], scores: Scores
) -> dict[str, Any]:
    return {
        **card.begin("ensemble", study, data, members[0][0]),
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
