"""Values as JSON and as Python source, for people to read and for programs to take.

What cannot be seen is escaped: pasted into a terminal it could do something, and nobody would know.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

_OUTSIDE_ASCII = re.compile(r"[^\x20-\x7e\n]")


def json_object(fields: Mapping[str, Any]) -> str:
    """An object with a line for each field, and for each member of a list of objects."""
    lines = (f"  {_json(name)}: {_json_lines(value)}" for name, value in fields.items())
    return "{\n" + ",\n".join(lines) + "\n}"


def _json_lines(value: Any) -> str:
    if not (isinstance(value, list) and value and isinstance(value[0], dict)):
        return _json(value)
    return "[\n" + ",\n".join(f"    {_json(item)}" for item in value) + "\n  ]"


def _json(value: Any) -> str:
    return _OUTSIDE_ASCII.sub(_json_escape, json.dumps(value, ensure_ascii=False))


def _json_escape(match: re.Match[str]) -> str:
    found = match[0]
    return found if found.isprintable() else json.dumps(found)[1:-1]


def python_source(value: Any, indent: int = 0) -> str:
    """An expression that is `value`; a text of several lines has as many lines of source.

    Args:
        indent: spaces before the line that it begins in.
    """
    inner, outer = " " * (indent + 4), " " * indent
    match value:
        case str():
            lines = value.splitlines(keepends=True)
            if len(lines) < 2:
                return _python_text(value)
            body = "".join(f"{inner}{_python_text(line)}\n" for line in lines)
            return f"(\n{body}{outer})"
        case dict():
            items: Sequence[str] = [
                f"{_python_text(name)}: {python_source(item, indent + 4)}"
                for name, item in value.items()
            ]
            brackets = "{}"
        case list() if value and isinstance(value[0], dict):
            items = [python_source(item, indent + 4) for item in value]
            brackets = "[]"
        case list():
            return "[" + ", ".join(map(_python_item, value)) + "]"
        case _:
            return repr(value)
    line = brackets[0] + ", ".join(items) + brackets[1]
    if "\n" not in line and len(line) <= 60:
        return line
    body = "".join(f"{inner}{item},\n" for item in items)
    return f"{brackets[0]}\n{body}{outer}{brackets[1]}"


def python_call(function: str, arguments: Mapping[str, Any], indent: int = 0) -> str:
    """A call with a line for each argument."""
    inner, outer = " " * (indent + 4), " " * indent
    lines = "".join(
        f"{inner}{name}={python_source(value, indent + 4)},\n" for name, value in arguments.items()
    )
    return f"{function}(\n{lines}{outer})"


def _python_item(value: Any) -> str:
    return _python_text(value) if isinstance(value, str) else python_source(value)


def _python_text(text: str) -> str:
    # JSON's escapes are Python's too, but for those of characters above U+FFFF.
    return _OUTSIDE_ASCII.sub(_python_escape, json.dumps(text, ensure_ascii=False))


def _python_escape(match: re.Match[str]) -> str:
    found = match[0]
    if found.isprintable():
        return found
    code = ord(found)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
