"""What was asked of ``launch``: one record, whether typed, in a study file, or in Python."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from tuner.cli import other_words
from tuner.cli.other_words import check_name
from tuner.errors import UserError, quoted

if TYPE_CHECKING:
    from tuner.datasets import DataSpec
    from tuner.studies.objective import Objective
    from tuner.study_setup.launch_request import LaunchRequest
    from tuner.workers.worker_count import WorkerPlan


@dataclass(frozen=True, kw_only=True)
class LaunchOptions:
    """The space and the options of ``launch``, each checked by itself; defaults are Click's.

    The attributes are the options of ``launch`` by their names, in its order; those that may be
    repeated are tuples. Times are in seconds, sizes in bytes. None is for what was not asked.
    """

    space: str
    arguments: tuple[str, ...]
    data: str | None
    target: str | None
    task: str | None
    validation_share: float
    test_share: float
    validation_data: str | None
    test_data: str | None
    stream: bool | None
    folds: int | None
    scaling: str
    impute: bool | None
    text: tuple[str, ...]
    categories: tuple[str, ...]
    drop: tuple[str, ...]
    separator: str | None
    decimal: str | None
    encoding: str | None
    na_values: tuple[str, ...]
    date_order: str | None
    group: str | None
    split_by_time: str | None
    window: int | None
    horizon: int
    columns: tuple[str, ...]
    gap: float
    max_train_rows: int | None
    weights: str | None
    class_weights: str | None
    mask_value: float | None
    data_seed: int
    overrides: tuple[str, ...]
    like: tuple[str, ...]
    trials: int | None
    sampler: str | None
    pruner: str | None
    rest: int | None
    objectives: tuple[str, ...]
    directions: tuple[str, ...]
    seed: int | None
    metrics: tuple[str, ...]
    callbacks: tuple[str, ...]
    repeats: int
    precision: str
    study_timeout: float | None
    study_patience: int | None
    stop_when_flat: bool
    target_loss: float | None
    trial_timeout: float | None
    epoch_patience: int | None
    max_parameters: int | None
    max_memory: int | None
    constraints: tuple[str, ...]
    workers: int | Literal["auto"] | None
    threads: int | None
    workers_per_gpu: int
    lease: float | None
    stall_timeout: float
    synchronous_reports: bool
    study: str | None
    keep: int
    artifacts: str | None

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> LaunchOptions:
        """The record of what Click has made of the words; what else is in there is left out."""
        return cls(**{field.name: values[field.name] for field in fields(cls)})

    def worker_plan(self) -> WorkerPlan:
        """How many processes are asked for here.

        Raises:
            UserError: They make no sense together.
        """
        from tuner.workers.worker_count import WorkerPlan

        plan = WorkerPlan(workers=self.workers, threads=self.threads, per_gpu=self.workers_per_gpu)
        plan.check()
        return plan

    def data_spec(self) -> DataSpec:
        """The data that are asked for.

        Raises:
            DataError: A value makes no sense by itself.
            UserError: There are none, and the space needs some.
        """
        from tuner.datasets import NO_DATA, DataSpec

        if self.data is None and not self.own_training:
            raise UserError(self._why_data())
        return DataSpec(
            source=NO_DATA if self.data is None else self.data,
            target=self.target,
            task=self.task,
            validation=self.validation_share,
            test=self.test_share,
            scaling=self.scaling,
            stream=self.stream,
            folds=self.folds or 1,
            impute=self.impute,
            text=self.text,
            categories=self.categories,
            **dropping(self.drop),
            **writing(
                separator=self.separator,
                decimal=self.decimal,
                encoding=self.encoding,
                na_values=self.na_values,
                date_order=self.date_order,
            ),
            validation_data=self.validation_data,
            test_data=self.test_data,
            group=self.group,
            split_by_time=self.split_by_time,
            window=self.window,
            horizon=self.horizon,
            columns=tuple(name.strip() for text in self.columns for name in text.split(",")),
            gap=self.gap,
            max_train_rows=self.max_train_rows,
            weights=self.weights,
            class_weights=self.class_weights,
            mask_value=self.mask_value,
            seed=self.data_seed,
        )

    def _why_data(self) -> str:
        """Why the space needs data, or what else is wrong with its name.

        Raises:
            SpaceError: Its file cannot be read.
        """
        from search_spaces.user_code import source_files
        from search_spaces.user_code.definitions import find_definition

        file = source_files.file_of(self.space)
        if file is not None:
            source_files.read(file)
            if find_definition(self.space) is None:
                return (
                    f"Missing option '--data': {source_files.brief(self.space)} is no objective "
                    "function that is defined or assigned in that file, which needs none."
                )
        return (
            f"Missing option '--data': expected the data that {self.space} learns from. Received "
            "none: name a data set or a file (see: tuner datasets)."
        )

    def request(self) -> LaunchRequest:
        """The study that is asked for.

        Raises:
            UserError: A value makes no sense by itself.
        """
        from tuner.search.samplers import SAMPLERS
        from tuner.studies.constraints import Constraint
        from tuner.study_setup.launch_request import LaunchRequest

        check_name("--sampler", self._sampler, SAMPLERS, other_words.SAMPLER_HINTS)
        if self.own_training:
            self._check_own_training()
        objective, *further = self._objectives()
        return LaunchRequest(
            space=self.space,
            own_training=self.own_training,
            arguments=self.arguments,
            data=self.data_spec(),
            overrides=self.overrides,
            name=self.study,
            objective=objective,
            further=tuple(further),
            metrics=self._metrics(),
            callbacks=self.callbacks,
            repeats=self.repeats,
            sampler=self._sampler,
            pruner=self._pruner(several=bool(further)),
            rest=self.rest,
            seed=self.seed or 0,
            precision=self._precision(),
            trials=self.trials,
            target=self.target_loss,
            patience=self.study_patience,
            timeout=self.study_timeout,
            stop_when_flat=self.stop_when_flat,
            lease=self.lease,
            epoch_patience=self.epoch_patience,
            trial_timeout=self.trial_timeout,
            stall_timeout=self.stall_timeout,
            max_parameters=self.max_parameters,
            max_memory=self.max_memory,
            constraints=tuple(Constraint(text).text for text in self.constraints),
            synchronous_reports=self.synchronous_reports,
            keep=self.keep,
            artifacts=self.artifacts,
            like=self._like(),
        )

    @cached_property
    def own_training(self) -> bool:
        """Whether the space seems to be an objective function, which trains by itself."""
        from search_spaces.objective_function import is_objective_function

        return is_objective_function(self.space, self.arguments)

    @property
    def is_hypermodel_with_fit(self) -> bool:
        """Whether it is a ``HyperModel`` with a ``fit`` of its own."""
        from search_spaces import objective_function

        return objective_function.is_hypermodel_with_fit(self.space)

    @property
    def _sampler(self) -> str:
        return self.sampler or "auto"

    def _like(self) -> tuple[str, ...]:
        """The past studies; where nobody says otherwise, what is similar in the store.

        Who names a seed or a sampler compares or repeats: such a study begins with nothing.
        """
        if self.like:
            return self.like
        is_ours_to_say = self.seed is None and self.sampler is None and not self.own_training
        return ("auto",) if is_ours_to_say else ("none",)

    def _check_own_training(self) -> None:
        """Refuses what says how a model is trained, where the function does that."""
        from tuner.search.samplers import SAMPLERS

        meaningless = {
            "--metric": self.metrics,
            "--callback": self.callbacks,
            "--repeats": self.repeats > 1,
            "--folds": self.folds,
            "--precision": self.precision != "float32",
            "--epoch-patience": self.epoch_patience,
            "--max-parameters": self.max_parameters,
            "--max-memory": self.max_memory,
            "--constraint": self.constraints,
            f"--sampler {self._sampler}": SAMPLERS[self._sampler].plan is not None,
            **({} if self.data is not None else self._data_options()),
        }
        for option, is_set in meaningless.items():
            if is_set:
                kind = (
                    "HyperModel with fit()" if self.is_hypermodel_with_fit else "objective function"
                )
                raise UserError(
                    f"Expected no {option} with the {kind} {self.space}: it trains by "
                    f"itself, and alone knows its parameters. Received {option}: leave it out."
                )

    def _data_options(self) -> dict[str, object]:
        """What says how data are read, which makes no sense without any."""
        return {
            "--target": self.target,
            "--task": self.task,
            "--validation-data": self.validation_data,
            "--test-data": self.test_data,
            "--group": self.group,
            "--split-by-time": self.split_by_time,
            "--window": self.window,
            "--max-train-rows": self.max_train_rows,
            "--weights": self.weights,
            "--class-weights": self.class_weights,
            "--mask-value": self.mask_value is not None,
        }

    def _objectives(self) -> list[Objective]:
        from search_spaces.user_code import source_files
        from tuner.studies.objective import Objective, make_objectives, name_objectives

        if self.own_training:
            named = () if self.objectives == (Objective().name,) else self.objectives
            # Fits report the validation loss unless a name, or the direction, says otherwise.
            if not self.is_hypermodel_with_fit or (not named and "max" in self.directions):
                return list(name_objectives(named, self.directions))
        names = list(map(source_files.short_name, self.objectives))
        return list(make_objectives(names, self.directions))

    def _metrics(self) -> tuple[str, ...]:
        """The metrics, and before them the objectives that are the user's own."""
        from search_spaces.user_code import source_files

        own = (name for name in self.objectives if source_files.file_of(name) is not None)
        return (*own, *self.metrics)

    def _pruner(self, *, several: bool) -> str:
        from tuner.search.pruners import PRUNERS

        if self.pruner is None:
            return "none" if several else "median"
        name = other_words.PRUNERS.get(self.pruner, self.pruner)
        check_name("--pruner", name, PRUNERS)
        return name

    def _precision(self) -> str:
        from tuner.studies.study_spec import PRECISIONS

        check_name("--precision", self.precision, PRECISIONS)
        return PRECISIONS[self.precision]


def writing(
    *,
    separator: str | None,
    decimal: str | None,
    encoding: str | None,
    na_values: Collection[str],
    date_order: str | None,
) -> dict[str, Any]:
    """Returns what options say of how a table is written as fields of a ``DataSpec``.

    Raises:
        UserError: A separator is no single character.
    """
    from tuner.datasets.table_format import NAMES_OF_SEPARATORS

    sign = NAMES_OF_SEPARATORS.get(separator or "", separator)
    sign = "\t" if sign == "\\t" else sign
    if sign is not None and (len(sign) != 1 or sign in '"\n\r'):
        raise UserError(
            f"Expected --separator as one character, or {', '.join(NAMES_OF_SEPARATORS)}. "
            f"Received: {quoted(separator)}."
        )
    marks = tuple(mark.strip() for text in na_values for mark in text.split(","))
    return {
        "separator": sign,
        "decimal": decimal,
        "encoding": encoding,
        "na_values": marks or None,
        "day_first": None if date_order is None else date_order == "day-first",
    }


def dropping(drop: Collection[str]) -> dict[str, Any]:
    """Returns what ``--drop`` says as fields of a ``DataSpec``."""
    keeps_all = tuple(drop) == ("none",)
    return {
        "drop": () if keeps_all else tuple(drop),
        "drop_index": not keeps_all,
        "drop_frame_index": not keeps_all,
    }
