import threading

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from model.engine.events import Token
from model.engine.scripted import ByteTokenizer
from model.streaming import TokenStreamer

TOKENIZER = ByteTokenizer()


def stream(text: str, stop: tuple[str, ...] = (), **options: bool) -> list[Token]:
    tokens: list[Token] = []
    streamer = TokenStreamer(TOKENIZER, stop, on_token=tokens.append, **options)
    streamer.put(torch.tensor([[1, 2, 3]]))  # the prompt
    for token_id in TOKENIZER.encode_text(text):
        streamer.put(torch.tensor([token_id]))
    streamer.end()
    return tokens


def text_of(tokens: list[Token]) -> str:
    return "".join(token.text for token in tokens)


@given(st.text(max_size=40))
def test_all_text_comes_out_and_nothing_else(text: str) -> None:
    assert text_of(stream(text)) == text


def test_text_comes_with_the_token_that_completes_it_without_waiting_for_a_space() -> None:
    assert [token.text for token in stream("a.b")] == ["a", ".", "b"]


def test_a_character_of_several_bytes_comes_out_whole() -> None:
    assert [token.text for token in stream("é!")] == ["", "é", "!"]


def test_half_a_character_at_the_end_is_shown_as_a_replacement() -> None:
    tokens: list[Token] = []
    streamer = TokenStreamer(TOKENIZER, on_token=tokens.append)
    streamer.put(torch.tensor([[1]]))
    streamer.put(torch.tensor([0xC3]))
    streamer.end()
    assert tokens[-1] == Token(None, "\ufffd")


def test_of_several_tokens_at_once_those_behind_a_stop_string_are_not_taken() -> None:
    tokens: list[Token] = []
    streamer = TokenStreamer(TOKENIZER, (";",), on_token=tokens.append)
    streamer.put(torch.tensor([[1]]))
    streamer.put(torch.tensor([TOKENIZER.encode_text("ab;cd")]))
    assert text_of(tokens) == "ab"
    assert streamer.num_tokens == 3
    assert streamer.last_id == TOKENIZER.encode_text(";")[0]


def test_a_stop_string_ends_the_text_before_it() -> None:
    tokens: list[Token] = []
    streamer = TokenStreamer(TOKENIZER, ("\n\n",), on_token=tokens.append)
    streamer.put(torch.tensor([[1]]))
    for token_id in TOKENIZER.encode_text("x\n\ny"):
        streamer.put(torch.tensor([token_id]))
    streamer.end()
    assert streamer.is_stopped
    assert text_of(tokens) == "x"


def test_text_held_back_for_a_stop_string_that_never_came_is_released_at_the_end() -> None:
    tokens = stream("x\n", stop=("\n\n",))
    assert [token.text for token in tokens] == ["x", "", "\n"]
    assert tokens[-1].id is None


def test_newlines_at_the_start_are_left_out_where_the_markup_asks_for_it() -> None:
    assert text_of(stream("\n\n  code\n", is_start_stripped=True)) == "  code\n"
    assert text_of(stream("\n\n  code\n")) == "\n\n  code\n"


def test_a_reader_on_another_thread_gets_the_error_that_ended_the_stream() -> None:
    streamer = TokenStreamer(TOKENIZER, timeout=5)

    def produce() -> None:
        streamer.put(torch.tensor([[1]]))
        streamer.put(torch.tensor([ord("a")]))
        streamer.fail(RuntimeError("boom"))

    thread = threading.Thread(target=produce)
    thread.start()
    assert next(streamer) == "a"
    with pytest.raises(RuntimeError, match="boom"):
        next(streamer)
    thread.join()


def test_iterating_without_a_callback_works_as_with_the_parent_class() -> None:
    streamer = TokenStreamer(TOKENIZER, timeout=5)
    streamer.put(torch.tensor([[1]]))
    for token_id in TOKENIZER.encode_text("né"):
        streamer.put(torch.tensor([token_id]))
    streamer.end()
    assert list(streamer) == ["n", "é"]


def test_tokens_are_counted_and_the_prompt_is_not() -> None:
    streamer = TokenStreamer(TOKENIZER)
    streamer.put(torch.tensor([[1, 2, 3]]))
    streamer.put(torch.tensor([65]))
    assert (streamer.num_tokens, streamer.last_id) == (1, 65)


def test_characters_that_the_prompt_ended_in_are_left_out_however_they_are_cut() -> None:
    tokens: list[Token] = []
    streamer = TokenStreamer(TOKENIZER, ("    x",), on_token=tokens.append, num_hidden=3)
    streamer.put(torch.tensor([[1]]))
    for token_id in TOKENIZER.encode_text("\n    xy"):
        streamer.put(torch.tensor([token_id]))
    streamer.end()
    assert text_of(tokens) == "  xy"
