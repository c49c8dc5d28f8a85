"""Find the commands that a Markdown page shows, and the lines that CI runs from it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

FENCE = re.compile(r"^```[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
CODE_SPAN = re.compile(r"`([^`\n]+)`")
CI_LINE = re.compile(r"^<!-- ci: (.+?) -->\n```[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
COMMENT = re.compile(r"(?:^|\s)#.*")
TUNER = re.compile(r"(?:^|[\s/;&|$(])tuner(?= |$)([^;&|)]*)")


def shown_commands(page: str) -> Iterator[list[str]]:
    """The words after `tuner` of every command in the page's code, one list a command."""
    page = page.replace("\\\n", " ")  # a command over several lines is one
    blocks = FENCE.findall(page)
    spans = CODE_SPAN.findall(FENCE.sub("", page))
    for line in [*"".join(blocks).splitlines(), *spans]:
        for arguments in TUNER.findall(COMMENT.sub("", line)):
            yield shlex.split(arguments)


def ci_lines(page: str) -> dict[str, str]:
    """The fenced text below each marker `<!-- ci: NAME -->`."""
    return dict(CI_LINE.findall(page))
