"""What is typed after ``--set`` to narrow, list or fix a parameter.

=======================  ===========================================================
``units=32..512``        a range, on the scale of the parameter, without a step
``units=32..512:log``    a range on a logarithmic scale
``units=32..512:linear`` a range on an even scale
``units=32..512:32``     a range with a step; the last value is the last one it reaches
``units=32,64,128``      a list; numbers are put in order
``units=64``             one value
=======================  ===========================================================

On a parameter that is a list of numbers, a range without a suffix keeps the listed values that lie
within it, and one with a suffix replaces the list. ``units=`` sets ``units_0``, ``units_1``, ...
unless ``units_0=`` is given too: the more specific one wins, in whatever order they are typed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from search_spaces.errors import SpaceError, quoted, shorten
from search_spaces.parameters.choices import Choice
from search_spaces.parameters.literals import Number, format_value, is_number
from search_spaces.parameters.parameter import Parameter
from search_spaces.parameters.ranges import Float, Int, Range
from search_spaces.parameters.weights_choice import is_weights_file
from search_spaces.user_code import source_files

MOST_VALUES = 1_000  # of a list: each of them is checked, kept in the study, and told to samplers


def parse(typed: Sequence[str]) -> dict[str, str]:
    """Splits ``NAME=TEXT`` overrides.

    Raises:
        SpaceError: one has no name or no text, or two have the same name.
    """
    texts: dict[str, str] = {}
    for override in typed:
        name, _, text = (part.strip() for part in override.partition("="))
        if not name or not text:
            raise SpaceError(
                f"Expected NAME=VALUES, such as units=32..512:log. Received: {quoted(override)}."
            )
        if name in texts:
            both = " and ".join(shorten(f"{name}={one}") for one in (texts[name], text))
            raise SpaceError(f"Expected each parameter once. Received: {both}.")
        texts[name] = text
    return texts


def absolute(override: str) -> str:
    """Returns an override whose values can be loaded from any folder.

    Those are ``path/file.py:name``, and files of weights.
    """
    name, equals, text = override.partition("=")
    if ".py:" not in text and not any(map(is_weights_file, text.split(","))):
        return override
    values = [_absolute(part.strip()) for part in _split(text)]
    return f"{name}{equals}{','.join(values)}"


def _absolute(value: str) -> str:
    if is_weights_file(value):
        return str(Path(value).absolute())
    return source_files.absolute_name(value)


def general(name: str) -> str:
    """Returns the name that sets this parameter and its like: ``units`` for ``units_0``."""
    return re.sub(r"_\d+$", "", name)


def override_of(name: str, texts: Mapping[str, str]) -> str | None:
    """Returns the override of a parameter: its own, or that of its like."""
    return texts.get(name, texts.get(general(name)))


def narrow(name: str, parameter: Parameter, text: str) -> Parameter:
    """Returns the parameter with the values of an override, within what it can mean.

    Its default stays if it still can, or becomes the closest value, or the first.

    Raises:
        SpaceError: the text is no range or list, or its values are none the parameter can mean.
    """
    try:
        if parameter.numeric and ".." in text:
            narrowed = _to_range(parameter, text)
        else:
            narrowed = _to_list(parameter, text)
    except SpaceError as e:
        raise SpaceError(f"{name}={shorten(text)}: {e}") from e
    if narrowed.numeric or narrowed.contains(parameter.default):
        return replace(narrowed, default=narrowed.nearest(parameter.default))
    return narrowed


def _to_list(parameter: Parameter, text: str) -> Parameter:
    values = [parameter.parse(part.strip()) for part in _split(text)]
    numbers = sorted(filter(is_number, values))
    if isinstance(parameter, Range) and len(numbers) == 1:
        return replace(parameter, low=numbers[0], high=numbers[0], default=None)
    listed = numbers if parameter.numeric else values
    if isinstance(parameter, Choice):
        return replace(parameter, values=listed, default=None)
    return Choice(listed, **_common(parameter))


def _split(text: str) -> list[str]:
    """Raises SpaceError if a list has too many values."""
    parts = text.split(",")
    if len(parts) > MOST_VALUES:
        raise SpaceError(
            f"Expected a list of at most {MOST_VALUES:,} values. Received: {len(parts):,}: "
            "give a range, such as 32..512."
        )
    return parts


def _to_range(parameter: Parameter, text: str) -> Parameter:
    ends, _, suffix = text.partition(":")
    low_text, _, high_text = ends.partition("..")
    values = parameter.parse(low_text.strip()), parameter.parse(high_text.strip())
    low, high = filter(is_number, values)
    if low > high:
        raise SpaceError(f"Expected the lower end first. Received: {shorten(ends)}.")
    if isinstance(parameter, Choice) and not suffix:
        return _within(parameter, low, high)
    log, step = _scale(parameter, suffix.strip())
    if isinstance(parameter, Range):
        return replace(parameter, low=low, high=high, log=log, step=step, default=None)
    if parameter.limits is None:
        raise SpaceError(f"Expected {parameter.expected}. Received a range: list its values.")
    range_type = Int if _is_whole(parameter) else Float
    return range_type(low, high, log=log, step=step, **_common(parameter))


def _within(parameter: Choice, low: Number, high: Number) -> Parameter:
    numbers = list(filter(is_number, parameter.values))
    inside = [number for number in numbers if low <= number <= high]
    if low < numbers[0] or high > numbers[-1] or not inside:
        ends = f"{format_value(low)}..{format_value(high)}"
        raise SpaceError(
            f"Expected a range with values of the list {parameter.text} and no end beyond it. "
            f"Received: {ends}. List the values, or give a step or scale such as {ends}:log."
        )
    return replace(parameter, values=inside, default=None)


def _scale(parameter: Parameter, suffix: str) -> tuple[bool, Number | None]:
    """Returns whether the scale is logarithmic, and the step."""
    if suffix == "log":
        return True, None
    if suffix == "linear":
        return False, None
    if not suffix and isinstance(parameter, Range):
        return parameter.log, None  # the step belonged to the range that was given up
    try:
        return False, int(suffix) if _is_whole(parameter) else float(suffix)
    except ValueError:
        raise SpaceError(
            f"Expected log, linear or a step after the colon. Received: {quoted(suffix)}."
        ) from None


def _is_whole(parameter: Parameter) -> bool:
    return isinstance(parameter, Int) or (isinstance(parameter, Choice) and parameter.whole)


def _common(parameter: Parameter) -> dict[str, Any]:
    """What a parameter keeps when it changes from a range to a list or back."""
    return {
        "when": parameter.when,
        "per": parameter.per,
        "limits": parameter.limits,
        "disabled_value": parameter.disabled_value,
        "help": parameter.help,
    }
