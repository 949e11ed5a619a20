"""The embedded model's file made into two ordinary checkpoints: a program of its own.

    python -m model.loading.convert MODEL.gguf ADAPTER_FOLDER OUTPUT_FOLDER

It runs apart from the server because it needs memory once (1.6 GB) and because transformers, while
it reads a GGUF, sets the default dtype of the whole process. On standard output it writes one JSON
object per step, {"stage": str, "fraction": float}; everything else goes to standard error.
"""

from __future__ import annotations

import copy
import json
import os
import signal
import sys
from pathlib import Path

import torch
from peft import PeftModel
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    GenerationConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging as transformers_logging

END_OF_TEXT = "<|endoftext|>"

# The rows that the adapter was trained on: each new token starts as a copy of an old one's.
# The order gives the ids.
INFILL_TOKENS = {
    "<fim_prefix>": "<jupyter_start>",
    "<fim_middle>": "<jupyter_output>",
    "<fim_suffix>": "<jupyter_code>",
    "<fim_pad>": "<empty_output>",
}


def convert(gguf: Path, adapter: Path, output: Path) -> None:
    """Write `output/chat`, the untouched model, and `output/base`, with the adapter merged.

    Weights are computed in float32 and stored in float16: half the disk, and no measurable
    change to what 4-bit weights say.
    """
    _show("reading the tokenizer", 0.0)
    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    _show("reading the weights", 0.25)
    model = _read_gguf(gguf)
    _show("writing the chat model", 0.7)
    _save(model, tokenizer, output / "chat")
    _show("teaching the base model to fill in the middle", 0.8)
    add_infill_tokens(model, tokenizer)
    merged = PeftModel.from_pretrained(model, adapter).merge_and_unload()
    _show("writing the base model", 0.9)
    # A base model ends its text, not a turn, and has no turns.
    tokenizer.eos_token = END_OF_TEXT
    tokenizer.pad_token = END_OF_TEXT
    tokenizer.chat_template = None
    _save(merged, tokenizer, output / "base")


def add_infill_tokens(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    """Add the four infill tokens as special tokens, with the rows the adapter was trained on."""
    tokenizer.add_special_tokens({"extra_special_tokens": list(INFILL_TOKENS)})
    model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    rows = model.get_input_embeddings().weight.data  # tied: the output matrix is the same one
    new = tokenizer.convert_tokens_to_ids(list(INFILL_TOKENS))
    old = tokenizer.convert_tokens_to_ids(list(INFILL_TOKENS.values()))
    rows[new] = rows[old]


def _read_gguf(gguf: Path) -> PreTrainedModel:
    """The dequantised weights in a model that may be saved.

    transformers refuses to save what it read from a GGUF, so they move to a fresh model.
    """
    source = AutoModelForCausalLM.from_pretrained(
        gguf.parent, gguf_file=gguf.name, dtype=torch.float32
    )
    config = source.config
    del config.quantization_config
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    model.load_state_dict(source.state_dict(), assign=True)
    model.tie_weights()
    return model


def _save(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    model.config.bos_token_id = tokenizer.bos_token_id
    model.config.eos_token_id = tokenizer.eos_token_id
    model.config.pad_token_id = tokenizer.pad_token_id
    model.generation_config = GenerationConfig.from_model_config(model.config)
    copy.deepcopy(model).to(torch.float16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _show(stage: str, fraction: float) -> None:
    sys.stdout.write(json.dumps({"stage": stage, "fraction": fraction}) + "\n")
    sys.stdout.flush()


def main() -> None:
    # Ctrl-C reaches the server, which says what happened; a traceback of ours would only distract.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()
    torch.set_num_threads(os.cpu_count() or 1)
    convert(*(Path(argument) for argument in sys.argv[1:4]))


if __name__ == "__main__":
    main()
