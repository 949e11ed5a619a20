"""Generated tokens and the texts that go on from their alternatives."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest

from model.engine.events import Alternative, Token
from model.engine.scripted import END_OF_TEXT, NUM_BYTES, SPECIAL_TOKENS, ByteTokenizer
from tests.ui.runs import fitted
from ui.progress import Progress
from ui.told_tokens import Option, Telling, Told, told_before

TOKENIZER = ByteTokenizer()
END = NUM_BYTES + SPECIAL_TOKENS.index(END_OF_TEXT)
MIDDLE = NUM_BYTES + SPECIAL_TOKENS.index("<fim_middle>")


def token(id_: int, others: Sequence[int] = (), *, is_likeliest: bool = True) -> Token:
    """With half a chance, and `others` each with half of the one before."""
    ids = [id_, *others] if is_likeliest else list(others)
    alternatives = tuple(
        Alternative(other, TOKENIZER.token_text(other), -(rank + 1) * math.log(2))
        for rank, other in enumerate(ids)
    )
    return Token(id_, "", -math.log(2), alternatives)


def ids_of(text: str) -> list[int]:
    return TOKENIZER.encode_text(text)


def tell(told: Told, *tokens: Token, healed: str = "") -> Told:
    """`told` with the tokens of a run after it."""
    request = fitted()
    generation = replace(request.generation, healed=healed, stop_token_ids=(END,))
    telling = Telling(told)
    telling.take(Progress(tokens=tokens, fitted=replace(request, generation=generation)))
    return telling.told


def spell(text: str, *others: int) -> list[Token]:
    return [token(id_, others) for id_ in ids_of(text)]


def test_each_token_says_what_it_added_and_how_likely_it_was() -> None:
    told = tell(told_before("run", "x = "), *spell("ab", ord("c")))
    assert told.text == "x = ab"
    assert [(each.text, each.start) for each in told.tokens] == [("a", 4), ("b", 5)]
    first = told.tokens[0]
    assert first.own == Option("a", 0.5, "text")
    assert first.options == (Option("a", 0.5, "text"), Option("c", 0.25, "text"))
    assert first.chosen == 0


def test_tokens_are_read_once_however_often_progress_comes() -> None:
    telling = Telling(told_before("run", "x"))
    tokens = tuple(spell("abc"))
    for count in (1, 1, 3):
        telling.take(Progress(tokens=tokens[:count], fitted=fitted()))
    assert telling.told.text == "xabc"


def test_a_branch_is_the_text_before_and_the_alternative() -> None:
    told = tell(told_before("run", "x = "), *spell("abc", ord("z")))
    branch = told.take(1, 1)
    assert branch is not None
    assert (branch.text, branch.generated, branch.is_ended) == ("x = az", "az", False)
    assert [each.is_taken for each in branch.tokens] == [False, True]
    assert branch.tokens[1].options == told.tokens[1].options


def test_a_branch_goes_on_and_is_branched_again_at_a_token_before() -> None:
    told = tell(told_before("run", "x"), *spell("abc", ord("z")))
    first = told.take(1, 1)
    assert first is not None
    longer = tell(first, *spell("de", ord("y")))
    assert longer.text == "xazde"
    again = longer.take(0, 1)
    assert again is not None
    assert (again.text, again.given) == ("xz", "x")
    later = longer.take(2, 1)
    assert later is not None
    assert later.text == "xazy"


def test_an_end_that_is_taken_ends_the_text_there() -> None:
    told = tell(told_before("run", "x"), *spell("ab", END))
    branch = told.take(1, 1)
    assert branch is not None
    assert (branch.text, branch.is_ended) == ("xa", True)


def test_the_end_itself_is_a_token_without_text() -> None:
    told = tell(told_before("run", "x"), *spell("a"), token(END, [ord("b")]))
    assert told.text == "xa"
    assert told.tokens[1].own == Option(END_OF_TEXT, 0.5, "end")
    branch = told.take(1, 1)
    assert branch is not None
    assert branch.text == "xab"


def test_special_tokens_that_no_text_spells_cannot_be_taken() -> None:
    told = tell(told_before("run", "x"), *spell("a", MIDDLE))
    assert told.tokens[0].options[1] == Option("<fim_middle>", 0.25, "special")
    assert told.take(0, 1) is None


def test_parts_of_characters_are_named_so_and_nothing_goes_on_from_inside_one() -> None:
    part, rest = ids_of("é")
    told = tell(told_before("run", "x"), *spell("a", part), token(part, [ord("b")]), token(rest))
    told = tell(told, token(ord("c")))
    kinds = [each.own.kind for each in told.tokens]
    assert kinds == ["text", "part", "text", "text"]
    assert [each.text for each in told.tokens] == ["a", "", "é", "c"]
    assert told.take(0, 1) is None
    branch = told.take(1, 1)
    assert branch is not None
    assert branch.text == "xab"


def test_inside_of_a_character_no_alternative_can_be_taken() -> None:
    part, rest = ids_of("é")
    told = tell(told_before("run", "x"), token(part), token(rest, [ord("b")]))
    assert told.tokens[1].options[1].kind == "part"
    assert told.take(1, 1) is None


def test_white_space_that_is_spelt_again_belongs_to_what_was_given() -> None:
    told = tell(told_before("run", "if x:\n  "), *spell("\n  y", ord("z")), healed="\n  ")
    assert told.text == "if x:\n  y"
    assert [each.num_again for each in told.tokens] == [1, 1, 1, 0]
    assert told.tokens[0].start == len("if x:")
    # Another text stands there: the user's.
    assert told.tokens[0].options[1].kind == "given"
    assert told.take(0, 1) is None
    branch = told.take(3, 1)
    assert branch is not None
    assert branch.text == "if x:\n  z"


def test_no_end_can_be_taken_before_the_white_space_that_was_given() -> None:
    told = tell(told_before("run", "if x:\n"), *spell("\ny", END), healed="\n")
    assert told.tokens[0].options[1].kind == "given"
    assert told.tokens[1].options[1].kind == "end"


def test_a_branch_that_ends_in_white_space_has_it_spelt_again_by_the_next_run() -> None:
    told = tell(told_before("run", "x"), *spell("ab", ord("\n")))
    branch = told.take(1, 1)
    assert branch is not None
    longer = tell(branch, *spell("\n y"), healed="\n")
    assert longer.text == "xa\n y"
    assert [each.num_again for each in longer.tokens] == [0, 0, 1, 0, 0]


def test_a_token_that_was_none_of_the_likeliest_has_them_beside_it() -> None:
    told = tell(told_before("run", "x"), token(ord("q"), [ord("a"), ord("b")], is_likeliest=False))
    assert told.tokens[0].chosen is None
    branch = told.take(0, 0)
    assert branch is not None
    assert branch.text == "xa"


@pytest.mark.parametrize(("index", "option"), [(0, 0), (5, 0), (-1, 1), (0, 9), (0, -1)])
def test_what_is_not_there_or_stands_there_already_cannot_be_taken(index: int, option: int) -> None:
    told = tell(told_before("run", "x"), *spell("ab", ord("z")))
    assert told.take(index, option) is None


class LeftStripping(ByteTokenizer):
    """Leaves out the space that a text begins with, as sentencepiece's do."""

    def decode(self, ids: Sequence[int]) -> str:
        return super().decode(ids).removeprefix(" ")

    def token_text(self, token_id: int) -> str:
        return self.decode([token_id]) if token_id < NUM_BYTES else super().token_text(token_id)


def test_an_alternatives_text_is_what_it_adds_there_not_what_it_is_alone() -> None:
    tokenizer = LeftStripping()
    space = Alternative(ord(" "), tokenizer.token_text(ord(" ")), -1.0)
    assert space.text == ""
    telling = Telling(told_before("run", "x"))
    run = replace(fitted(), tokenizer=tokenizer)
    first = Token(ord("a"), "", -0.5, ())
    second = Token(ord("b"), "", -0.5, (space,))
    telling.take(Progress(tokens=(first, second), fitted=run))
    branch = telling.told.take(1, 0)
    assert branch is not None
    assert branch.text == "xa "


def tell_reply(*tokens: Token, healed: str = "", is_start_stripped: bool = False) -> Told:
    """The tokens of a reply that nothing was given of, in a format with white space before it."""
    request = fitted()
    generation = replace(
        request.generation,
        healed=healed,
        is_start_stripped=is_start_stripped,
        stop_token_ids=(END,),
    )
    telling = Telling(told_before("run", ""))
    telling.take(Progress(tokens=tokens, fitted=replace(request, generation=generation)))
    return telling.told


def test_line_breaks_that_open_a_reply_are_the_formats_and_no_text() -> None:
    told = tell_reply(*spell("\n\na\nb", ord("z")), is_start_stripped=True)
    assert told.text == "a\nb"
    assert [each.own.kind for each in told.tokens] == ["format", "format", "text", "text", "text"]
    assert [each.start for each in told.tokens] == [0, 0, 0, 1, 2]
    branch = told.take(1, 1)
    assert branch is not None
    assert branch.text == "z"


def test_a_line_break_in_place_of_a_replys_first_word_leaves_nothing_to_go_on_from() -> None:
    told = tell_reply(*spell("ab", ord("\n")), is_start_stripped=True)
    assert told.tokens[0].options[1] == Option("\n", 0.25, "format")
    assert told.take(0, 1) is None
    branch = told.take(1, 1)
    assert branch is not None
    assert branch.text == "a\n"


def test_the_space_before_a_reply_is_the_formats_and_no_text() -> None:
    told = tell_reply(*spell(" a", ord("z")), healed=" ")
    assert told.text == "a"
    assert [each.own.kind for each in told.tokens] == ["format", "text"]
    # The space has to be spelt first.
    assert told.tokens[0].options[1].kind == "given"
    branch = told.take(1, 1)
    assert branch is not None
    assert branch.text == "z"


@pytest.mark.parametrize(
    ("text", "stands"),
    [("ab", True), ("abc", True), ("a", False), ("abcd", True), ("abx", False), ("abcde", False)],
)
def test_tokens_stand_in_their_text_as_much_of_it_as_was_kept(text: str, stands: bool) -> None:
    assert Told("run", given="ab", text="abcd").stands_in(text) is stands
