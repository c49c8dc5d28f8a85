"""The error of this package, and helpers for its messages."""

from __future__ import annotations

import difflib
import re
import reprlib
from collections.abc import Iterable
from typing import Any

LONGEST_LINE = 300  # characters of an error, as it is printed
PREFIX = "Error: "  # of such a line
LONGEST_WORD = 100  # characters of a name for which similar names are searched
LONGEST_VALUE = 60  # characters of a value in a message
# Lines in which TensorFlow says where in a graph an error arose.
GRAPH_PLACE = re.compile(r"\s|Detected at |<stack traces|\[\[|Hint:|Traceback")
# Names in other tuners and papers whose spelling is not similar to ours.
SYNONYMS = {
    "lr": "learning_rate",
    "eta": "learning_rate",
    "bs": "batch_size",
    "batch": "batch_size",
    "n_epochs": "epochs",
    "num_epochs": "epochs",
    "n_layers": "layers",
    "num_layers": "layers",
    "hidden_size": "units",
    "hidden_units": "units",
}


def shorten(text: str, most: int = LONGEST_VALUE) -> str:
    """Returns a text of at most ``most`` characters: beginning and end of a longer one."""
    if len(text) <= most:
        return text
    end = (most - 3) // 2
    return f"{text[: most - 3 - end]}...{text[len(text) - end :]}"


class SpaceError(ValueError):
    """An invalid space, parameter or override. The message is one line and says what to do."""

    def __init__(self, message: object = "") -> None:
        super().__init__(as_line(message))


def as_line(message: object) -> str:
    """Returns a message that fits into a line: what users typed into it may be megabytes long."""
    return shorten(str(message), LONGEST_LINE - len(PREFIX))


def text_of(error: BaseException) -> str:
    """Returns an error's message, also where it is the user's code that makes it, and fails."""
    try:
        return str(error)
    except BaseException as e:  # sys.exit within __str__ would end the worker
        return f"<its text raised {type(e).__name__}>"


def gist(error: BaseException) -> str:
    """An error's message on one line.

    TensorFlow tells first, at length, where in its graph an error arose: that is left out.
    """
    message = text_of(error)
    if message.startswith("Graph execution error"):
        reasons = [
            line for line in message.splitlines()[1:] if line and not GRAPH_PLACE.match(line)
        ]
        message = reasons[0] if reasons else message
    return " ".join(message.split())


def quoted(value: Any, most: int = LONGEST_VALUE) -> str:
    """Returns the ``repr`` of a value, cut to ``most`` characters for a message."""
    if isinstance(value, str):
        return repr(shorten(str(value), most))  # cut before ``repr``: it may be megabytes long
    return shorten(reprlib.repr(value), most)


def did_you_mean(word: str, candidates: Iterable[str]) -> str:
    """Returns `` Did you mean ...?`` with similar known words, or an empty string."""
    if len(word) > LONGEST_WORD:
        return ""
    names = list(candidates)
    meant = SYNONYMS.get(word.lower().replace("-", "_"))
    matches = [meant] if meant in names else difflib.get_close_matches(word, names)
    return f" Did you mean {' or '.join(matches)}?" if matches else ""
