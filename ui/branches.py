"""A conversation with everything that was ever said in it: a tree, and the path that is shown.

Plain data and pure functions. A version of a turn is another turn with the same parent; to look
at another version is to follow another branch from there.

As JSON, version 1: {"version": 1, "turns": [{"id", "parent", "role", "text", "author", "is_cut"}],
"shown": [[parent, turn]]}. The parent of a first turn is 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from model.prompts.dialogue import Message, Role

ROOT = 0
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Turn:
    """One version of one turn.

    Attributes:
        id: unlike every other in its conversation; larger than its parent's.
        parent: the id of the turn that it follows; `ROOT` for a first one.
        author: the model that wrote it; "" where a person did.
        is_cut: the text ended before its author was done.
    """

    id: int
    parent: int
    role: Role
    text: str
    author: str = ""
    is_cut: bool = False


@dataclass(frozen=True)
class Branches:
    """A conversation. Turns are addressed by their place on the path that is shown, from 0 on.

    Attributes:
        turns: in the order of their ids.
        shown: which turn is shown after which; the path ends where a turn has none.
    """

    turns: tuple[Turn, ...] = ()
    shown: Mapping[int, int] = field(default_factory=dict)

    @property
    def path(self) -> tuple[Turn, ...]:
        """The turns that are shown."""
        by_id = {turn.id: turn for turn in self.turns}

        def follow() -> Iterator[Turn]:
            id_ = ROOT
            while (id_ := self.shown.get(id_, ROOT)) != ROOT:
                yield by_id[id_]

        return tuple(follow())

    @property
    def messages(self) -> tuple[Message, ...]:
        return tuple(Message(turn.role, turn.text) for turn in self.path)

    def versions(self, index: int) -> tuple[int, int]:
        """Which version of its turn is shown at `index`, from 0 on, and how many there are."""
        turn = self.path[index]
        siblings = self._followers(turn.parent)
        return siblings.index(turn), len(siblings)

    def add(self, role: Role, text: str, *, author: str = "", is_cut: bool = False) -> Branches:
        """A turn after the last that is shown."""
        path = self.path
        parent = path[-1].id if path else ROOT
        return self._with(parent, role, text, author, is_cut=is_cut)

    def branch(self, index: int, text: str) -> Branches:
        """Another version of the turn at `index`, and the end of the path; the former one stays."""
        turn = self.path[index]
        return self._with(turn.parent, turn.role, text, "", is_cut=False)

    def revise(self, index: int, text: str) -> Branches:
        """Another version of the turn at `index`, followed by what follows the former one."""
        result = self.branch(index, text)
        for turn in self.path[index + 1 :]:
            result = result.add(turn.role, turn.text, author=turn.author, is_cut=turn.is_cut)
        return result

    def edit(self, index: int, text: str, *, is_cut: bool = False) -> Branches:
        """The very turn at `index` with another text; what follows it stays."""
        id_ = self.path[index].id
        changed = (
            replace(turn, text=text, is_cut=is_cut) if turn.id == id_ else turn
            for turn in self.turns
        )
        return replace(self, turns=tuple(changed))

    def select(self, index: int, version: int) -> Branches:
        """Show that version of the turn at `index`, and what was last shown after it.

        Raises:
            IndexError: there is no such turn or version.
        """
        parent = self.path[index].parent
        siblings = self._followers(parent)
        if not 0 <= version < len(siblings):
            raise IndexError(version)
        return replace(self, shown={**self.shown, parent: siblings[version].id})

    def end_at(self, num_turns: int) -> Branches:
        """Show only the first `num_turns` of the path; the others stay as a branch."""
        path = self.path
        if num_turns >= len(path):
            return self
        last = path[num_turns].parent
        shown = {parent: id_ for parent, id_ in self.shown.items() if parent != last}
        return replace(self, shown=shown)

    def delete(self, index: int) -> Branches:
        """Without the turn at `index`.

        A question goes with all its answers, and what followed each moves up to its place. An
        answer goes with what followed it. In either place another version is shown, if there is
        one.
        """
        turn = self.path[index]
        gone = {turn.id}
        moved: dict[int, int] = {}
        if turn.role == "user":
            answers = self._followers(turn.id)
            gone |= {answer.id for answer in answers}
            moved = {later.id: turn.parent for a in answers for later in self._followers(a.id)}
        else:
            for later in self.turns:  # a parent comes before what follows it
                if later.parent in gone:
                    gone.add(later.id)
        following = self.path[index + 2 : index + 3] if turn.role == "user" else ()
        return self._without(turn, gone, moved, following)

    def graft(self, messages: Sequence[Message]) -> Branches:
        """The path made to say `messages`: what differs from it becomes a branch.

        For a page that outlived what the server kept of it.
        """
        path = self.path
        num_same = 0
        while num_same < min(len(path), len(messages)) and messages[num_same] == Message(
            path[num_same].role, path[num_same].text
        ):
            num_same += 1
        result = self.end_at(num_same)
        for message in messages[num_same:]:
            result = result.add(message.role, message.text)
        return result

    def up_to_last_user(self) -> Branches:
        """Shown up to and with the user's last turn; nothing of it if there is none."""
        roles = [turn.role for turn in self.path]
        num_after = roles[::-1].index("user") if "user" in roles else len(roles)
        return self.end_at(len(roles) - num_after)

    def settle(self, question: Sequence[Message], answers: Mapping[str, str]) -> Branches:
        """With the first of `answers` that has text, where they answer what is shown.

        Args:
            question: the conversation that the answers are to; empty where there are none.
            answers: each by its author.
        """
        if not question or self.messages != tuple(question):
            return self
        for author, text in answers.items():
            if text:
                return self.add("assistant", text, author=author)
        return self

    def offer(self, answers: Mapping[str, str]) -> Branches:
        """With each of `answers` as a version of the turn that comes next; the first one is shown.

        Args:
            answers: each by its author.
        """
        end, result = len(self.path), self
        for author, text in answers.items():
            result = result.end_at(end).add("assistant", text, author=author)
        num_former = len(self._followers(self.path[-1].id if self.path else ROOT))
        return result.select(end, num_former) if answers else self

    def to_json(self) -> dict[str, Any]:
        return {
            "version": FORMAT,
            "turns": [asdict(turn) for turn in self.turns],
            "shown": [list(item) for item in self.shown.items()],
        }

    def _with(self, parent: int, role: Role, text: str, author: str, *, is_cut: bool) -> Branches:
        id_ = max((turn.id for turn in self.turns), default=ROOT) + 1
        turn = Turn(id_, parent, role, text, author, is_cut)
        return Branches((*self.turns, turn), {**self.shown, parent: id_})

    def _without(
        self, turn: Turn, gone: set[int], moved: Mapping[int, int], following: Sequence[Turn]
    ) -> Branches:
        siblings = self._followers(turn.parent)
        others = [sibling for sibling in siblings if sibling.id not in gone]
        place = min(siblings.index(turn), len(others) - 1)
        turns = tuple(
            replace(kept, parent=moved.get(kept.id, kept.parent))
            for kept in self.turns
            if kept.id not in gone
        )
        shown = {
            parent: id_
            for parent, id_ in self.shown.items()
            if parent not in gone and id_ not in gone
        }
        if following:
            shown[turn.parent] = following[0].id
        elif others:
            shown[turn.parent] = others[place].id
        return Branches(turns, shown)

    def _followers(self, id_: int) -> tuple[Turn, ...]:
        return tuple(turn for turn in self.turns if turn.parent == id_)


def linear(messages: Sequence[Message]) -> Branches:
    """A conversation with one version of each turn."""
    return Branches().graft(messages)


def read_branches(data: object) -> Branches:
    """The inverse of `to_json`, for data that anybody may have written.

    Raises:
        ValueError: it is not such data; the message says what is wrong with it.
    """
    fields = _mapping(data, "The conversation")
    if fields.get("version") != FORMAT:
        raise ValueError(f"The conversation's version is not {FORMAT}.")
    turns = tuple(_read_turn(item, n) for n, item in enumerate(_list(fields, "turns"), 1))
    parents = {ROOT: ROOT}
    for turn in turns:
        if turn.id in parents or turn.parent not in parents or turn.id <= turn.parent:
            raise ValueError(f"Turn {turn.id} does not follow a turn before it.")
        parents[turn.id] = turn.parent
    shown: dict[int, int] = {}
    for item in _list(fields, "shown"):
        if not (isinstance(item, list) and len(item) == 2 and all(map(_is_id, item))):
            raise ValueError("What is shown after which turn is not a pair of ids.")
        if item[1] == ROOT or parents.get(item[1]) != item[0]:
            raise ValueError(f"Turn {item[1]} cannot be shown after turn {item[0]}.")
        shown[item[0]] = item[1]
    return Branches(turns, shown)


def _read_turn(data: object, number: int) -> Turn:
    fields = _mapping(data, f"Turn number {number}")
    expected = {"id": int, "parent": int, "role": str, "text": str}
    optional = {"author": str, "is_cut": bool}
    for name, kind in (expected | optional).items():
        is_there = name in fields
        if (name in expected and not is_there) or (is_there and type(fields[name]) is not kind):
            raise ValueError(f"Turn number {number} has no usable {name!r}.")
    if fields["role"] not in ("user", "assistant"):
        raise ValueError(f"Turn number {number} has an unknown role.")
    return Turn(**{name: fields[name] for name in (*expected, *optional) if name in fields})


def _mapping(data: object, name: str) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise ValueError(f"{name} is not an object.")
    return data


def _list(fields: Mapping[str, Any], name: str) -> list[Any]:
    if not isinstance(fields.get(name), list):
        raise ValueError(f"The conversation has no list {name!r}.")
    return list(fields[name])


def _is_id(value: object) -> bool:
    return type(value) is int
