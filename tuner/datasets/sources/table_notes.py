"""What a user should know of the columns of a table, which may not be what they look like."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tuner.datasets.columns import column_kinds, index_columns, leakage, useless_columns
from tuner.datasets.columns.column_kinds import CATEGORY, NUMBER
from tuner.datasets.columns.column_names import shown
from tuner.datasets.data_spec import DataSpec
from tuner.datasets.sources import data_frames
from tuner.datasets.sources.data_frames import TableFile
from tuner.errors import quoted

if TYPE_CHECKING:
    import pandas as pd

NAMED = 5  # columns of a note
MOST_FEATURES = 500  # that are looked at one by one


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What the columns of a table are.

    Attributes:
        kinds: What each feature holds, in the order of the file.
        targets: The columns that are predicted.
        dropped: Columns that are no features.
        counting: Those of them that count the rows, or have no name.
        useless: Those of them that tell nothing, and why.
        impute: Whether values of features may be missing.
    """

    kinds: Mapping[str, str]
    targets: list[str]
    dropped: tuple[str, ...] = ()
    counting: tuple[str, ...] = ()
    useless: Mapping[str, str] = field(default_factory=dict)
    impute: bool = False


def notes(
    table: TableFile, file: Path, frame: pd.DataFrame, layout: Layout, spec: DataSpec
) -> Iterator[str]:
    """Returns what is to be said of the columns of a table, one line each.

    Args:
        table: The table as it was read.
        file: Where it was read from.
        frame: Its rows that have a target.
        layout: What its columns are.
        spec: What was asked for.
    """
    source = spec.source
    if layout.counting:
        names = _list_quoted(layout.counting)
        yield index_columns.LEFT_OUT.format(source=source, names=names)
    for reason in dict.fromkeys(layout.useless.values()):
        yield f"{source}: {_of_useless(layout.useless, reason)}"
    if spec.lenient and spec.impute:
        yield from _of_missing(frame[list(layout.kinds)], source)
    if spec.lenient:
        yield from _of_leaks(frame, layout, source)
    features = frame[[name for name, kind in layout.kinds.items() if kind == NUMBER]]
    if shuffled := index_columns.find_shuffled(features) if spec.drop_index else []:
        yield (
            f"{source}: features that number the rows, as identifiers do: "
            f"{_list_quoted(shuffled)}. To leave them out: --drop {_shell_quoted(shuffled)}"
        )
    read_as_numbers = {*features.columns, *layout.targets}
    if codes := [name for name in data_frames.codes(file, table) if name in read_as_numbers]:
        yield (
            f"{source}: leading zeros are lost, as codes have them, in numbers of "
            f"{_list_quoted(codes)}. To keep them: --categories {_shell_quoted(codes)}"
        )
    categories = [name for name, kind in layout.kinds.items() if kind == CATEGORY]
    yield from _of_many(frame[categories] if spec.lenient else frame[[]], spec)
    for name in (*categories, *layout.targets):
        if alike := column_kinds.alike(frame[name]):
            yield (
                f"{source}: column {quoted(name)} has categories that differ in spaces or "
                f"case only: {_list_quoted(alike)}. They count as different: correct them "
                "if they are not."
            )


def _of_useless(useless: Mapping[str, str], reason: str) -> str:
    names = [name for name, why in useless.items() if why == reason]
    listed = shown([quoted(name) for name in names], NAMED)
    hint = ""
    if reason == useless_columns.IDENTIFIER:
        hint = f" To take their words: --text {shlex.quote(names[0])}"
    return f"left out {listed}: {reason}.{hint}"


def _of_leaks(frame: pd.DataFrame, layout: Layout, source: str) -> Iterator[str]:
    names = [name for name, kind in layout.kinds.items() if kind in (NUMBER, CATEGORY)]
    if len(names) > MOST_FEATURES:
        return
    features = frame[names]
    constant = leakage.find_constants(features)
    if constant:
        yield (
            f"{source}: one value in all rows, which tells nothing: {_list_quoted(constant)}. "
            f"To leave it out: --drop {_shell_quoted(constant)}"
        )
    for target in layout.targets:
        if leaks := leakage.find_leaks(features, frame[target]):
            yield (
                f"{source}: {quoted(target)} follows from {_list_quoted(leaks)} alone, almost "
                "without errors. If that is not known when the model shall predict, leave it "
                f"out: --drop {_shell_quoted(leaks)}"
            )


def _of_many(categories: pd.DataFrame, spec: DataSpec) -> Iterator[str]:
    asked = {name for text in spec.categories for name in (text, *text.split(","))}
    for name in categories.columns:
        count = categories[name].nunique()
        most = column_kinds.MOST_ASKED if name in asked else column_kinds.MOST_CATEGORIES
        if count > most:
            yield (
                f"{spec.source}: column {quoted(str(name))} has {count:,} categories: the {most} "
                "most frequent ones have an input each, all others one together. To leave it out: "
                f"--drop {_shell_quoted([str(name)])}"
            )


def _of_missing(features: pd.DataFrame, source: str) -> Iterator[str]:
    counts = features.isna().sum()
    counts = counts[counts > 0].sort_values(ascending=False, kind="stable")
    if len(counts):
        most = [f"{quoted(str(name))} {count}" for name, count in counts.items()]
        yield (
            f"{source}: missing values are imputed ({shown(most, NAMED)}): a number becomes the "
            "median with a mark beside it. To refuse them: --impute no"
        )


def _shell_quoted(names: Collection[str]) -> str:
    """Names as a shell takes them."""
    return shlex.quote(",".join(names))


def _list_quoted(names: Collection[str]) -> str:
    return shown([quoted(name) for name in names])
