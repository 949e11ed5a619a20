"""Reads the settings that the Connect panel prints, as their editors would: the parts of Lua and
of Vim's script that a table of settings is made of."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import yaml


def read_lua(text: str) -> Any:
    """The table that a single call such as `require("x").setup({...})` is given."""
    call = re.fullmatch(r'require\("\w+"\)\.setup\((.*)\)\s*', text, re.DOTALL)
    assert call, text
    reader = _LuaReader(call[1])
    value = reader.value()
    assert reader.rest() == ""
    return value


def read_vim(text: str) -> Any:
    """The value that a single `let g:name = {...}` over several lines assigns."""
    whole = re.sub(r"\n\s*\\", "", text).strip()
    assignment = re.fullmatch(r"let g:\w+ = (\{.*\})", whole)
    assert assignment, text
    entries = re.compile(r"\s*('(?:[^']|'')*'): ('(?:[^']|'')*'|\d+),")
    inner, at, settings = assignment[1][1:-1], 0, {}
    while inner[at:].strip():
        entry = entries.match(inner, at)
        assert entry, inner[at:]
        settings[_vim_value(entry[1])] = _vim_value(entry[2])
        at = entry.end()
    return settings


def _vim_value(text: str) -> Any:
    return text[1:-1].replace("''", "'") if text.startswith("'") else int(text)


class _LuaReader:
    """A recursive reader of Lua's literals."""

    _STRING = re.compile(r'"((?:[^"\\\n]|\\["\\n])*)"')
    _WORD = re.compile(r"true|false|nil|-?\d+(?:\.\d+)?")
    _NAME = re.compile(r"([A-Za-z_]\w*)\s*=\s*")

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def rest(self) -> str:
        return self._text[self._at :].strip()

    def value(self) -> Any:
        if self._take(r"\{"):
            return self._table()
        if match := self._match(self._STRING):
            escapes = {'\\"': '"', "\\\\": "\\", "\\n": "\n"}
            return re.sub(r"\\.", lambda escape: escapes[escape[0]], match[1])
        match = self._match(self._WORD)
        assert match, self.rest()[:40]
        words = {"true": True, "false": False, "nil": None}
        return words[match[0]] if match[0] in words else json.loads(match[0])

    def _table(self) -> Any:
        named: dict[str, Any] = {}
        listed: list[Any] = []
        while not self._take(r"\}"):
            if name := self._match(self._NAME):
                named[name[1]] = self.value()
            else:
                listed.append(self.value())
            if not self._take(","):
                assert self._take(r"\}"), self.rest()[:40]
                break
        assert not (named and listed)
        return listed or named

    def _take(self, pattern: str) -> bool:
        return self._match(re.compile(pattern)) is not None

    def _match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        space = re.compile(r"\s*").match(self._text, self._at)
        assert space
        match = pattern.match(self._text, space.end())
        if match:
            self._at = match.end()
        return match


READERS: Mapping[str, Callable[[str], Any]] = {
    "json": json.loads,
    "yaml": yaml.safe_load,
    "lua": read_lua,
    "vim": read_vim,
}
