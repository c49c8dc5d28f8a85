"""What Hypothesis draws from."""

from __future__ import annotations

# One or a few of each kind of character that texts go wrong with. Hypothesis's own alphabet is all
# of Unicode, whose table it computes at the first draw: seconds for a single example.
LETTERS = (
    "abcXYZ019"
    "äßİıΣςŁ"  # whose lower or upper case is longer, or depends on the place
    "中文かな한ไ"  # no case, no spaces between words
    "\u0301\u200b\u200d\ufeff"  # combining, without width, byte order
    "🙂𝔘"  # two units of UTF-16
    " \t\n\r\x0b\x85\u00a0\u2028\u3000"  # white space that not everybody splits at
    "\x00\x1f\x7f"  # control
    ".,;:!?'\"`-_/\\|@#%&*+=<>()[]{}$^~"
)
