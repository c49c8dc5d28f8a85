"""Models are measured before they train."""

from __future__ import annotations

import pytest

keras = pytest.importorskip("keras")

from tuner.training import model_size  # noqa: E402


def _model() -> keras.Model:
    return keras.Sequential([keras.Input((10,)), keras.layers.Dense(5), keras.layers.Dense(1)])


def test_the_estimate_counts_weights_and_outputs() -> None:
    """61 weights four times, and twice 5 + 1 outputs of each of 8 rows, in float32."""
    assert model_size.training_bytes(_model(), batch_size=8) == 4 * (61 * 4 + 2 * 8 * 6)


def test_a_model_within_the_limits_passes() -> None:
    """Limits are inclusive."""
    model_size.check(_model(), batch_size=8, max_parameters=61, max_memory=4 * (61 * 4 + 2 * 8 * 6))


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ({"max_parameters": 60, "max_memory": None}, "at most 60 parameters. Received: 61"),
        ({"max_parameters": None, "max_memory": 1000}, "at most 1,000 bytes"),
    ],
)
def test_a_model_beyond_a_limit_is_refused(limits: dict[str, int | None], told: str) -> None:
    """One line says what was allowed and what the model has."""
    with pytest.raises(model_size.Oversized, match=told):
        model_size.check(_model(), batch_size=8, **limits)


def test_a_model_whose_size_is_not_known_passes() -> None:
    """A subclassed model has no weights before it sees data."""

    class Net(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.head = keras.layers.Dense(1)

        def call(self, x: object) -> object:
            return self.head(x)

    model_size.check(Net(), batch_size=8, max_parameters=1, max_memory=1)
