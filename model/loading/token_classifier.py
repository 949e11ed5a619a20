"""Checkpoints that give each token of a text a label: an encoder with a linear layer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoModelForTokenClassification,
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedModel,
)
from transformers.utils import logging as transformers_logging

from model.errors import CheckpointError, LoadMemoryError, ModelLoadError
from model.loading.checkpoint import is_memory_error
from model.loading.checkpoint_files import read_shapes

CHOOSE_OTHER = "Choose the folder or the repository of a token classifier such as StarPII."
FETCH_AGAIN = "Fetch the checkpoint again."


class TokenClassifier:
    """A model with its tokenizer. Use it on one thread.

    Attributes:
        labels: by id, as the checkpoint's config names them.
        window: the most tokens that it reads at once, those that frame a text not counted in.
    """

    def __init__(self, model: PreTrainedModel, tokenizer: Any) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._before = [tokenizer.cls_token_id] if tokenizer.cls_token_id is not None else []
        self._after = [tokenizer.sep_token_id] if tokenizer.sep_token_id is not None else []
        count = model.config.num_labels
        self.labels = [str(model.config.id2label[number]) for number in range(count)]
        longest = getattr(model.config, "max_position_embeddings", None) or 512
        # Where a tokenizer does not say, it says 10^30.
        longest = min(longest, tokenizer.model_max_length)
        self.window = longest - len(self._before) - len(self._after)

    def tokenize(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        """The ids of `text` and each token's characters there; a special token's spelling in
        it is ordinary text."""
        encoded = self._tokenizer(
            text,
            add_special_tokens=False,
            return_attention_mask=False,
            return_token_type_ids=False,
            return_offsets_mapping=True,
            truncation=False,
            verbose=False,
        )
        return encoded["input_ids"], encoded["offset_mapping"]

    @torch.inference_mode()
    def classify(self, windows: Sequence[Sequence[int]]) -> list[list[tuple[int, float]]]:
        """For each token the likeliest label's id and its probability.

        Args:
            windows: token ids, all of the same length, at most `window`.
        """
        ids = [[*self._before, *window, *self._after] for window in windows]
        batch = torch.tensor(ids, device=self._model.device)
        logits = self._model(input_ids=batch, attention_mask=torch.ones_like(batch)).logits
        best = logits.float().softmax(-1).max(-1)
        inner = slice(len(self._before), batch.shape[1] - len(self._after))
        labels, probabilities = best.indices[:, inner].tolist(), best.values[:, inner].tolist()
        return [list(zip(*row, strict=True)) for row in zip(labels, probabilities, strict=True)]


def load_token_classifier(folder: Path, device: str = "cpu") -> TokenClassifier:
    """The safetensors checkpoint in `folder`, in float32. No code from there is run.

    Args:
        device: "cpu", "cuda" or "cuda:1"; "auto" is a GPU where there is one.

    Raises:
        CheckpointError: there is none, it is damaged, or it is another kind of model.
        LoadMemoryError: it does not fit.
        ModelLoadError: there is no such device.
    """
    config = _read_config(folder)
    read_shapes(folder)  # tells what is missing or cut off; transformers raises all sorts
    place = _choose_place(device)
    tokenizer = _read_tokenizer(folder)
    if len(tokenizer) > config.vocab_size:
        raise CheckpointError(
            f"The tokenizer in {folder} has {len(tokenizer):,} tokens, and the model knows "
            f"{config.vocab_size:,}.",
            "Files of two checkpoints may be mixed. " + FETCH_AGAIN,
        )
    model = _read_model(folder, config)
    try:
        return TokenClassifier(model.to(place), tokenizer)
    except RuntimeError as error:
        if is_memory_error(error):
            raise LoadMemoryError(
                f"{device} has too little memory for the model in {folder}.",
                "Use the CPU, or close what else uses the memory.",
            ) from error
        raise ModelLoadError(
            f"The model cannot be brought to {device}.", "Check the device's number, or use cpu."
        ) from error


def _choose_place(device: str) -> torch.device:
    if re.fullmatch(r"cpu|auto|cuda(:\d+)?", device) is None:
        raise ModelLoadError(f"There is no device {device!r}.", "Say cpu, cuda or cuda:1.")
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device != "cpu" and not torch.cuda.is_available():
        raise ModelLoadError("No CUDA device is available.", "Use the CPU, or check the driver.")
    return torch.device(device)


def _read_config(folder: Path) -> PreTrainedConfig:
    if not (folder / "config.json").is_file():
        raise CheckpointError(
            f"The folder {folder} is no checkpoint: it holds no config.json.", CHOOSE_OTHER
        )
    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    except Exception as error:
        # As for other checkpoints: a type unknown to transformers, or values that it refuses.
        raise CheckpointError(
            f"The config.json in {folder} cannot be used ({type(error).__name__}).", CHOOSE_OTHER
        ) from error
    names = config.architectures or []
    is_known = type(config) in AutoModelForTokenClassification._model_mapping
    if not is_known or not any(name.endswith("ForTokenClassification") for name in names):
        what = names[0] if names else f"a model of type {config.model_type!r}"
        raise CheckpointError(
            f"The checkpoint in {folder} is {what}, which does not label tokens.", CHOOSE_OTHER
        )
    return config


def _read_tokenizer(folder: Path) -> Any:
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False, split_special_tokens=True
        )
    except Exception as error:
        # A damaged file shows as almost anything: the Rust side raises bare `Exception`.
        raise CheckpointError(
            f"The tokenizer in {folder} cannot be read ({type(error).__name__}).", FETCH_AGAIN
        ) from error
    if not tokenizer.is_fast:
        raise CheckpointError(
            f"The tokenizer in {folder} does not tell where its tokens stand in a text.",
            "It needs a tokenizer.json.",
        )
    return tokenizer


def _read_model(folder: Path, config: PreTrainedConfig) -> PreTrainedModel:
    transformers_logging.disable_progress_bar()  # stages are reported by the caller
    try:
        model, info = AutoModelForTokenClassification.from_pretrained(
            folder,
            config=config,
            dtype=torch.float32,
            trust_remote_code=False,
            use_safetensors=True,
            local_files_only=True,
            output_loading_info=True,
        )
    except Exception as error:
        if is_memory_error(error):
            raise LoadMemoryError(
                f"This machine has too little memory for the model in {folder}.",
                "Close what else uses the memory.",
            ) from error
        raise CheckpointError(
            f"The folder {folder} holds no model that can be loaded ({type(error).__name__}).",
            "A file may be damaged. " + FETCH_AGAIN,
        ) from error
    if info["missing_keys"]:
        raise CheckpointError(
            f"The weights in {folder} lack {len(info['missing_keys'])} of the model's tensors, "
            f"{min(info['missing_keys'])} among them.",
            FETCH_AGAIN,
        )
    return model.eval()
