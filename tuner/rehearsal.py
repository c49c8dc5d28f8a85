"""Whether a study can work at all, found out before it is made.

Code of the user's own may do anything, import TensorFlow for example: it is tried in a process
of its own, which builds one model and hands one line back.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import traceback
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from search_spaces import catalog, sources
from search_spaces.choices import Choice
from search_spaces.errors import SpaceError
from search_spaces.losses import NOT_NEGATIVE, LossChoice
from search_spaces.ranges import Range
from search_spaces.space import SearchSpace
from search_spaces.values import spell
from tuner import datasets
from tuner.datasets import DataSpec
from tuner.errors import UserError

if TYPE_CHECKING:
    from tuner.datasets import Data


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is to be tried: the parts of a study that may not fit together.

    Attributes:
        space: A name that can be loaded from any folder.
        overrides: Parameters narrowed on the command line, each ``name=values``.
        metrics: Measured beside the loss, by their Keras names or ``path/file.py:NAME``.
        callbacks: Of the user's own, each ``path/file.py:NAME``.
        sampler: How hyperparameters are chosen.
        precision: Keras's policy that models are built under.
    """

    space: str
    overrides: tuple[str, ...]
    data: DataSpec
    metrics: tuple[str, ...]
    callbacks: tuple[str, ...] = ()
    sampler: str = "tpe"
    precision: str = "float32"

    @property
    def needs_keras(self) -> bool:
        """Whether code must run that we did not write, or Keras be asked."""
        return (
            ":" in self.space
            or bool(self.metrics or self.callbacks)
            or any(".py:" in override for override in self.overrides)
            or datasets.needs_keras(self.data.source)
        )

    def to_dict(self) -> dict[str, Any]:
        """The plan as JSON-able values."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Plan:
        """The opposite of ``to_dict``."""
        return cls(
            space=values["space"],
            overrides=tuple(values["overrides"]),
            data=DataSpec.from_dict(values["data"]),
            metrics=tuple(values["metrics"]),
            callbacks=tuple(values["callbacks"]),
            sampler=values["sampler"],
            precision=values["precision"],
        )


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What goes into the study's definition, see ``StudySpec``.

    Attributes:
        data: Where the data come from, with what the space learns from them.
        points: All that the sampler has to offer; None where there is no end.
        code_fingerprint: Of the files of metrics and callbacks; None where there are none.
        shared_metric: What all trials can be compared by where their losses differ; None where
            they do not.
    """

    space_fingerprint: str
    data: DataSpec
    data_fingerprint: str
    points: int | None = None
    code_fingerprint: str | None = None
    shared_metric: str | None = None


def rehearse(plan: Plan) -> Findings:
    """Tries a plan, in this process where that cannot import TensorFlow.

    Raises:
        SpaceError: The space or an override cannot be used, or its model cannot be built.
        UserError: The data cannot be used, or do not fit the space; a metric does not exist.
    """
    return _in_own_process(plan) if plan.needs_keras else examine(plan)


def examine(plan: Plan) -> Findings:
    """Tries a plan in this process; raises as ``rehearse`` does."""
    space = catalog.load(plan.space, plan.overrides)
    spec = dataclasses.replace(plan.data, learns=space.learns)
    data = datasets.load_shared(spec)  # which workers here will find
    space.check(data.inputs, data.outputs)
    space.check_values(data.train.x)
    _check_batch_size(space, data, plan.data.source)
    loss = space.parameters.get("loss")
    if isinstance(loss, LossChoice):
        _check_losses(loss, data)
    if plan.metrics or plan.callbacks:
        from tuner.training import check_callbacks, check_metrics

        check_metrics(plan.metrics, data.outputs)
        check_callbacks(plan.callbacks)
    if ":" in plan.space:
        _try_model(space, data, plan)
    return Findings(
        space_fingerprint=space.fingerprint(),
        data=spec,
        data_fingerprint=data.fingerprint,
        points=space.grid_size() if plan.sampler == "grid" else None,
        code_fingerprint=sources.fingerprint((*plan.metrics, *plan.callbacks)),
        shared_metric=data.outputs.loss if isinstance(loss, LossChoice) and loss.several else None,
    )


def _check_losses(losses: LossChoice, data: Data) -> None:
    """Refuses losses that cannot be computed, or say nothing of these targets."""
    for value in losses.values:
        name = spell(value)
        lowest = data.train.y.min()
        if name in NOT_NEGATIVE and lowest < 0:
            raise UserError(
                f"Expected targets of 0 or more for the loss {name}. Received: {lowest:.3g}, once "
                "scaled: add --scaling none where they are counts, or take another loss."
            )
        if sources.file_of(name) is not None:
            from tuner.training import check_loss

            check_loss(name, data.outputs)


def _try_model(space: SearchSpace, data: Data, plan: Plan) -> None:
    """Builds one model, under the precision of the study."""
    if plan.precision == "float32":  # without importing more than the user's code does
        space.rehearse(data.inputs, data.outputs)
        return
    from tuner import training

    with training.precision(plan.precision):
        model = space.rehearse(data.inputs, data.outputs)
    training.check_head(model, plan.space)


def _check_batch_size(space: SearchSpace, data: Data, source: str) -> None:
    parameter = space.parameters["batch_size"]
    assert isinstance(parameter, (Choice, Range))
    smallest = parameter.values[0] if isinstance(parameter, Choice) else parameter.low
    rows = len(data.train)
    if isinstance(smallest, (int, float)) and rows < smallest:
        raise UserError(
            f"{source}: expected at least {smallest} training rows, the smallest batch_size. "
            f"Received: {rows}: add rows, or make batches smaller with --set batch_size={rows}."
        )


def _in_own_process(plan: Plan) -> Findings:
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    ended = subprocess.run(
        [sys.executable, "-P", "-m", "tuner.rehearsal"],
        input=json.dumps(plan.to_dict()),
        env={**os.environ, **quiet},
        capture_output=True,
        text=True,
        errors="replace",
    )
    if not ended.stdout:
        last = (ended.stderr.strip().splitlines() or ["it printed nothing"])[-1]
        raise UserError(
            f"Expected {plan.space} to build a model from {plan.data.source}. "
            f"Received: its process ended with exit code {ended.returncode}: {last}"
        )
    answer = json.loads(ended.stdout)
    if "refused" in answer:
        raise UserError(answer["refused"])
    if "defect" in answer:
        raise RuntimeError(answer["defect"])
    return Findings(**{**answer, "data": DataSpec.from_dict(answer["data"])})


def main() -> None:
    """The process's entry: a plan on standard input, the answer on standard output."""
    answer = private_output()
    try:
        findings = examine(Plan.from_dict(json.load(sys.stdin)))
        document = dataclasses.asdict(findings)
    except (SpaceError, UserError) as e:
        document = {"refused": str(e)}
    except Exception as e:
        document = {"defect": "".join(traceback.format_exception(e))}
    with answer:
        json.dump(document, answer)


def private_output() -> IO[str]:
    """Standard output for the answer alone: what the user's code prints goes elsewhere."""
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return answer


if __name__ == "__main__":
    main()
