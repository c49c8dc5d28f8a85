"""Text of others made harmless for a terminal: what would command it is spelt out.

Failure messages, logs and names come from whoever may write to the store. An ESC in them could
recolour a terminal, retitle it, move its cursor over what we printed, or type into it.
"""

from __future__ import annotations

import re
import sys

# C0 but for tab and newline, DEL, C1 (0x9b alone is ESC [), marks that turn the direction of
# writing around, separators of lines, and halves of surrogate pairs, which no stream can encode.
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def escape(text: str) -> str:
    r"""The text with its control characters as Python spells them: ``\x1b[31m``.

    Tabs and newlines stay.
    """
    return CONTROL.sub(lambda found: ascii(found[0])[1:-1], text)


def escape_json(text: str) -> str:
    """A JSON document, in whose strings ``json.dumps`` leaves all but C0, as an equal one."""
    return CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


class SafeStderr:
    """Standard error, for what libraries write there: tracebacks hold text of others too."""

    def write(self, text: str) -> int:
        """Writes a text with its control characters spelt out."""
        return sys.stderr.write(escape(text))

    def flush(self) -> None:
        """Writes what is still held back."""
        sys.stderr.flush()


def lines(text: str) -> str:
    """As `escape`, for what a program has printed: a carriage return ends a line.

    On a terminal, what follows it would cover what stands before it.
    """
    return escape(text.replace("\r\n", "\n").replace("\r", "\n"))
