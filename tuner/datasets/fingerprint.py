"""One number for the data of a study: workers that see other data must not join it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuner.datasets.data_spec import DataSpec
from tuner.datasets.raw_data import Arrays, Rows

_BYTES_AT_ONCE = 1 << 24


def fingerprint(arrays: Arrays, spec: DataSpec, task: str) -> str:
    """Returns a SHA-256 in hexadecimal over raw arrays and over what decides the parts.

    Equal fingerprints mean equal numbers in training, where ``exact`` and ``weighted_mean`` are
    equal as well: types, shapes and bytes of all arrays, seed, fractions, scaling and task. The
    place of the file and its name do not count. It is the hash of the arrays, not of a file or of
    code, so a function of the user's that returns other rows on another machine is noticed as well.

    Args:
        arrays: The checked, raw data set.
        spec: Of which ``validation``, ``test``, ``scaling``, ``seed``, ``folds`` and
            ``class_weights`` count.
        task: The task that was found or given.
    """
    settings = {
        "validation": spec.validation,
        "test": spec.test,
        "scaling": spec.scaling,
        "seed": spec.seed,
        "task": task,
        "same_unit": arrays.same_unit,
    }
    if arrays.windows:
        settings["windows"] = True
    if spec.class_weights is not None:
        settings["class_weights"] = spec.class_weights
    if spec.mask_value is not None:
        settings["mask_value"] = spec.mask_value
    if spec.folds > 1:
        settings |= {"folds": spec.folds, "fold": spec.fold}
    if spec.max_train_rows is not None:
        settings["max_train_rows"] = spec.max_train_rows
    if arrays.parts["train"].blocks is not None:  # which are hashed with the rows
        settings["split_by_time" if arrays.by_time else "group"] = True
    parts = dict(arrays.parts)
    if arrays.stream is not None:
        settings["stream"] = arrays.stream.stream.shape
        del parts["train"]  # a sample of rows that may differ from pass to pass
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for part in sorted(parts):
        _update_rows(digest, part, parts[part])
    return digest.hexdigest()


def _update_rows(digest: Any, part: str, rows: Rows) -> None:
    for name in ("x", "y", "weights", "blocks"):
        array = getattr(rows, name)
        if array is None:
            continue
        kind = array.dtype.descr if array.dtype.names else array.dtype.str
        digest.update(f"{part} {name} {kind} {array.shape}".encode())
        _update(digest, array)


def fingerprint_targets(rows: Iterable[tuple[NDArray[Any], NDArray[Any] | None]]) -> str:
    """Returns a SHA-256 of what trials are compared on: equal where losses can be compared.

    Args:
        rows: Targets and weights of the validation and the test part, as the source has them.
    """
    digest = hashlib.sha256()
    for arrays in rows:
        for array in arrays:
            if array is not None:
                digest.update(f"{array.dtype} {array.shape}".encode())
                _update(digest, array)
    return digest.hexdigest()


def _update(digest: Any, array: NDArray[Any]) -> None:
    """Hashes in pieces, so that an array that is not contiguous is never copied as a whole.

    Python's strings, which such an array only points to, go by their length and their bytes.
    """
    if array.dtype.hasobject:
        for name in array.dtype.names or ():
            _update(digest, array[name])
        for text in () if array.dtype.names else array.tolist():
            encoded = text.encode("utf-8", "surrogatepass")
            digest.update(f"{len(encoded)} ".encode() + encoded)
        return
    rows_at_once = max(1, _BYTES_AT_ONCE * len(array) // max(1, array.nbytes))
    for start in range(0, len(array), rows_at_once):
        piece = np.ascontiguousarray(array[start : start + rows_at_once])
        digest.update(piece.view(np.uint8).data if piece.size else b"")
