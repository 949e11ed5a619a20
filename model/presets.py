"""The checkpoints we know by name: one row each. Facts from the model cards and their configs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from model.sampling import SamplingParams

Architecture = Literal["gpt_bigcode", "starcoder2", "llama"]


@dataclass(frozen=True, slots=True)
class License:
    """A licence's short name and where it can be read.

    `restricts_use`: it forbids some uses, and whoever serves the model must pass that on.
    """

    name: str
    url: str
    restricts_use: bool = False


APACHE_2 = License("Apache-2.0", "https://www.apache.org/licenses/LICENSE-2.0")
OPENRAIL_M = License(
    "BigCode OpenRAIL-M",
    "https://huggingface.co/spaces/bigcode/bigcode-model-license-agreement",
    restricts_use=True,
)


@dataclass(frozen=True, slots=True)
class ModelShape:
    """What a checkpoint's config says, as far as memory depends on it.

    Attributes:
        num_heads, num_kv_heads: attention heads, and those of keys and values: 1 is multi-query
            attention, fewer than `num_heads` grouped-query attention.
        context_length: positions, prompt and completion together.
        sliding_window: positions that a layer looks back on; None where it sees all.
        is_tied: the output matrix is the embedding.
    """

    architecture: Architecture
    num_layers: int
    hidden_size: int
    intermediate_size: int
    num_heads: int
    num_kv_heads: int
    vocab_size: int
    context_length: int
    sliding_window: int | None = None
    is_tied: bool = True


@dataclass(frozen=True, slots=True)
class ModelPreset:
    """A checkpoint and what is known of it before any of it is here.

    For a checkpoint that is not in the table, only name and title are known; what it can do is
    read from its tokenizer and config once they are here.

    Attributes:
        name: what `--base-model` and `--chat-model` take.
        title: the name that the page shows.
        repo_id: hub repository; None for what does not come from a hub.
        revision: commit to fetch; None is the newest.
        family: "StarCoder", "StarCoder 2", "SantaCoder", "StarChat", "StarChat 2", "SmolLM2".
        parameters: number of parameters as people say it, "15.5B".
        shape: for the memory plan; None where only the config tells.
        infill: name of the infill dialect (`model.prompts.infill`); None without one.
        dialogue: name of the dialogue format (`model.prompts.dialogue`); None without one.
        stop_tokens: special tokens that end its text.
        sampling: the card's recommended settings; None where it names none.
        license: None where unknown.
        is_gated: the hub asks who fetches it to accept the licence first.
        is_stand_in: a small model that stands in for StarCoder where nothing better fits.
    """

    name: str
    title: str
    repo_id: str | None = None
    revision: str | None = None
    family: str = ""
    parameters: str = ""
    shape: ModelShape | None = None
    infill: str | None = None
    dialogue: str | None = None
    stop_tokens: tuple[str, ...] = ()
    sampling: SamplingParams | None = None
    license: License | None = None
    is_gated: bool = False
    is_stand_in: bool = False


EMBEDDED_BASE = ModelPreset(
    "embedded",
    "SmolLM2-135M + infill adapter",
    family="SmolLM2",
    parameters="135M",
    license=APACHE_2,
    is_stand_in=True,
)
EMBEDDED_CHAT = ModelPreset(
    "embedded",
    "SmolLM2-135M-Instruct",
    family="SmolLM2",
    parameters="135M",
    license=APACHE_2,
    is_stand_in=True,
)


def _bigcode(name: str, title: str, parameters: str) -> ModelPreset:
    return ModelPreset(name, title, f"bigcode/{name}", parameters=parameters, license=OPENRAIL_M)


def _starchat(name: str, title: str, parameters: str) -> ModelPreset:
    return ModelPreset(
        name, title, f"HuggingFaceH4/{name}", parameters=parameters, license=OPENRAIL_M
    )


HUB_PRESETS: tuple[ModelPreset, ...] = (
    _bigcode("starcoder", "StarCoder", "15.5B"),
    _bigcode("starcoderbase", "StarCoderBase", "15.5B"),
    _bigcode("starcoderbase-7b", "StarCoderBase-7B", "7B"),
    _bigcode("starcoderbase-3b", "StarCoderBase-3B", "3B"),
    _bigcode("starcoderbase-1b", "StarCoderBase-1B", "1B"),
    _bigcode("starcoderplus", "StarCoderPlus", "15.5B"),
    _bigcode("tiny_starcoder_py", "TinyStarCoderPy", "164M"),
    _bigcode("starcoder2-15b", "StarCoder2-15B", "15B"),
    _bigcode("starcoder2-7b", "StarCoder2-7B", "7B"),
    _bigcode("starcoder2-3b", "StarCoder2-3B", "3B"),
    _bigcode("gpt_bigcode-santacoder", "SantaCoder", "1.1B"),
    _starchat("starchat-alpha", "StarChat Alpha", "16B"),
    _starchat("starchat-beta", "StarChat Beta", "16B"),
    _starchat("starchat2-15b-v0.1", "StarChat2", "15B"),
)


def find_hub_preset(name: str) -> ModelPreset | None:
    """The row whose name or repository is `name`."""
    return next((row for row in HUB_PRESETS if name in (row.name, row.repo_id)), None)
