"""The loaded models as Ollama's clients see them.

Sources: ollama/ollama, docs/api.md ("List Local Models", "Show Model Information", "List Running
Models"); continuedev/continue, core/llm/llms/Ollama.ts, which infills where a model's template
speaks of `.Suffix` and reads `num_ctx` from its parameters.
"""

from __future__ import annotations

import hashlib
from typing import Any

from model.errors import PlaygroundError
from model.prompts.dialogue import Dialogue, Message
from model.prompts.infill import InfillFormat
from model.prompts.segments import render
from model.served import ServedModel

# "For ever", as Ollama writes it where a model is never unloaded.
NEVER = "2318-01-01T00:00:00Z"

# What Ollama calls the architectures.
_ARCHITECTURES = {"gpt_bigcode": "starcoder", "starcoder2": "starcoder2", "llama": "llama"}


def name_of(model: ServedModel) -> str:
    """Its name with the tag that Ollama's clients expect."""
    return f"{model.id}:latest"


def tag_body(model: ServedModel, since: str) -> dict[str, Any]:
    """An entry of `GET /api/tags`. `size` is 0 where it is not known."""
    return _entry(model) | {"modified_at": since}


def process_body(model: ServedModel) -> dict[str, Any]:
    """An entry of `GET /api/ps`."""
    resident = model.resident
    is_on_gpu = resident is not None and resident.device.startswith("cuda")
    size = _size(model)
    return _entry(model) | {"expires_at": NEVER, "size_vram": size if is_on_gpu else 0}


def show_body(model: ServedModel, since: str) -> dict[str, Any]:
    """The answer of `POST /api/show`."""
    preset = model.preset
    length = model.context_length or 0
    architecture = _architecture(model)
    dialect, dialogue = model.infill, model.dialogue
    return {
        "license": f"{preset.license.name}\n{preset.license.url}" if preset.license else "",
        "modelfile": f"# {preset.title}\nFROM {name_of(model)}\n",
        "parameters": f"num_ctx {length}" if length else "",
        "template": _template(dialect, dialogue),
        "details": _details(model),
        "model_info": {
            "general.architecture": architecture,
            "general.basename": preset.title,
            f"{architecture}.context_length": length,
        },
        "capabilities": ["completion", *(["insert"] if dialect else [])],
        "modified_at": since,
    }


def _entry(model: ServedModel) -> dict[str, Any]:
    preset = model.preset
    identity = f"{model.id}@{preset.revision or 'newest'}"
    return {
        "name": name_of(model),
        "model": name_of(model),
        "size": _size(model),
        # Of the name, not of the weights: clients only tell entries apart by it.
        "digest": hashlib.sha256(identity.encode()).hexdigest(),
        "details": _details(model),
    }


def _details(model: ServedModel) -> dict[str, Any]:
    return {
        "parent_model": "",
        "format": "safetensors",
        "family": _architecture(model),
        "families": [_architecture(model)],
        "parameter_size": model.preset.parameters,
        "quantization_level": model.resident.precision if model.resident else "",
    }


def _size(model: ServedModel) -> int:
    return (model.resident.footprint if model.resident else None) or 0


def _architecture(model: ServedModel) -> str:
    shape = model.preset.shape
    return _ARCHITECTURES[shape.architecture] if shape else "unknown"


def _template(dialect: InfillFormat | None, dialogue: Dialogue | None) -> str:
    """In Ollama's language, for people, and for clients that look for a word in it."""
    plain = _dialogue_template(dialogue) if dialogue else "{{ .Prompt }}"
    if dialect is None:
        return plain
    infill = f"{dialect.prefix}{{{{ .Prompt }}}}{dialect.suffix}{{{{ .Suffix }}}}{dialect.middle}"
    return f"{{{{- if .Suffix }}}}{infill}{{{{- else }}}}{plain}{{{{- end }}}}"


def _dialogue_template(dialogue: Dialogue) -> str:
    question = (Message("user", "{{ .Prompt }}"),)
    for system in ("{{ .System }}", ""):
        try:
            return render(dialogue.build(system, question))
        except PlaygroundError:  # a format without a place for a system prompt
            continue
    return "{{ .Prompt }}"
