"""Undo and redo over what a tab holds: plain data, kept in the session's own state."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar

Content = TypeVar("Content")

MAX_STEPS = 20


@dataclass(frozen=True)
class History(Generic[Content]):
    """What stood in a tab before (`past`, latest last) and what was undone (`future`)."""

    past: tuple[Content, ...] = field(default=())
    future: tuple[Content, ...] = field(default=())

    def record(self, content: Content) -> History[Content]:
        """`content` is about to be replaced."""
        if self.past and self.past[-1] == content:
            return History(self.past)
        return History((*self.past, content)[-MAX_STEPS:])

    def undo(self, current: Content) -> tuple[History[Content], Content]:
        """What stood before `current`, which redo brings back."""
        if not self.past:
            return self, current
        *past, content = self.past
        return History(tuple(past), (*self.future, current)), content

    def redo(self, current: Content) -> tuple[History[Content], Content]:
        """What was undone last."""
        if not self.future:
            return self, current
        *future, content = self.future
        return History((*self.past, current), tuple(future)), content
