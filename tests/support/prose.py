"""Real English: sentences of Python's own reference, which comes with Python."""

from __future__ import annotations

import re
from pydoc_data.topics import topics

FEWEST_WORDS = 6


def sentences() -> list[str]:
    """All of some length, each once, in an order that does not change."""
    found = re.split(r"(?<=[.:?])\s+|\n{2,}", "\n\n".join(topics[name] for name in sorted(topics)))
    plain = [" ".join(sentence.split()) for sentence in found]
    return list(dict.fromkeys(s for s in plain if len(s.split()) >= FEWEST_WORDS))
