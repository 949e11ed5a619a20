"""A JSON object that anybody may have written, read field by field."""

from __future__ import annotations

import json
import math
from typing import Any


class Fields:
    """The fields of one object, each read as what it has to be.

    Every method raises a ValueError where it is something else; the message says what is wrong, by
    names that a person who looks into the file finds there.

    Args:
        name: of the object, for messages; with a capital letter.
    """

    def __init__(self, data: object, name: str) -> None:
        if not isinstance(data, dict):
            raise ValueError(f"{name} is not an object.")
        self._data = data
        self._name = name

    @classmethod
    def parse(cls, text: str, name: str) -> Fields:
        """The object that `text` is as JSON, without numbers that JSON does not know."""
        try:
            data = json.loads(text, parse_constant=_refuse)
        except (ValueError, RecursionError):
            raise ValueError(f"{name} is not JSON.") from None
        return cls(data, name)

    @property
    def keys(self) -> frozenset[str]:
        return frozenset(self._data)

    def get(self, key: str) -> Any:
        return self._data.get(key)

    def text(self, key: str) -> str:
        value = self.get(key)
        if not isinstance(value, str):
            raise ValueError(f"{self._name} has no text {key!r}.")
        return value

    def number(self, key: str) -> int | float | None:
        """A number, or null, which is what an emptied control holds."""
        value = self.get(key)
        if value is None:
            return None
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            return value
        raise ValueError(f"{self._name} has no number {key!r}.")

    def choice(self, key: str, *choices: str | None) -> Any:
        value = self.get(key)
        if key not in self._data or not any(value == choice for choice in choices):
            known = ", ".join("null" if choice is None else repr(choice) for choice in choices)
            raise ValueError(f"{self._name} has no {key!r} among {known}.")
        return value

    def flag(self, key: str) -> bool:
        value = self.get(key)
        if not isinstance(value, bool):
            raise ValueError(f"{self._name} has no true or false {key!r}.")
        return value

    def list(self, key: str) -> list[Any]:
        value = self.get(key)
        if not isinstance(value, list):
            raise ValueError(f"{self._name} has no list {key!r}.")
        return value

    def object(self, key: str) -> Fields:
        return Fields(self.get(key), f"{self._name}'s {key}")


def _refuse(constant: str) -> None:
    raise ValueError(constant)
