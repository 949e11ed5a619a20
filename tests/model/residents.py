"""Resident models without weights: a tiny family's tokenizer and what it can do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from model.engine.base import ResidentModel
from model.presets import ModelPreset
from model.prompts.dialogue import detect_dialogue
from model.prompts.infill import detect_infill
from model.tokenization import load_tokenizer
from tests import checkpoints

CONTEXT_LENGTH = 100
FAMILIES = {
    "StarCoder": checkpoints.STARCODER_TOKENS,
    "StarCoder 2": checkpoints.STARCODER2_TOKENS,
    "SmolLM2": checkpoints.SMOLLM2_TOKENS,
    "SantaCoder": checkpoints.SANTACODER_TOKENS,
}


def build_resident(
    folder: Path,
    tokens: Sequence[str],
    added_tokens: Sequence[str] = (),
    *,
    context_length: int = CONTEXT_LENGTH,
) -> ResidentModel:
    checkpoints.write_tokenizer(folder, tokens, added_tokens)
    tokenizer = load_tokenizer(folder)
    return ResidentModel(
        preset=ModelPreset("tiny", "Tiny model"),
        tokenizer=tokenizer,
        context_length=context_length,
        device="cpu",
        precision="float32",
        infill=detect_infill(tokenizer.special_id),
        dialogue=detect_dialogue(tokenizer.special_id),
        stop_token_ids=() if tokenizer.eos_token_id is None else (tokenizer.eos_token_id,),
    )


def build_families(folder: Path) -> dict[str, ResidentModel]:
    """One of each family that knows metadata, by the family's name."""
    return {family: build_resident(folder / family, tokens) for family, tokens in FAMILIES.items()}
