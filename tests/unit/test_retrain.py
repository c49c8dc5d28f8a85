"""When two trainings count as the same."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from click.testing import CliRunner

from storage import trials
from tests.support.trials import begin, complete, enter
from tests.unit.cli.conftest import Launched, Typed, first_launch, launched, tuner
from tuner.cli import main
from tuner.models import rerun
from tuner.models.retrain import compare
from tuner.resources.device import Device

__all__ = ["first_launch", "launched", "tuner"]


def curve(*losses: float, accuracy: float = 0.5) -> list[dict[str, float]]:
    return [
        {"epoch": epoch, "val_loss": loss, "val_accuracy": accuracy}
        for epoch, loss in enumerate(losses, start=1)
    ]


def test_equal_curves_are_identical():
    """Losses that are no numbers come out the same too."""
    found = compare(curve(0.5, math.nan, math.inf), curve(0.5, math.nan, math.inf))
    assert (found.identical, found.same, found.difference, found.epoch) == (True, True, 0.0, None)


def test_the_worst_epoch_is_told():
    """With its difference."""
    found = compare(curve(0.5, 0.25, 0.125), curve(0.5, 0.375, 0.25))
    assert (found.identical, found.same) == (False, False)
    assert (found.difference, found.epoch, found.epochs) == (0.125, 2, 3)


def test_rounding_is_forgiven():
    """Almost the same is the same, but not identical."""
    found = compare(curve(0.5, 0.25), curve(0.5, 0.25 + 5e-7))
    assert (found.identical, found.same, found.epoch) == (False, True, 2)


def test_metrics_beside_the_loss_do_not_count():
    """Those of training are summed in pieces as long as the machine is fast."""
    found = compare(curve(0.5), curve(0.5, accuracy=0.75))
    assert (found.identical, found.same, found.epoch) == (True, True, None)


@pytest.mark.parametrize("after", [(0.5,), (0.5, math.nan)])
def test_a_training_that_breaks_off_is_another(after: tuple[float, ...]):
    """Or one that becomes not a number."""
    found = compare(curve(0.5, 0.25), curve(*after))
    assert (found.same, found.difference, found.epoch) == (False, math.inf, 2)


@pytest.mark.parametrize("device", [Device(threads=1), Device(threads=4)])
def test_devices_are_read_back(device: Device):
    """As workers store them; nothing at all is one thread."""
    assert Device.parse(str(device)) == device
    assert Device.parse(str(replace(device, gpu="3"))).gpu == "3"
    assert Device.parse("").threads == 1


def test_a_different_loss_is_told_on_one_line(
    launched: Launched, tuner: Typed, monkeypatch: pytest.MonkeyPatch
):
    """Exit code 1 is for scripts that check."""
    store, study = launched.store, launched.study
    enter(store, study)
    complete(store, begin(store, study), [0.5, 0.25])
    trial = trials.find(store, study, 0)
    done = rerun.Rerun(
        objective="validation loss",
        trial=trial,
        comparison=compare(curve(0.5, 0.25), curve(0.5, 0.3)),
        value=0.3,
        device=Device(threads=1),
        seconds=1.0,
    )
    monkeypatch.setattr(rerun, "rerun", lambda *_, **__: done)
    result = CliRunner().invoke(main, ["rerun", "mlp-digits", "0"], prog_name="tuner")
    assert result.exit_code == 1
    (line,) = result.stdout.splitlines()
    assert "0.05 apart (epoch 2)" in line
    document = CliRunner().invoke(main, ["rerun", "mlp-digits", "0", "--json"])
    assert document.exit_code == 1
    assert '"same": false' in document.stdout
