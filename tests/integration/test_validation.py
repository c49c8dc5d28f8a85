"""Code of users' own is tried before a study is made, in a process of its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from search_spaces.errors import SpaceError
from tests.support.sources import ROOT
from tests.support.terminal import Terminal
from tuner.datasets import DataSpec
from tuner.errors import UserError
from tuner.study_setup.validation import validate
from tuner.study_setup.validation_plan import ValidationPlan, ValidationResult

NET = """
import keras

def build(trial, inputs, outputs):
    x = keras.Input(inputs.shape)
    width = trial.suggest_int("width", 8, 32)
    {body}
    return keras.Model(x, keras.layers.Dense(outputs.units, outputs.activation)(x))
"""


def plan(space: str = "mlp", **more: tuple[str, ...]) -> ValidationPlan:
    return ValidationPlan(
        space=space,
        overrides=more.get("overrides", ()),
        data=DataSpec(source="iris"),
        metrics=more.get("metrics", ()),
    )


def net(folder: Path, body: str) -> str:
    path = folder / "net.py"
    path.write_text(NET.format(body=body))
    return f"{path}:build"


def test_plans_round_trip():
    """They travel to another process as JSON."""
    typed = plan("a.py:build", overrides=("width=8",), metrics=("auc",))
    assert ValidationPlan.from_dict(typed.to_dict()) == typed


def test_our_own_families_need_no_process():
    """They are tried here, without TensorFlow."""
    assert not plan().needs_keras
    assert plan("net.py:build").needs_keras
    assert plan(metrics=("auc",)).needs_keras
    assert isinstance(validate(plan()), ValidationResult)


OWN_LOSSES = """
from keras import ops

def spread(y_true, y_pred, power=2.0):
    return ops.mean(ops.abs(y_true - y_pred) ** power)
"""


@pytest.mark.parametrize(
    ("overrides", "source", "compared"),
    [
        (("label_smoothing=0..0.2",), "iris", "sparse_categorical_crossentropy"),
        (("label_smoothing=0.1",), "iris", None),
        (("loss=huber", "huber_delta=0.5..2"), "diabetes", "mse"),
        (("class_weights=none,balanced",), "iris", None),
    ],
)
def test_trials_of_different_losses_are_compared_by_one_metric(
    overrides: tuple[str, ...], source: str, compared: str | None
) -> None:
    """Whatever makes them differ; the loss of validation rows knows no weights of classes."""
    asked = replace(plan(overrides=overrides), data=DataSpec(source=source))
    assert not asked.needs_keras
    assert validate(asked).shared_metric == compared


def test_losses_that_a_function_suggests_are_compared_by_one_metric(tmp_path: Path) -> None:
    """And so are those of several outputs with weights."""
    name = net(tmp_path, "trial.suggest_float('label_smoothing', 0, 0.2)")
    assert validate(plan(name)).shared_metric == "sparse_categorical_crossentropy"
    example = str(ROOT / "examples" / "two_outputs.py")
    several = replace(
        plan(f"{example}:Shared", overrides=("loss_weights.ink=0.1..10:log",)),
        data=DataSpec(source=f"{example}:digits"),
    )
    assert validate(several).shared_metric == "unweighted_loss"


def test_rows_cannot_weigh_in_a_loss_of_a_batch(tmp_path: Path) -> None:
    """Which is one number for all of them."""
    (tmp_path / "own.py").write_text(OWN_LOSSES)
    own = (f"loss={tmp_path / 'own.py'}:spread", "loss.power=1..3")
    for overrides in (("loss=dice",), own):
        validate(plan(overrides=overrides))
        with pytest.raises(UserError, match="one number for a whole batch"):
            validate(plan(overrides=(*overrides, "class_weights=none,balanced")))


@pytest.mark.parametrize(
    ("weights", "losses", "said"),
    [("w", "usual,mae", 1), ("w", "mae", 0), (None, "usual,mae", 0)],
)
def test_that_weights_do_not_decide_between_losses_is_said(
    tmp_path: Path, weights: str | None, losses: str, said: int
) -> None:
    """Trials of several losses are compared by a metric, in which all rows count the same."""
    rows = "".join(f"{a},{1 + a % 3},{2 * a}.5\n" for a in range(60))
    (tmp_path / "t.csv").write_text(f"a,w,y\n{rows}")
    data = DataSpec(source=str(tmp_path / "t.csv"), target="y", weights=weights)
    result = validate(replace(plan(overrides=(f"loss={losses}",)), data=data))
    assert sum("trials are compared by mse," in note for note in result.notes) == said


@pytest.mark.keras
@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("raise ValueError('too wide')", "ValueError: too wide"),
        ("return 42", "keras.Model"),
        ("import os; os._exit(7)", "exit code 7"),
        ("import ctypes; ctypes.string_at(0)", "signal 11 (SIGSEGV)"),
        ("undefined_name", "NameError"),
    ],
)
def test_a_build_that_fails_is_one_line(tmp_path: Path, body: str, told: str):
    """The line names the user's file, or says how the process ended."""
    with pytest.raises((SpaceError, UserError)) as caught:
        validate(plan(net(tmp_path, body)))
    line = str(caught.value)
    assert told in line
    assert "net" in line
    assert "\n" not in line


COMPILED = """
import keras

def build(hp):
    model = keras.Sequential([keras.Input(({columns},)), keras.layers.Dense({units}, "softmax")])
    model.compile("adam", {loss}, metrics=[{metrics}])
    return model
"""
SPARSE = "'sparse_categorical_crossentropy'"


@pytest.mark.keras
@pytest.mark.parametrize(
    ("source", "compiled", "told"),
    [
        ("iris", {"columns": 3}, "for rows of shape (4,). Received one for rows of shape (3,)"),
        ("iris", {"units": 2}, "multiclass with 3 values. Received 2: change its last layer"),
        ("breast-cancer", {"columns": 30, "units": 2}, "over two classes add --task multiclass"),
        ("iris", {"loss": "keras.losses.SparseCategoricalCrossentropy(from_logits=True)"},
         "with from_logits=True"),
        ("iris", {"metrics": "'r2'"}, "'r2'"),
        ("iris", {"metrics": "keras.metrics.F1Score(name='each')"}, "each is 3 numbers"),
        ("iris", {"metrics": "lambda t, p: undefined"}, "metrics that can be computed"),
    ],
)  # fmt: skip
def test_a_compiled_model_that_cannot_be_trained_is_one_line(
    tmp_path: Path, source: str, compiled: dict[str, str | int], told: str
):
    """Shapes, loss and metrics are tried before there is a study."""
    file = tmp_path / "hyper.py"
    given = {"columns": 4, "units": 3, "loss": SPARSE, "metrics": "'accuracy'", **compiled}
    file.write_text(COMPILED.format(**given))
    wanted = replace(plan(f"{file}:build"), data=DataSpec(source=source))
    with pytest.raises((SpaceError, UserError)) as caught:
        validate(wanted)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.keras
def test_what_users_code_prints_is_no_answer(tmp_path: Path):
    """Findings come back whatever is printed; the launching process never sees TensorFlow."""
    found = validate(plan(net(tmp_path, "print('{}')"), overrides=("width=8..16",)))
    assert len(found.space_fingerprint) == len(found.data_fingerprint) == 64


@pytest.mark.keras
def test_overrides_of_a_function_are_checked(tmp_path: Path):
    """Its parameters are known only when it runs."""
    with pytest.raises(UserError, match="Did you mean width"):
        validate(plan(net(tmp_path, ""), overrides=("widht=8",)))


@pytest.mark.keras
def test_a_metric_that_does_not_exist(tmp_path: Path):
    """An error before the first trial, not a warning in every one."""
    with pytest.raises(UserError, match="Expected the name of a metric"):
        validate(plan(metrics=("acuracy",)))


def test_arguments_that_nobody_takes_are_refused():
    """A family would ignore them without a word."""
    with pytest.raises(UserError, match="--argument width=3 with mlp: leave it out"):
        validate(replace(plan(), arguments=("width=3",)))


@pytest.mark.keras
def test_launching_never_imports_tensorflow(tmp_path: Path):
    """Python itself lists what the launching process imports; nothing is made of a bad space."""
    net(tmp_path, "raise ValueError('too wide')")
    tuner = Terminal(tmp_path, prefix=("-X", "importtime", "-P"))
    ended = tuner("launch", "net.py:build", "--data", "iris", "--workers", "0")
    imports = [line for line in ended.stderr.splitlines() if line.startswith("import time:")]
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in imports}
    (told,) = set(ended.stderr.splitlines()) - set(imports)
    assert ended.returncode == 2
    assert told.startswith("Error: ")
    assert "too wide" in told
    assert "click" in loaded
    assert not loaded & {"tensorflow", "keras"}
    assert [path.name for path in tmp_path.iterdir()] == ["net.py"]


@pytest.mark.keras
def test_a_head_in_half_precision_is_refused(tmp_path: Path):
    """Its losses would be too coarse; one line says what to do."""
    with pytest.raises(UserError, match="dtype='float32'"):
        validate(replace(plan(net(tmp_path, "pass")), precision="mixed_float16"))
