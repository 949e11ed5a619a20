from __future__ import annotations

from model.sampling import MAX_SEED
from ui.hidden import build_hidden_seed


def test_a_seed_of_64_bits_is_text_where_the_page_holds_it() -> None:
    hidden = build_hidden_seed("seed")
    assert hidden.postprocess(MAX_SEED) == str(MAX_SEED)
    assert hidden.preprocess(str(MAX_SEED)) == MAX_SEED


def test_no_seed_is_none_again() -> None:
    hidden = build_hidden_seed("seed")
    assert hidden.preprocess(hidden.postprocess(None)) is None
    assert hidden.value == ""
