"""What the writing routes of optuna-dashboard take: it trusts its own page, and checks nothing.

What its page would not send is refused in one line, where optuna-dashboard would answer that it
has an internal error, or store what it cannot show any more.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

JSON_TYPES = ("application/json", "application/json-rpc")  # that Bottle reads
LONGEST_NAME = 512  # characters of a study's name or of an attribute's, as the tables have it
LONGEST_NUMBER = 2**53  # of which a browser knows all digits

Shape = Mapping[
    str, Any
]  # by key: a type; [type] for a list; (type,) where it may lack, (type, None) or be null

NOTE: Shape = {"version": int, "body": str}
SHAPES: tuple[tuple[str, re.Pattern[str], Shape], ...] = tuple(
    (method, re.compile(path), shape)
    for method, path, shape in (
        ("POST", r"/api/studies", {"study_name": str, "directions": [str]}),
        ("DELETE", r"/api/studies/\d+", {"remove_associated_artifacts": (bool, None)}),
        ("PUT", r"/api/studies/\d+(/\d+)?/note", NOTE),
        (
            "POST",
            r"/api/studies/\d+/preference",
            {"mode": str, "candidates": [int], "clicked": int},
        ),
        (
            "PUT",
            r"/api/studies/\d+/preference_feedback_component",
            {"output_type": str, "artifact_key": (str, None)},
        ),
        ("POST", r"/api/trials/\d+/user-attrs", {"user_attrs": dict}),
        ("POST", r"/api/artifacts/\d+(/\d+)?", {"file": str, "filename": (str,)}),
    )
)
WORDS = {str: "a text", int: "a number", bool: "true or false", dict: "an object"}


class InvalidBody(Exception):
    """A body is not what its route takes: the message says what was expected."""


def check_body(method: str, path: str, content_type: str, body: bytes) -> None:
    """Checks the body of a request for a route of optuna-dashboard.

    Raises:
        InvalidBody: It is no JSON, or JSON of another shape.
    """
    shape = next((s for m, route, s in SHAPES if m == method and route.fullmatch(path)), None)
    if shape is None:
        return
    if not body and all(isinstance(kind, tuple) for kind in shape.values()):
        return
    if content_type.lower().partition(";")[0] not in JSON_TYPES:
        raise InvalidBody("Expected the header Content-Type: application/json.")
    values = _parsed(body)
    if not isinstance(values, dict):
        raise InvalidBody("Expected a JSON object.")
    for key, kind in shape.items():
        optional = isinstance(kind, tuple)
        if optional and (key not in values or (None in kind and values[key] is None)):
            continue
        _check(key, values.get(key), kind[0] if optional else kind)
    names = [values[key] for key in shape if key == "study_name"]
    names += [name for key in shape if key == "user_attrs" for name in values[key]]
    if any(len(name) > LONGEST_NAME for name in names):
        raise InvalidBody(f"Expected a name of at most {LONGEST_NAME} characters.")


def _parsed(body: bytes) -> Any:
    try:
        values = json.loads(body.decode("utf-8"))
        # As some databases refuse them: half characters, and the one that ends a text.
        written = json.dumps(values, ensure_ascii=False, allow_nan=False).encode()
    except UnicodeError as e:
        raise InvalidBody("Expected JSON in UTF-8.") from e
    except (ValueError, RecursionError) as e:
        raise InvalidBody("Expected JSON that can be read.") from e
    if re.search(rb"(?<!\\)(\\\\)*\\u0000", written):
        raise InvalidBody("Expected texts without the character of number 0.")
    return values


def _check(key: str, value: Any, kind: Any) -> None:
    if isinstance(kind, list):
        if not isinstance(value, list) or not all(_is_of(item, kind[0]) for item in value):
            raise InvalidBody(f"Expected {key!r} to be a list, each {WORDS[kind[0]]}.")
    elif not _is_of(value, kind):
        raise InvalidBody(f"Expected {key!r} to be {WORDS[kind]}.")


def _is_of(value: Any, kind: type) -> bool:
    if kind is int:
        return type(value) is int and abs(value) < LONGEST_NUMBER
    return isinstance(value, kind)
