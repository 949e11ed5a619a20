"""Special tokens enter by id only, and text comes out token by token without loss."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.engine.scripted import ByteTokenizer
from model.errors import CheckpointError
from model.tokenization import ModelTokenizer, load_tokenizer
from tests import checkpoints

FAMILIES = {
    "starcoder": (checkpoints.STARCODER_TOKENS, ()),
    "starchat": (checkpoints.STARCODER_TOKENS, checkpoints.STARCHAT_ADDED_TOKENS),
    "starcoder2": (checkpoints.STARCODER2_TOKENS, ()),
    "starchat2": (checkpoints.STARCODER2_TOKENS, checkpoints.CHATML_ADDED_TOKENS),
    "santacoder": (checkpoints.SANTACODER_TOKENS, ()),
    "embedded": (checkpoints.SMOLLM2_TOKENS, checkpoints.INFILL_ADDED_TOKENS),
}
EVERY_TOKEN = sorted({token for pair in FAMILIES.values() for tokens in pair for token in tokens})

# Surrogates are the one kind of text that cannot be encoded; `requests` refuses them.
PLAIN_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
TEXT_WITH_SPELLINGS = st.lists(
    st.one_of(PLAIN_TEXT, st.sampled_from(EVERY_TOKEN), st.sampled_from(["<|", "<fim_", "|>"])),
    max_size=12,
).map("".join)

BROKEN = "é漢🙂\ufffd"


@pytest.fixture(scope="module")
def tokenizers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ModelTokenizer]:
    loaded = {}
    for family, (tokens, added) in FAMILIES.items():
        folder = tmp_path_factory.mktemp(family)
        checkpoints.write_tokenizer(folder, tokens, added)
        loaded[family] = load_tokenizer(folder)
    return loaded


@pytest.fixture(scope="module")
def starchat(tokenizers: dict[str, ModelTokenizer]) -> ModelTokenizer:
    return tokenizers["starchat"]


@pytest.mark.parametrize("family", FAMILIES)
@given(text=TEXT_WITH_SPELLINGS)
def test_text_never_becomes_a_special_token_and_survives_the_round_trip(
    tokenizers: dict[str, ModelTokenizer], family: str, text: str
) -> None:
    tokenizer = tokenizers[family]
    special_ids = {tokenizer.special_id(token) for token in tokenizer.special_tokens}
    ids = tokenizer.encode_text(text)
    assert special_ids.isdisjoint(ids)
    assert tokenizer.decode(ids) == text


@given(data=st.data())
def test_decoded_steps_and_flush_equal_decoding_all_ids(
    starchat: ModelTokenizer, data: st.DataObject
) -> None:
    any_id = st.integers(0, starchat.vocab_size - 1)
    pieces = st.one_of(
        any_id.map(lambda id_: [id_]),
        # Broken bytes, and the real U+FFFD, in long runs.
        st.lists(st.sampled_from(BROKEN), max_size=30).map(
            lambda chars: [id_ for char in chars for id_ in starchat.encode_text(char)[:2]]
        ),
        st.integers(0, 9).map(lambda number: starchat.encode_text("\ufffd" * number)),
        PLAIN_TEXT.map(starchat.encode_text),
        # A character that is cut short.
        st.sampled_from("é漢🙂👩‍👩‍👧").map(lambda text: starchat.encode_text(text)[:-1]),
    )
    ids = [id_ for piece in data.draw(st.lists(pieces, max_size=20)) for id_ in piece]
    decoder = starchat.decoder()
    steps = [decoder.step(id_) for id_ in ids]
    assert "".join(steps) + decoder.flush() == starchat.decode(ids)


def test_a_character_comes_out_with_its_last_byte(starchat: ModelTokenizer) -> None:
    decoder = starchat.decoder()
    assert [decoder.step(id_) for id_ in starchat.encode_text("a🙂b")] == [
        "a",
        *[""] * 3,
        "🙂",
        "b",
    ]


def test_text_without_spaces_comes_out_token_by_token(starchat: ModelTokenizer) -> None:
    decoder = starchat.decoder()
    text = "aaaa.bbbb(cccc,dddd)"
    assert [decoder.step(id_) for id_ in starchat.encode_text(text)] == list(text)


def test_an_unfinished_character_is_flushed_once(starchat: ModelTokenizer) -> None:
    decoder = starchat.decoder()
    assert [decoder.step(id_) for id_ in starchat.encode_text("🙂")[:2]] == ["", ""]
    assert decoder.flush() == "\ufffd"
    assert decoder.flush() == ""


def test_a_long_run_of_broken_bytes_is_let_out_as_it_comes(starchat: ModelTokenizer) -> None:
    first_byte = starchat.encode_text("🙂")[0]
    decoder = starchat.decoder()
    steps = [decoder.step(first_byte) for _ in range(1000)]
    assert len("".join(steps)) > 990
    assert max(map(len, steps)) < 10
    assert "".join(steps) + decoder.flush() == "\ufffd" * 1000


def test_a_special_token_inside_a_character_leaves_the_character_whole(
    starchat: ModelTokenizer,
) -> None:
    first, *rest = starchat.encode_text("漢")
    end = starchat.special_id("<|end|>")
    assert end is not None
    decoder = starchat.decoder()
    assert "".join(decoder.step(id_) for id_ in [first, end, *rest]) == "漢"


@pytest.mark.parametrize("family", FAMILIES)
def test_a_tokens_text_is_its_own_and_a_special_tokens_its_spelling(
    tokenizers: dict[str, ModelTokenizer], family: str
) -> None:
    tokenizer = tokenizers[family]
    for token in tokenizer.special_tokens:
        id_ = tokenizer.special_id(token)
        assert id_ is not None
        assert tokenizer.token_text(id_) == token
    assert "".join(map(tokenizer.token_text, tokenizer.encode_text("  x = 1\n"))) == "  x = 1\n"
    assert tokenizer.token_text(tokenizer.encode_text("é")[0]) == "\ufffd"
    assert tokenizer.token_text(tokenizer.vocab_size) == ""


def test_the_scripted_tokenizer_tells_a_tokens_text_alike() -> None:
    tokenizer = ByteTokenizer()
    end = tokenizer.special_id("<|endoftext|>")
    assert end is not None
    assert tokenizer.token_text(end) == "<|endoftext|>"
    assert tokenizer.token_text(ord(" ")) == " "
    assert tokenizer.token_text(0xC3) == "\ufffd"
    assert tokenizer.token_text(10_000) == ""


def test_spaces_before_punctuation_are_kept(starchat: ModelTokenizer) -> None:
    text = "a , b . c ' s ! do n't"
    assert starchat.decode(starchat.encode_text(text)) == text


def test_a_lone_surrogate_is_a_type_error(starchat: ModelTokenizer) -> None:
    with pytest.raises(TypeError):
        starchat.encode_text("\ud83d")


def test_special_ids_are_found_by_spelling_only(starchat: ModelTokenizer) -> None:
    assert starchat.special_id("<|endoftext|>") == starchat.eos_token_id == 0
    assert starchat.special_id("<fim_prefix>") == 1
    assert starchat.special_id("<|end|>") == starchat.vocab_size - 1
    assert starchat.special_id("<file_sep>") is None
    assert starchat.special_id("a") is None


def test_a_control_token_that_is_not_flagged_special_is_kept_out_of_text(tmp_path: Path) -> None:
    checkpoints.write_tokenizer(
        tmp_path, checkpoints.STARCODER_TOKENS, ("<|end|>", "    "), is_added_special=False
    )
    tokenizer = load_tokenizer(tmp_path)
    end = tokenizer.special_id("<|end|>")
    assert end is not None
    assert end not in tokenizer.encode_text("a<|end|>b")
    # A run of spaces is an added token too, but no control token: it stays text.
    assert tokenizer.special_id("    ") is None
    assert tokenizer.decode(tokenizer.encode_text("if x:\n    y")) == "if x:\n    y"


def test_a_tokenizer_file_that_asks_for_truncation_cuts_nothing(tmp_path: Path) -> None:
    written = checkpoints.write_tokenizer(tmp_path, checkpoints.STARCODER_TOKENS)
    written.backend_tokenizer.enable_truncation(4)
    written.backend_tokenizer.save(str(tmp_path / "tokenizer.json"))
    assert len(load_tokenizer(tmp_path).encode_text("x" * 100)) == 100


def _cut_tokenizer(folder: Path) -> None:
    path = folder / "tokenizer.json"
    path.write_text(path.read_text()[:500])


def _empty_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").write_text("{}")


def _remove_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").unlink()


@pytest.mark.parametrize("damage", [_cut_tokenizer, _empty_tokenizer, _remove_tokenizer])
def test_a_damaged_folder_is_refused_with_what_to_do(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    checkpoints.write_tokenizer(tmp_path, checkpoints.STARCODER_TOKENS)
    damage(tmp_path)
    with pytest.raises(CheckpointError, match="cannot be read") as caught:
        load_tokenizer(tmp_path)
    assert "Fetch the checkpoint again" in caught.value.advice


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no checkpoint folder"):
        load_tokenizer(tmp_path / "nowhere")
