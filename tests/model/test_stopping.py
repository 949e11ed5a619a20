from hypothesis import given
from hypothesis import strategies as st

from model.stopping import StopMatcher

ALPHABET = "ab\n"
texts = st.text(ALPHABET, max_size=40)
stop_lists = st.lists(st.text(ALPHABET, min_size=1, max_size=5), max_size=3)


def stream(pieces: list[str], stop: list[str]) -> tuple[str, str | None]:
    matcher = StopMatcher(stop)
    shown = "".join(map(matcher.feed, pieces))
    return shown + ("" if matcher.matched else matcher.flush()), matcher.matched


def text_before_first_stop(text: str, stop: list[str]) -> str:
    """The naive oracle: grow the text by a character until it ends in a stop string."""
    for end in range(len(text) + 1):
        complete = [item for item in stop if text[:end].endswith(item)]
        if complete:
            return text[: end - max(map(len, complete))]
    return text


@given(texts, stop_lists)
def test_the_text_shown_is_the_text_before_the_stop_string_complete_first(
    text: str, stop: list[str]
) -> None:
    assert stream(list(text), stop)[0] == text_before_first_stop(text, stop)


@given(st.lists(texts, max_size=6), stop_lists)
def test_how_the_text_is_cut_into_pieces_makes_no_difference(
    pieces: list[str], stop: list[str]
) -> None:
    assert stream(pieces, stop) == stream(list("".join(pieces)), stop)


def test_half_a_stop_string_is_held_back_until_it_is_decided() -> None:
    matcher = StopMatcher(["\nHuman:"])
    assert matcher.feed("fine\nHum") == "fine"
    assert matcher.feed("bug") == "\nHumbug"
    assert matcher.matched is None


def test_nothing_after_a_stop_string_is_shown() -> None:
    matcher = StopMatcher(["END"])
    assert matcher.feed("aENDb") == "a"
    assert matcher.feed("c") == ""
    assert matcher.matched == "END"


def test_without_stop_strings_text_passes_at_once() -> None:
    assert StopMatcher().feed("anything") == "anything"
