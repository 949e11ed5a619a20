"""Tiny random checkpoints of the families we serve, written as real ones are: config, safetensors
weights and a tokenizer that `AutoTokenizer` loads.

A token is a byte, or one of the family's special tokens, so tests can count in characters.
Weights are seeded; those of printable characters are larger, so greedy text can be read and does
not end at once.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    GPTBigCodeConfig,
    GPTBigCodeForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Starcoder2Config,
    Starcoder2ForCausalLM,
)

END_OF_TEXT = "<|endoftext|>"

STARCODER_TOKENS = (
    END_OF_TEXT,
    *("<fim_prefix>", "<fim_middle>", "<fim_suffix>", "<fim_pad>"),
    *("<filename>", "<gh_stars>", "<issue_start>", "<issue_comment>", "<issue_closed>"),
    *("<jupyter_start>", "<jupyter_text>", "<jupyter_code>", "<jupyter_output>"),
    *("<empty_output>", "<commit_before>", "<commit_msg>", "<commit_after>", "<reponame>"),
)
STARCODER2_TOKENS = (
    END_OF_TEXT,
    *("<fim_prefix>", "<fim_middle>", "<fim_suffix>", "<fim_pad>", "<repo_name>", "<file_sep>"),
    *("<issue_start>", "<issue_comment>", "<issue_closed>", "<jupyter_start>", "<jupyter_text>"),
    *("<jupyter_code>", "<jupyter_output>", "<jupyter_script>", "<empty_output>"),
    *("<code_to_intermediate>", "<intermediate_to_code>", "<pr>", "<pr_status>"),
    *("<pr_is_merged>", "<pr_base>"),
)
SANTACODER_TOKENS = (END_OF_TEXT, "<fim-prefix>", "<fim-middle>", "<fim-suffix>", "<fim-pad>")
SMOLLM2_TOKENS = (
    *(END_OF_TEXT, "<|im_start|>", "<|im_end|>", "<repo_name>", "<reponame>", "<file_sep>"),
    *("<filename>", "<gh_stars>", "<issue_start>", "<issue_comment>", "<issue_closed>"),
    *("<jupyter_start>", "<jupyter_text>", "<jupyter_code>", "<jupyter_output>"),
    *("<jupyter_script>", "<empty_output>"),
)
STARCHAT_ADDED_TOKENS = ("<|system|>", "<|user|>", "<|assistant|>", "<|end|>")
CHATML_ADDED_TOKENS = ("<|im_start|>", "<|im_end|>")
INFILL_ADDED_TOKENS = ("<fim_prefix>", "<fim_middle>", "<fim_suffix>", "<fim_pad>")

HIDDEN_SIZE = 32
NUM_LAYERS = 2
NUM_HEADS = 4
INIT_STD = 0.4
PRINTABLE_GAIN = 4.0


def write_gpt_bigcode(
    folder: Path,
    *,
    n_positions: int = 8192,
    multi_query: bool = True,
    num_layers: int = NUM_LAYERS,
    tokens: Sequence[str] = STARCODER_TOKENS,
    added_tokens: Sequence[str] = (),
    seed: int = 0,
) -> Path:
    """StarCoder 1. Learned positions: one token past `n_positions` is an IndexError.

    With many layers it is slow, and as small.
    """
    tokenizer = write_tokenizer(folder, tokens, added_tokens)
    config = GPTBigCodeConfig(
        vocab_size=len(tokenizer),
        n_positions=n_positions,
        n_embd=HIDDEN_SIZE,
        n_layer=num_layers,
        n_head=NUM_HEADS,
        n_inner=2 * HIDDEN_SIZE,
        multi_query=multi_query,
        **_shared_settings(tokenizer),
    )
    return _write_model(folder, tokenizer, lambda: GPTBigCodeForCausalLM(config), seed)


def write_santacoder(folder: Path, *, n_positions: int = 2048) -> Path:
    """SantaCoder: the same architecture, hyphens in its infill tokens."""
    return write_gpt_bigcode(folder, n_positions=n_positions, tokens=SANTACODER_TOKENS)


def write_starchat(folder: Path, *, n_positions: int = 8192) -> Path:
    """StarChat alpha and beta: StarCoder with four dialogue tokens behind its vocabulary.

    As in the real one, the configured end token stays `<|endoftext|>`, not `<|end|>`.
    """
    return write_gpt_bigcode(folder, n_positions=n_positions, added_tokens=STARCHAT_ADDED_TOKENS)


def write_starcoder2(
    folder: Path,
    *,
    max_position_embeddings: int = 16384,
    sliding_window: int | None = 4096,
    tokens: Sequence[str] = STARCODER2_TOKENS,
    added_tokens: Sequence[str] = (),
    seed: int = 0,
) -> Path:
    """StarCoder 2: rotary positions, grouped keys and a sliding attention window."""
    tokenizer = write_tokenizer(folder, tokens, added_tokens)
    config = Starcoder2Config(
        vocab_size=len(tokenizer),
        hidden_size=HIDDEN_SIZE,
        intermediate_size=2 * HIDDEN_SIZE,
        num_hidden_layers=NUM_LAYERS,
        num_attention_heads=NUM_HEADS,
        num_key_value_heads=NUM_HEADS // 2,
        max_position_embeddings=max_position_embeddings,
        sliding_window=sliding_window,
        **_shared_settings(tokenizer),
    )
    return _write_model(folder, tokenizer, lambda: Starcoder2ForCausalLM(config), seed)


def write_starchat2(folder: Path) -> Path:
    """StarChat2: StarCoder 2 with the two ChatML tokens."""
    return write_starcoder2(folder, added_tokens=CHATML_ADDED_TOKENS)


def write_llama(
    folder: Path,
    *,
    max_position_embeddings: int = 8192,
    tokens: Sequence[str] = SMOLLM2_TOKENS,
    added_tokens: Sequence[str] = (),
    eos_token: str = "<|im_end|>",
    seed: int = 0,
) -> Path:
    """Llama with SmolLM2's special tokens: the embedded chat model."""
    tokenizer = write_tokenizer(folder, tokens, added_tokens, eos_token=eos_token)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=HIDDEN_SIZE,
        intermediate_size=2 * HIDDEN_SIZE,
        num_hidden_layers=NUM_LAYERS,
        num_attention_heads=NUM_HEADS,
        num_key_value_heads=NUM_HEADS // 2,
        max_position_embeddings=max_position_embeddings,
        **_shared_settings(tokenizer),
    )
    return _write_model(folder, tokenizer, lambda: LlamaForCausalLM(config), seed)


def write_embedded_base(folder: Path) -> Path:
    """The embedded base model: SmolLM2 with the adapter's four infill tokens."""
    return write_llama(folder, added_tokens=INFILL_ADDED_TOKENS, eos_token=END_OF_TEXT)


def write_tokenizer(
    folder: Path,
    tokens: Sequence[str],
    added_tokens: Sequence[str] = (),
    *,
    eos_token: str = END_OF_TEXT,
    is_added_special: bool = True,
) -> PreTrainedTokenizerFast:
    """A byte-level tokenizer: `tokens` from id 0, then the 256 bytes, then `added_tokens`.

    `is_added_special=False` adds the latter as careless conversions do: matched in text, but
    not flagged special.
    """
    spellings = [*tokens, *sorted(pre_tokenizers.ByteLevel.alphabet())]
    rust = Tokenizer(models.BPE(vocab={text: id_ for id_, text in enumerate(spellings)}, merges=[]))
    rust.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    rust.decoder = decoders.ByteLevel()
    rust.add_special_tokens([AddedToken(token, normalized=False) for token in tokens])
    added = [
        AddedToken(token, normalized=False, special=is_added_special) for token in added_tokens
    ]
    if is_added_special:
        rust.add_special_tokens(added)
    else:
        rust.add_tokens(added)
    # No pad token: the real ones have none either.
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=rust, bos_token=END_OF_TEXT, eos_token=eos_token, unk_token=END_OF_TEXT
    )
    tokenizer.save_pretrained(folder)
    return tokenizer


def _shared_settings(tokenizer: PreTrainedTokenizerFast) -> dict[str, Any]:
    return {
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "initializer_range": INIT_STD,
        # The real ones are tied. Random and tied, a model repeats its last token for ever.
        "tie_word_embeddings": False,
    }


def _write_model(
    folder: Path,
    tokenizer: PreTrainedTokenizerFast,
    build: Callable[[], PreTrainedModel],
    seed: int,
) -> Path:
    with _seeded(seed):
        model = build()
    printable = tokenizer.convert_tokens_to_ids(
        list(string.ascii_letters + string.digits + "()=:_.,Ċ")
    )
    with torch.no_grad():
        model.get_output_embeddings().weight[printable] *= PRINTABLE_GAIN
    model.save_pretrained(folder)
    return folder


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Torch's global generator, seeded for the block only."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
