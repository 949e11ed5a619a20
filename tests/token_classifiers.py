"""Tiny token classifiers with the head of StarPII: random ones, and one whose labels are known.

A token is a byte, so tests can count in characters.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from transformers import BertConfig, BertForTokenClassification

from tests.checkpoints import write_tokenizer

TOKENS = ("<|endoftext|>", "<cls>", "<sep>", "<pad>")
KINDS = ("NAME", "EMAIL", "EMAIL_EXAMPLE", "USERNAME", "KEY", "IP_ADDRESS", "PASSWORD", "AMBIGUOUS")
LABELS = ("O", *(f"{place}-{kind}" for kind in KINDS for place in "BI"))
# Far from the rest, so that the label is all but certain.
MARGIN = 40.0


def write_random(
    folder: Path, *, labels: Sequence[str] = LABELS, positions: int = 1024, seed: int = 0
) -> Path:
    """An encoder of two layers, and labels that follow from nothing."""
    model, _ = _build(folder, labels, positions, hidden=32, seed=seed)
    model.save_pretrained(folder)
    return folder


def write_rigged(
    folder: Path,
    label_of: Mapping[str, str],
    *,
    labels: Sequence[str] = LABELS,
    positions: int = 1024,
) -> Path:
    """The label of a token follows from its byte alone: "O" where `label_of` has none.

    Each byte's embedding is one direction, what attention and the dense layers add is 0, and
    the classifier tells the directions apart. What a token's position adds is 0, too.
    """
    characters = list(label_of)
    hidden = 32
    model, ids = _build(folder, labels, positions, hidden=hidden, seed=0)
    with torch.no_grad():
        for name, weights in model.named_parameters():
            weights.fill_(1.0 if "LayerNorm.weight" in name else 0.0)
        words = model.bert.embeddings.word_embeddings.weight
        words[:, 0] = 1.0  # all other tokens point there
        for direction, character in enumerate(characters, start=1):
            words[ids[character]] = 0.0
            words[ids[character], direction] = 1.0
            model.classifier.weight[labels.index(label_of[character]), direction] = MARGIN
        model.classifier.weight[labels.index("O"), 0] = MARGIN
    model.save_pretrained(folder)
    return folder


def _build(
    folder: Path, labels: Sequence[str], positions: int, *, hidden: int, seed: int
) -> tuple[BertForTokenClassification, dict[str, int]]:
    """The model, and the id of each byte in a byte-level tokenizer's spelling: a space is "Ġ"."""
    tokenizer = write_tokenizer(folder, TOKENS)
    # As BigCode's training added them.
    tokenizer.add_special_tokens({"cls_token": "<cls>", "sep_token": "<sep>", "pad_token": "<pad>"})
    tokenizer.save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=hidden,
        intermediate_size=2 * hidden,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=positions,
        id2label=dict(enumerate(labels)),
        label2id={label: number for number, label in enumerate(labels)},
        initializer_range=0.4,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = BertForTokenClassification(config)
    return model, tokenizer.get_vocab()


def change_config(folder: Path, **values: object) -> None:
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | values))
