"""The names under which clients may ask for a model that is here."""

from __future__ import annotations

from model.presets import ModelPreset


def names_of(preset: ModelPreset) -> frozenset[str]:
    """A preset's name, its repository and that without its owner, in lower case."""
    repo_id = (preset.repo_id or "").casefold()
    return frozenset({preset.name.casefold(), repo_id, repo_id.rpartition("/")[2]} - {""})


def plain_name(name: str) -> str:
    """`name` as `names_of` writes it: Ollama's tags are part of our names ("starcoder2:3b"), and
    "latest" is none."""
    return name.strip().casefold().removesuffix(":latest").replace(":", "-")
