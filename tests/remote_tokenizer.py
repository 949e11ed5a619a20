"""The scripted engine's vocabulary as tokenizer files: what a remote engine builds prompts with."""

from __future__ import annotations

from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from model.engine.scripted import END_OF_TEXT, NUM_BYTES, SPECIAL_TOKENS


def write_scripted_tokenizer(folder: Path) -> Path:
    """A token is a byte with the byte as its id, and the special tokens stand above them."""
    vocabulary = {text: byte for byte, text in enumerate(_byte_characters())}
    rust = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    rust.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    rust.decoder = decoders.ByteLevel()
    rust.add_special_tokens([AddedToken(token, normalized=False) for token in SPECIAL_TOKENS])
    PreTrainedTokenizerFast(
        tokenizer_object=rust, eos_token=END_OF_TEXT, unk_token=END_OF_TEXT
    ).save_pretrained(folder)
    return folder


def _byte_characters() -> list[str]:
    """How GPT-2's byte-level vocabularies write each byte: printable ones as they are, the others
    as the characters from U+0100 on (openai/gpt-2:src/encoder.py, `bytes_to_unicode`)."""
    printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = iter(range(256, 512))
    return [chr(byte if byte in printable else next(others)) for byte in range(NUM_BYTES)]
