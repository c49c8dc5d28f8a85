"""What can be said of phases without Keras."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from search_spaces import Float, Int, Phase, SearchSpace, SpaceError
from search_spaces.phases import number_at, start_of
from search_spaces.training_parameters import are_ours

PHASES = [Phase(learning_rate=0.1, epochs=2), Phase(learning_rate=0.01, epochs=3)]


class Net(SearchSpace):
    """A space with phases, and with a rate of its own."""

    learning_rate = Float(1e-4, 1e-2)
    head_epochs = Int(1, 5)

    def build(self, hyperparameters: Any, inputs: Any, outputs: Any) -> Any:
        raise NotImplementedError

    def phases(self, hyperparameters: Mapping[str, Any]) -> Sequence[Phase]:
        return PHASES


class Plain(Net):
    """As above, without."""

    phases = SearchSpace.phases  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"epochs": 0}, "at least 1 epoch. Received: epochs=0"),
        ({"epochs": 1.5}, "at least 1 epoch. Received: epochs=1.5"),
        ({"epochs": True}, "at least 1 epoch. Received: epochs=True"),
        ({"epochs": "3"}, "at least 1 epoch. Received: epochs='3'"),
        ({"learning_rate": 0.0}, "rate above 0. Received: learning_rate=0.0"),
        ({"learning_rate": float("nan")}, "rate above 0. Received: learning_rate=nan"),
        ({"learning_rate": None}, "rate above 0. Received: learning_rate=None"),
    ],
)
def test_a_phase_that_cannot_be(options: dict[str, Any], told: str):
    """It is refused where it is made."""
    with pytest.raises(SpaceError, match=told):
        Phase(**{"learning_rate": 0.1, "epochs": 1, **options})


def test_which_phase_an_epoch_is_of():
    """The border belongs to the phase that begins."""
    assert [number_at(PHASES, epoch) for epoch in range(6)] == [0, 0, 1, 1, 1, 1]
    assert [start_of(PHASES, number) for number in range(2)] == [0, 2]
    assert number_at((), 7) == 0


def test_a_space_with_phases_has_no_epochs_to_search():
    """Nor a learning rate, but one that it declares itself."""
    assert Net.has_phases()
    assert "epochs" not in Net().parameters
    assert "learning_rate" in Net(["learning_rate=0.002"]).parameters
    with pytest.raises(SpaceError, match=r"^epochs=5: Expected no value for epochs, .*phases\(\)"):
        Net(["epochs=5"])
    assert not Plain.has_phases()
    assert {"epochs", "learning_rate"} <= Plain(["epochs=5"]).parameters.keys()


def test_a_trial_with_phases_is_trained_with_parameters_of_ours():
    """Without a learning rate among them; a model that came compiled has epochs."""
    assert are_ours({"optimizer": "adam", "schedule": "constant", "batch_size": 16})
    assert not are_ours({"optimizer": "adam", "schedule": "constant", "epochs": 3})
    assert not are_ours({"batch_size": 16})
