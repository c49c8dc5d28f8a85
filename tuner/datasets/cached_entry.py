"""One entry of the cache: prepared arrays and what is known of them, in a folder."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from search_spaces.shapes import Inputs
from tuner.datasets import target_units
from tuner.datasets.cache_folder import cache_folder
from tuner.datasets.cache_room import make_room
from tuner.datasets.columns.encoding import Encoder
from tuner.datasets.data_spec import DataSpec
from tuner.datasets.errors import DataError
from tuner.datasets.feature_selection import FeatureSelection
from tuner.datasets.multi_input import MultiInputEncoder
from tuner.datasets.preparation import load
from tuner.datasets.prepared_data import Data, Part, Selection
from tuner.datasets.raw_data import PARTS
from tuner.datasets.scaling import Scaler
from tuner.datasets.task import Targets

_ARRAYS = tuple(field.name for field in dataclasses.fields(Part))
_SCALERS = ("scaler", "target_scaler")
_SELECTION = "features-"  # before the names of the arrays of ``Data.features``


def open_entry(name: str, spec: DataSpec) -> Data:
    """Memory-maps an entry.

    Raises:
        OSError, ValueError, KeyError: It is not there, or damaged.
    """
    entry = cache_folder() / "data" / name
    facts = json.loads((entry / "facts.json").read_text())
    arrays = {path.stem: np.load(path, mmap_mode="c") for path in entry.glob("*.npy")}
    os.utime(entry)  # the time of last use, by which old entries are removed
    parts: dict[str, Any] = {
        part: Part(**{n: arrays[f"{part}-{n}"] for n in _ARRAYS if f"{part}-{n}" in arrays})
        for part in PARTS
    }
    scalers: dict[str, Any] = {name: _scaler(arrays, name) for name in _SCALERS}
    stored = facts["several"]
    inputs_encoder = None if stored is None else MultiInputEncoder.from_dict(stored)
    targets, columns_of = _targets(facts), facts["columns_of"]
    named: dict[str, Any] = {
        name: None if facts[name] is None else tuple(facts[name])
        for name in ("classes", "columns", "class_weights", "targets", "dropped")
    }
    return Data(
        name=spec.name,
        inputs=Inputs(
            shape=parts["train"].x.shape[1:],
            vocabulary=facts["vocabulary"],
            shapes=None if inputs_encoder is None else inputs_encoder.shapes,
        ),
        inputs_encoder=inputs_encoder,
        outputs=target_units.outputs(targets, scalers["target_scaler"], spec),
        heads=targets.heads,
        **named,
        **parts,
        **scalers,
        selections=_Later(spec, facts["fingerprint"]),
        fingerprint=facts["fingerprint"],
        targets_fingerprint=facts["targets_fingerprint"],
        notes=tuple(facts["notes"]),
        found={
            name: tuple(value) if isinstance(value, list) else value
            for name, value in facts["found"].items()
        },
        columns_of=columns_of and {name: tuple(names) for name, names in columns_of.items()},
        encoder=None if facts["encoder"] is None else Encoder.from_dict(facts["encoder"]),
        features=None if facts["width"] is None else _selection(arrays, facts["width"]),
    )


def _targets(facts: Mapping[str, Any]) -> Targets:
    """The targets of a model, and of each output if it has several."""
    classes, names, heads = (facts.get(name) for name in ("classes", "targets", "heads"))
    return Targets(
        task=facts["task"],
        units=facts["units"],
        axes=tuple(facts.get("axes", ())),
        classes=None if classes is None else np.array(classes),
        names=None if names is None else tuple(names),
        heads=None if heads is None else {name: _targets(one) for name, one in heads.items()},
    )


def _facts(head: Targets) -> dict[str, Any]:
    return {
        "task": head.task,
        "units": head.units,
        "classes": head.labels,
        "targets": head.names,
    }


def write_entry(data: Data, spec: DataSpec, open_draft: Callable[[], Path]) -> str:
    """Writes an entry unless it exists; returns its name.

    Args:
        data: What is written.
        spec: Its source and how it is prepared.
        open_draft: Returns the folder that becomes the entry. Arrays that are mapped from files in
            it are not copied.

    Raises:
        OSError: The disk has too little free space, or the cache cannot be written.
    """
    facts = {
        "vocabulary": data.inputs.vocabulary,
        "task": data.outputs.task,
        "units": data.outputs.units,
        "axes": data.outputs.axes,
        "heads": {name: _facts(head) for name, head in data.heads.items()} if data.heads else None,
        "classes": data.classes,
        "columns": data.columns,
        "columns_of": data.columns_of,
        "targets": data.targets,
        "dropped": data.dropped,
        "class_weights": data.class_weights,
        "several": None if data.inputs_encoder is None else data.inputs_encoder.to_dict(),
        "encoder": None if data.encoder is None else data.encoder.to_dict(),
        "fingerprint": data.fingerprint,
        "targets_fingerprint": data.targets_fingerprint,
        "exact": spec.exact,
        "weighted_mean": spec.weighted_mean,
        "notes": data.notes,
        "found": dict(data.found),
        "preparation": dict(spec.preparation),
        "width": None if data.features is None else data.features.width,
    }
    name = key_of(code_digest(), facts)
    base = cache_folder() / "data"
    if (base / name).is_dir():
        return name
    arrays, draft = _arrays(data), open_draft()
    make_room(sum(array.nbytes for array in arrays.values()))
    for key, array in arrays.items():
        _write_array(draft / f"{key}.npy", array)
    for path in draft.glob("*.rows"):  # rows with all columns, or as they were before resampling
        path.unlink()
    (draft / "facts.json").write_text(json.dumps(facts))
    # A rename is atomic: other processes see the whole entry or none.
    with suppress(FileExistsError):  # another process wrote the same entry
        draft.rename(base / name)
    return name


def _arrays(data: Data) -> dict[str, Any]:
    arrays: dict[str, Any] = {}
    for name, part in parts_of(data).items():
        arrays |= {f"{name}-{key}": array for key, array in part.arrays.items()}
    for name in _SCALERS:
        scaler = getattr(data, name)
        if scaler is not None:
            arrays |= {f"{name}-centre": scaler.centre, f"{name}-spread": scaler.spread}
    if data.features is not None:
        arrays |= {f"{_SELECTION}{name}": a for name, a in data.features.arrays.items()}
    return arrays


def parts_of(data: Data) -> dict[str, Part]:
    """The parts by name."""
    return {part: getattr(data, part) for part in PARTS}


def _scaler(arrays: Mapping[str, Any], name: str) -> Scaler | None:
    if f"{name}-centre" not in arrays:
        return None
    return Scaler(
        centre=np.array(arrays[f"{name}-centre"]), spread=np.array(arrays[f"{name}-spread"])
    )


def _selection(arrays: Mapping[str, Any], width: int) -> FeatureSelection:
    named = {n.removeprefix(_SELECTION): a for n, a in arrays.items() if n.startswith(_SELECTION)}
    return FeatureSelection.from_arrays(named, width)


def _write_array(path: Path, array: Any) -> None:
    file = getattr(array, "filename", None)
    # Features that are mapped from a file of the draft already are renamed, not copied.
    if path.stem.endswith("-x") and file is not None and file.parent == path.parent:
        array.flush()
        os.rename(file, path)
    else:
        with path.open("xb") as stream:
            np.save(stream, array)
    with path.open("rb") as stream:
        os.fsync(stream.fileno())  # else a power failure may leave a file full of zeros
    path.chmod(0o400)


@cache
def code_digest() -> str:
    """Hash of all that prepared numbers depend on beside the source: our code and libraries."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    for package in ("numpy", "pandas", "scikit-learn"):
        digest.update(metadata.version(package).encode())
    return digest.hexdigest()


def key_of(*values: Any) -> str:
    """A name for values that JSON can hold: equal ones have the same."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


class _Later(Mapping[str, Selection]):
    """The raw rows, read from the source on first access: training does without."""

    def __init__(self, spec: DataSpec, fingerprint: str) -> None:
        self._spec, self._fingerprint = spec, fingerprint
        self._read: Mapping[str, Selection] | None = None

    def __getitem__(self, part: str) -> Selection:
        return self._selections()[part]

    def __iter__(self) -> Iterator[str]:
        return iter(PARTS)

    def __len__(self) -> int:
        return len(PARTS)

    def __contains__(self, part: object) -> bool:
        return part in PARTS

    def _selections(self) -> Mapping[str, Selection]:
        if self._read is None:
            data = load(dataclasses.replace(self._spec, preparation={}))
            if data.fingerprint != self._fingerprint:
                raise DataError(
                    f"Expected {self._spec.source} to be unchanged since it was cached. "
                    "Received: other rows: restore it, or start a new study."
                )
            self._read = data.selections
        return self._read
