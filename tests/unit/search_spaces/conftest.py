"""A stand-in for Keras, so that these tests never wait for TensorFlow."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest


class FakeModel:
    """What passes for a `keras.Model`."""

    compiled = False


@pytest.fixture
def fake_keras(monkeypatch: pytest.MonkeyPatch) -> type[FakeModel]:
    """Puts a module `keras` in place that knows `Model` only."""
    keras = ModuleType("keras")
    keras.Model = FakeModel  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "keras", keras)
    return FakeModel
