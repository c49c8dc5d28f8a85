"""Options that say how a table is written, typed and in Python."""

from __future__ import annotations

import pytest

from tuner.api.cli_options import typed_options
from tuner.cli.launch_commands import launch
from tuner.errors import UserError


@pytest.mark.parametrize(
    ("words", "impute"),
    [
        ([], None),
        (["--impute"], True),
        (["--impute", "yes"], True),
        (["--impute", "no"], False),
        (["--impute=auto"], None),
    ],
)
def test_impute_needs_no_value(words: list[str], impute: bool | None):
    """Before the space, too, which is no value of it."""
    context = launch.make_context("launch", [*words, "mlp", "--data", "a.csv"])
    assert (context.params["impute"], context.params["space"]) == (impute, "mlp")


@pytest.mark.parametrize(("given", "impute"), [(True, True), (False, False), ("auto", None)])
def test_impute_is_a_truth_value_in_python(given: bool | str, impute: bool | None):
    """False refuses missing values, as ``no`` does."""
    assert typed_options("mlp", {"data": "a.csv", "impute": given}).impute is impute


def test_what_is_said_of_a_table_stands_in_its_spec():
    """Separators have names, marks stand between commas, and the order of dates is a truth."""
    options = {"separator": "tab", "decimal": ",", "encoding": "cp1250", "na_values": ["x,-9", "?"]}
    asked = typed_options("mlp", {"data": "a.csv", "date_order": "day-first", **options})
    spec = asked.data_spec()
    assert (spec.separator, spec.decimal, spec.encoding) == ("\t", ",", "cp1250")
    assert (spec.na_values, spec.day_first) == (("x", "-9", "?"), True)


@pytest.mark.parametrize("separator", ["ab", '"', "\n"])
def test_a_separator_is_one_character(separator: str):
    """And none that has another meaning in such files."""
    asked = typed_options("mlp", {"data": "a.csv", "separator": separator})
    with pytest.raises(UserError, match="--separator as one character"):
        asked.data_spec()
