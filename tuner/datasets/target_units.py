"""The original unit of targets, in which losses and metrics are reported.

Targets of a regression are scaled for training (see ``tuner.datasets.scaling``). What people see
and what trials are compared by is in the targets' own unit: ``Outputs`` say how to go back.
"""

from __future__ import annotations

import dataclasses
from typing import Literal

import numpy as np

from search_spaces.shapes import Outputs, Unit
from tuner.datasets.data_spec import DataSpec
from tuner.datasets.scaling import Scaler
from tuner.datasets.task import Targets

LossUnit = Literal["targets", "scaled"] | None


def outputs(targets: Targets, scaler: Scaler | None, spec: DataSpec) -> Outputs:
    """What a model must give for some targets, with what brings it back to their unit.

    Args:
        scaler: Of the targets, of several outputs of their columns side by side; None where they
            are not scaled.
    """
    base = targets.outputs
    if not spec.in_unit:
        return dataclasses.replace(base, as_trained=True, heads=_as_trained(base))
    if base.heads is None:
        of_loss = base.units == 1 and spec.learns == "targets"
        return dataclasses.replace(base, unit=_unit(base, scaler, of_loss=of_loss))
    heads, start = {}, 0
    for name, head in base.heads.items():
        unit = _unit(head, scaler, start, of_loss=head.units == 1)
        heads[name] = dataclasses.replace(head, unit=unit)
        start += head.columns
    return dataclasses.replace(base, heads=heads)


def _as_trained(plain: Outputs) -> dict[str, Outputs] | None:
    heads = (plain.heads or {}).items()
    return {name: dataclasses.replace(head, as_trained=True) for name, head in heads} or None


def _unit(head: Outputs, scaler: Scaler | None, start: int = 0, *, of_loss: bool) -> Unit | None:
    if scaler is None or head.task != "regression":
        return None
    which = slice(start, start + head.columns)
    centre, spread = (np.atleast_1d(each)[which] for each in (scaler.centre, scaler.spread))
    return Unit(centre=tuple(map(float, centre)), spread=tuple(map(float, spread)), of_loss=of_loss)
