"""The last lines of a launch name commands that work."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tuner.cli.final_summary import _next

MODEL = SimpleNamespace(number=4, model="/there/model.keras")
UNSAVED = SimpleNamespace(number=4, model=None)


def commands(best: Any, **spec: Any) -> list[str]:
    """What is told to be typed at the end of a finished study."""
    study = SimpleNamespace(typed="s", state="finished", spec=spec)
    status: Any = SimpleNamespace(study=study, best=best, front=())
    return list(_next(status, interrupted=False).values())


@pytest.mark.parametrize(
    ("best", "spec", "first"),
    [
        (MODEL, {}, "tuner export s model.keras"),
        (MODEL, {"own_training": True}, "tuner export s model.keras"),
        (UNSAVED, {}, "tuner rerun s 4 --output model.keras"),
        (UNSAVED, {"own_training": True}, "tuner extend s --trials +20"),
        (None, {}, "tuner extend s --trials +20"),
    ],
)
def test_a_model_is_exported_only_where_one_was_saved(
    best: Any, spec: dict[str, Any], first: str
) -> None:
    """A full disk may have taken it: then it is trained again, if it is ours to train."""
    assert commands(best, **spec)[0] == first
