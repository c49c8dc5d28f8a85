"""How the letters of a text file are encoded, packed by gzip or not."""

from __future__ import annotations

import codecs
import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from tuner.datasets.errors import DataError
from tuner.datasets.input_limits import check_memory
from tuner.datasets.sources.user_files import require_text
from tuner.errors import one_line, quoted

PACKED = ".gz"
_BLOCK = 1 << 20  # bytes
_LOOK = 1 << 12  # bytes that tell UTF-16 from other text
_MARKS = {  # the longer ones first: that of UTF-32 begins as that of UTF-16 does
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_WESTERN = "cp1252"  # latin-1 with letters where that has control characters


def open_binary(path: Path) -> IO[bytes]:
    """Opens a file, unpacked where its name ends in ``.gz``."""
    return gzip.open(path, "rb") if is_packed(path) else path.open("rb")  # type: ignore[return-value]


def is_packed(path: Path) -> bool:
    """Whether a file's name says that it is packed by gzip."""
    return path.suffix.lower() == PACKED


def require_encoding(path: Path, asked: str | None, otherwise: str | None = None) -> str:
    """Returns the encoding of a file, every byte of which was looked at.

    Args:
        asked: One that the user named, which is taken as it is.
        otherwise: One to try before others where the file is no UTF-8.

    Raises:
        DataError: The file is no text, damaged, or larger than memory.
    """
    if asked is not None:
        _check_known(asked)
    try:
        with open_binary(path) as stream:
            begin = stream.read(_LOOK)
    except (OSError, EOFError, zlib.error) as e:
        raise _damaged(path, e) from e
    found = asked or _by_mark(begin)
    if found is None or not found.startswith(("utf-16", "utf-32")):
        if not is_packed(path):
            require_text(path)
        elif b"\0" in begin:
            raise _no_text(path, "null characters")
    if found is not None:
        _require_decodable(path, found)
        return found
    problem = _first_undecodable(path, "utf-8")
    if problem is None:
        return "utf-8"
    for encoding in filter(None, (otherwise, _WESTERN)):
        if not encoding.startswith("utf-") and _first_undecodable(path, encoding) is None:
            _check_not_utf8_with_a_flaw(path, problem)
            return encoding
    raise _no_text(path, str(problem))


def _check_known(encoding: str) -> None:
    try:
        codecs.lookup(encoding)
    except LookupError as e:
        raise DataError(
            f"Expected --encoding to be one that Python knows, such as utf-8, latin-1 or utf-16. "
            f"Received: {quoted(encoding)}."
        ) from e


def _by_mark(begin: bytes) -> str | None:
    """The encoding that a file's first bytes tell; None where they tell nothing."""
    marked = next((name for mark, name in _MARKS.items() if begin.startswith(mark)), None)
    if marked is not None or len(begin) < 4:
        return marked
    # Text of ASCII letters in UTF-16 has a null character beside each of them.
    even, odd = begin[::2].count(0), begin[1::2].count(0)
    half = len(begin) // 4
    if odd > half and not even:
        return "utf-16-le"
    return "utf-16-be" if even > half and not odd else None


def _require_decodable(path: Path, encoding: str) -> None:
    problem = _first_undecodable(path, encoding)
    if problem is not None:
        raise DataError(
            f"{path}: expected text in {encoding}. Received: {problem}: name its encoding with "
            "--encoding, such as latin-1."
        )


def _first_undecodable(path: Path, encoding: str) -> str | None:
    """What cannot be decoded first; None where all can.

    Raises:
        DataError: The file cannot be unpacked, or is larger than memory.
    """
    decoder, size = codecs.getincrementaldecoder(encoding)(), 0
    try:
        for block in _blocks(path):
            size += len(block)
            check_memory(size, str(path))
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeError as e:
        return one_line(e)
    except (OSError, EOFError, zlib.error) as e:
        raise _damaged(path, e) from e
    return None


def _blocks(path: Path) -> Iterator[bytes]:
    with open_binary(path) as stream:
        while block := stream.read(_BLOCK):
            yield block


def _check_not_utf8_with_a_flaw(path: Path, problem: str) -> None:
    """Refuses text of which most letters are UTF-8: read otherwise, all of them would be wrong."""
    flaws = letters = 0
    for block in _blocks(path):
        text = block.decode("utf-8", errors="replace")
        flaws += text.count("\ufffd")
        letters += sum(character > "\x7f" for character in text) if not text.isascii() else 0
    if letters - flaws > flaws:
        raise DataError(
            f"{path}: expected text in UTF-8, as most of it is. Received: {problem}: correct the "
            "file, or name its encoding with --encoding."
        )


def _no_text(path: Path, problem: str) -> DataError:
    return DataError(
        f"Expected a file of text. Received: {path} ({problem}): write it again, in UTF-8, or name "
        "its encoding with --encoding."
    )


def _damaged(path: Path, reason: BaseException) -> DataError:
    return DataError(
        f"Expected a file that can be unpacked. Received: {path} ({one_line(reason)}): write it "
        "again."
    )
