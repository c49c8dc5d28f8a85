"""A worker takes a study only where all that the study stands on is as it was."""

from __future__ import annotations

import dataclasses
from importlib import metadata
from pathlib import Path

import pytest

from search_spaces import SpaceError, catalog
from search_spaces.user_code import source_files
from storage.errors import StoreError
from storage.pruning import NoPruning
from tests.support import series
from tuner.datasets import DataSpec
from tuner.errors import UserError
from tuner.studies.loading import code_names, load_data, load_space, space_and_data
from tuner.studies.study_data import ends
from tuner.studies.study_spec import StudySpec

SPEC = StudySpec(
    space="mlp",
    space_fingerprint=catalog.load("mlp").fingerprint(),
    data=DataSpec(source="iris"),
    data_fingerprint="",
    pruner=NoPruning().to_dict(),
    artifacts="",
)


@pytest.mark.parametrize("package", ["numpy 0.1", "nowhere-to-be-found 1.0"])
def test_a_package_of_another_version_is_refused(package: str):
    """What a sampler, metric or source of a package does may differ; the message names it."""
    spec = dataclasses.replace(SPEC, packages=(package,))
    with pytest.raises(StoreError, match=rf"^Expected the package {package},.* install that"):
        load_space(StudySpec.from_dict(spec.to_dict()))


def test_a_package_of_the_same_version_is_taken():
    """And so is a study of an earlier version, which names none."""
    here = f"numpy {metadata.version('numpy')}"
    assert load_space(dataclasses.replace(SPEC, packages=(here,))).name == "mlp"
    older = {name: value for name, value in SPEC.to_dict().items() if name != "packages"}
    assert load_space(StudySpec.from_dict(older)).name == "mlp"


def test_data_that_are_others_are_refused(tmp_path: Path):
    """A file has changed; or a function draws other rows each time, and is told what helps."""
    code = "import numpy as np\ndef rows():\n    return np.random.rand(30, 2), np.arange(30) % 2\n"
    (tmp_path / "own.py").write_text(code)
    own = dataclasses.replace(SPEC, data=DataSpec(source=f"{tmp_path / 'own.py'}:rows"))
    for spec, advised in ((SPEC, False), (own, True)):
        with pytest.raises(StoreError, match="Received others: the source differs") as refused:
            load_data(spec)
        assert ("add --stream" in str(refused.value)) is advised


@pytest.fixture
def searched(tmp_path: Path) -> StudySpec:
    """A study whose data function has arguments."""
    source = series.write_function(tmp_path)
    space, data = space_and_data("mlp", ["window=3..5"], (), DataSpec(source=source))
    return dataclasses.replace(
        SPEC,
        overrides=("window=3..5",),
        space_fingerprint=space.fingerprint(),
        code_fingerprint=source_files.fingerprint(code_names((), (), data)),
        data=data,
    )


def test_arguments_of_the_data_function_are_parameters(searched: StudySpec):
    """Their defaults, within the overrides, are the data of the study."""
    assert searched.data.arguments == {"window": 4, "columns": "both"}
    assert load_space(searched).parameters["window"].text == "3..5"


def test_another_data_function_is_refused(searched: StudySpec):
    """What it returns for other arguments than the defaults is seen by nobody else."""
    path = Path(searched.data.source.rpartition(":")[0])
    path.write_text(path.read_text() + "\n# changed")
    with pytest.raises(StoreError, match=r"^Expected the metrics, data function and callbacks"):
        load_space(searched)


def test_studies_from_before_arguments_were_searched(searched: StudySpec):
    """They go on with the function's own defaults, whatever its file declares."""
    older = dataclasses.replace(
        searched,
        overrides=(),
        space_fingerprint=SPEC.space_fingerprint,
        code_fingerprint=None,
        data=DataSpec(source=searched.data.source),
    )
    assert "window" not in load_space(older).parameters


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("windw=3..5", r" Did you mean window\?$"),
        ("scale=1..2", r"^Expected a range for the argument 'scale' of series\.py:load\."),
        ("window=3..15", r"^window=3\.\.15: Expected [^?]*$"),
    ],
)
def test_overrides_that_no_argument_can_have(tmp_path: Path, override: str, line: str):
    """The line says what could be meant."""
    with pytest.raises((SpaceError, UserError), match=line):
        space_and_data("mlp", [override], (), DataSpec(source=series.write_function(tmp_path)))


def test_an_argument_may_be_a_parameter_of_the_space(tmp_path: Path):
    """Where it has neither a default nor a range of its own."""
    (tmp_path / "data.py").write_text("def load(batch_size): ...\ndef other(nothing): ...\n")
    source = f"{tmp_path / 'data.py'}"
    _, data = space_and_data("mlp", ["batch_size=16"], (), DataSpec(source=f"{source}:load"))
    assert data.arguments == {"batch_size": 16}
    with pytest.raises(UserError, match=r"^Expected a range for the argument 'nothing'"):
        space_and_data("mlp", [], (), DataSpec(source=f"{source}:other"))


OWN = """
from search_spaces import Choice, Int, SearchSpace
import numpy as np

class Net(SearchSpace):
    features = Int(4, 8)

    def build(self, hyperparameters, inputs, outputs):
        raise NotImplementedError

def load(resampling=Choice(["none", "some"])):
    return np.zeros((40, 2)), np.arange(40.0)
"""


def test_preparation_is_searched_where_it_is_asked_for():
    """The first of columns is the default where all of them are not among it."""
    assert not space_and_data("mlp", (), (), DataSpec(source="iris"))[1].preparation
    overrides = ["features=kbest:2,pca:1", "resampling=smote,none"]
    space, data = space_and_data("mlp", overrides, (), DataSpec(source="iris"))
    assert data.preparation == {"features": "kbest:2", "resampling": "none"}
    assert not data.arguments
    assert {"features", "resampling"} <= space.parameters.keys()
    again = DataSpec.from_dict(data.to_dict())
    assert again == data
    assert data.of_trial({"features": "pca:1"}).preparation["features"] == "pca:1"


def test_a_space_or_a_data_function_may_mean_something_of_its_own(tmp_path: Path):
    """Studies of before have such names."""
    (tmp_path / "own.py").write_text(OWN)
    own = str(tmp_path / "own.py")
    overrides = ["features=4,8", "resampling=some"]
    space, data = space_and_data(f"{own}:Net", overrides, (), DataSpec(source=f"{own}:load"))
    assert data.preparation == {}
    assert data.arguments == {"resampling": "some"}
    assert space.parameters["features"].options == (4, 8)


def test_a_range_of_features_is_a_list_of_choices():
    """All of one method; those with the fewest and the most columns are tried at launch."""
    spaces = [
        space_and_data("mlp", [f"features={asked}"], (), DataSpec(source="iris"))[0]
        for asked in ("all,kbest:2..4,pca:1..9:4", "all,kbest:2,kbest:3,kbest:4,pca:1,pca:5,pca:9")
    ]
    assert spaces[0].fingerprint() == spaces[1].fingerprint()
    features = spaces[0].parameters["features"]
    assert features.default == "all"
    assert ends(features) == ("all", "kbest:2", "kbest:4", "pca:1", "pca:9")
    wrong = {
        "kbest:4..2": r"a range from fewer to more columns\. Received: 4\.\.2: write kbest:2\.\.4",
        "pca:1..9999": "a range of at most 100 values",
        "pca:1..3:0": "a range of at most 100 values.*: give a step",
    }
    for asked, line in wrong.items():
        with pytest.raises(SpaceError, match=line):
            space_and_data("mlp", [f"features={asked}"], (), DataSpec(source="iris"))


@pytest.mark.parametrize("asked", ["features=best:3", "features=kbest:0", "resampling=adasyn"])
def test_preparation_that_there_is_not(asked: str):
    """What there is, is said."""
    with pytest.raises(SpaceError, match=r"Expected (all, kbest:K or pca:K|one of none, over, un)"):
        space_and_data("mlp", [asked], (), DataSpec(source="iris"))
