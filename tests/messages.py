"""What the code says to its users, read from its source: for the test of the translations."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
# Their messages go to programs and terminals, not to the page.
NOT_ON_THE_PAGE = {
    "ui/endpoints.py",
    "model/engine/scripted.py",
    "model/loading/choice.py",
    "model/loading/token_classifier.py",
}
SAYING = re.compile(r"(say|say_status|notice|\w+Error)$")
# Arguments that name a kind, a setting or a role, and what another message replaces.
NAMES = {"error", "warning", "info", "stop", "seed", "user", "the file is empty"}
HOLE = re.compile(r"\{[^{}]*\}")


def find_messages() -> dict[str, str]:
    """Each message with its holes as "{}", and the file that says it."""
    found: dict[str, str] = {}
    for folder in ("model", "ui"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if name not in NOT_ON_THE_PAGE:
                for text in _messages_of(ast.parse(path.read_text(encoding="utf-8"))):
                    for part in text.split(" · "):
                        found.setdefault(without_names(part), name)
    return found


def without_names(text: str) -> str:
    """A template as the page shows it: its holes have no names, and commands no backquotes."""
    return HOLE.sub("{}", text.replace("`", ""))


def _messages_of(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        function = node.func
        name = function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
        if SAYING.match(name) and name != "SettingsError":
            values = [*node.args, *(keyword.value for keyword in node.keywords)]
            texts = (text for value in values for text in _templates(value))
            yield from (text for text in texts if _is_sentence(text))


def _is_sentence(text: str) -> bool:
    return text not in NAMES and re.search(r"[A-Za-z]{2}", text) is not None


def _templates(node: ast.expr) -> list[str]:
    """The texts that an expression can be, as far as they stand in the source."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.IfExp(body=body, orelse=orelse):
            return [*_templates(body), *_templates(orelse)]
        case ast.BoolOp(values=values):
            return [text for value in values for text in _templates(value)]
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return [one + other for one in _or_hole(left) for other in _or_hole(right)]
        case ast.JoinedStr(values=values):
            texts = [""]
            for value in values:
                texts = [text + part for text in texts for part in _parts(value)]
            return texts
        case _:
            return []


def _parts(value: ast.expr) -> list[str]:
    if isinstance(value, ast.Constant):
        return [str(value.value)]
    assert isinstance(value, ast.FormattedValue)
    return _templates(value.value) if isinstance(value.value, ast.IfExp) else ["{}"]


def _or_hole(node: ast.expr) -> list[str]:
    return _templates(node) or ["{}"]
