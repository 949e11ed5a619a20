"""The checkpoints we know by name: one row each. Facts from the model cards and their configs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from model.licenses import APACHE_2, CODEML_OPENRAIL_M, OPENRAIL_M, License
from model.prompts.segments import END_OF_TEXT
from model.sampling import SamplingParams

Architecture = Literal["gpt_bigcode", "starcoder2", "llama"]


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
        name: what `--base-model` and `--chat-model` take; short, in lower case.
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


def _smollm2(vocab_size: int) -> ModelShape:
    return ModelShape("llama", 30, 576, 1536, 9, 3, vocab_size, 8192)


# The embedded model's infill adapter adds four tokens to the vocabulary.
EMBEDDED_BASE = ModelPreset(
    "embedded",
    "SmolLM2-135M + infill adapter",
    family="SmolLM2",
    parameters="135M",
    shape=_smollm2(49_156),
    infill="SmolLM2",
    stop_tokens=(END_OF_TEXT, "<file_sep>"),
    license=APACHE_2,
    is_stand_in=True,
)
EMBEDDED_CHAT = ModelPreset(
    "embedded",
    "SmolLM2-135M-Instruct",
    family="SmolLM2",
    parameters="135M",
    shape=_smollm2(49_152),
    dialogue="SmolLM2",
    stop_tokens=("<|im_end|>", END_OF_TEXT),
    # huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct: its card's example.
    sampling=SamplingParams(temperature=0.2, top_p=0.9),
    license=APACHE_2,
    is_stand_in=True,
)

# bigcode-project/starcoder, `chat/generate.py`.
_STARCHAT_SAMPLING = SamplingParams(
    temperature=0.2, top_k=50, top_p=0.95, repetition_penalty=1.2, max_new_tokens=256
)
_STARCHAT2_SAMPLING = SamplingParams(temperature=0.7, top_k=50, top_p=0.95, max_new_tokens=512)
# The card decodes greedily.
_INSTRUCT_SAMPLING = SamplingParams(temperature=0, max_new_tokens=512)


def _gpt_bigcode(
    num_layers: int,
    hidden_size: int,
    num_heads: int,
    vocab_size: int = 49_152,
    context_length: int = 8192,
) -> ModelShape:
    """Multi-query attention, one head of keys and values; the inner layer is four times as wide."""
    return ModelShape(
        *("gpt_bigcode", num_layers, hidden_size, 4 * hidden_size, num_heads, 1),
        vocab_size=vocab_size,
        context_length=context_length,
    )


def _starcoder2(
    num_layers: int,
    hidden_size: int,
    num_heads: int,
    num_kv_heads: int,
    *,
    vocab_size: int = 49_152,
    is_tied: bool = True,
) -> ModelShape:
    return ModelShape(
        *("starcoder2", num_layers, hidden_size, 4 * hidden_size, num_heads, num_kv_heads),
        vocab_size=vocab_size,
        context_length=16_384,
        sliding_window=4096,
        is_tied=is_tied,
    )


def _base(
    name: str,
    title: str,
    parameters: str,
    shape: ModelShape,
    *,
    family: str = "StarCoder",
    is_gated: bool = True,
    revision: str | None = None,
) -> ModelPreset:
    """A base model of BigCode's. The cards name no sampling."""
    stop_tokens = (END_OF_TEXT, "<file_sep>") if family == "StarCoder 2" else (END_OF_TEXT,)
    return ModelPreset(
        name,
        title,
        f"bigcode/{name}",
        revision,
        family=family,
        parameters=parameters,
        shape=shape,
        infill=family,
        stop_tokens=stop_tokens,
        license=OPENRAIL_M,
        is_gated=is_gated,
    )


def _starcoder2_base(
    name: str, title: str, parameters: str, shape: ModelShape, revision: str | None
) -> ModelPreset:
    return _base(
        *(name, title, parameters, shape),
        family="StarCoder 2",
        is_gated=False,
        revision=revision,
    )


def _starchat(name: str, title: str, revision: str | None) -> ModelPreset:
    """Alpha and beta: StarCoder with four tokens more. They kept its infill tokens, but were not
    tuned to use them."""
    return ModelPreset(
        name,
        title,
        f"HuggingFaceH4/{name}",
        revision,
        family="StarChat",
        parameters="15.5B",
        shape=_gpt_bigcode(40, 6144, 48, vocab_size=49_156),
        infill="StarCoder",
        dialogue="StarChat",
        stop_tokens=("<|end|>", END_OF_TEXT),
        sampling=_STARCHAT_SAMPLING,
        license=OPENRAIL_M,
    )


_STARCODER_15B = _gpt_bigcode(40, 6144, 48)
_STARCODER2_15B = _starcoder2(40, 6144, 48, 4, is_tied=False)

# Shapes are those of each repository's config.json. A revision stands where one is published of
# which safetensors are known, or nothing else was ever uploaded; the others are the newest.
HUB_PRESETS: tuple[ModelPreset, ...] = (
    _base("starcoder", "StarCoder", "15.5B", _STARCODER_15B),
    _base("starcoderbase", "StarCoderBase", "15.5B", _STARCODER_15B),
    _base("starcoderbase-7b", "StarCoderBase-7B", "7.3B", _gpt_bigcode(42, 4096, 32)),
    _base("starcoderbase-3b", "StarCoderBase-3B", "3.0B", _gpt_bigcode(36, 2816, 22)),
    _base(
        *("starcoderbase-1b", "StarCoderBase-1B", "1.14B", _gpt_bigcode(24, 2048, 16)),
        revision="182f0165fdf8da9c9935901eec65c94337f01c11",
    ),
    _base("starcoderplus", "StarCoderPlus", "15.5B", _STARCODER_15B),
    _base(
        *("tiny_starcoder_py", "TinyStarCoderPy", "164M", _gpt_bigcode(20, 768, 12)),
        is_gated=False,
    ),
    _starcoder2_base(
        *("starcoder2-15b", "StarCoder2-15B", "16.0B", _STARCODER2_15B),
        revision="46d44742909c03ac8cee08eb03fdebce02e193ec",
    ),
    _starcoder2_base(
        *("starcoder2-7b", "StarCoder2-7B", "7.2B", _starcoder2(32, 4608, 36, 4)),
        revision=None,
    ),
    _starcoder2_base(
        *("starcoder2-3b", "StarCoder2-3B", "3.0B", _starcoder2(30, 3072, 24, 2)),
        revision="733247c55e3f73af49ce8e9c7949bf14af205928",
    ),
    ModelPreset(
        "starcoder2-15b-instruct",
        "StarCoder2-15B-Instruct",
        "bigcode/starcoder2-15b-instruct-v0.1",
        "e9e69214757203f9a036831ff8dd3576194237bf",
        family="StarCoder 2",
        parameters="16.0B",
        shape=_STARCODER2_15B,
        infill="StarCoder 2",
        dialogue="StarCoder2 Instruct",
        stop_tokens=(END_OF_TEXT, "<file_sep>"),
        sampling=_INSTRUCT_SAMPLING,
        license=OPENRAIL_M,
    ),
    ModelPreset(
        "santacoder",
        "SantaCoder",
        "bigcode/gpt_bigcode-santacoder",
        "291931872cae83498cf984b16319f47f5e9e7a07",
        family="SantaCoder",
        parameters="1.1B",
        shape=_gpt_bigcode(24, 2048, 16, vocab_size=49_280, context_length=2048),
        infill="SantaCoder",
        stop_tokens=(END_OF_TEXT,),
        license=CODEML_OPENRAIL_M,
    ),
    _starchat("starchat-alpha", "StarChat Alpha", None),
    _starchat("starchat-beta", "StarChat Beta", "b1bcda690655777373f57ea6614eb095ec2c886f"),
    ModelPreset(
        "starchat2-15b",
        "StarChat2-15B",
        "HuggingFaceH4/starchat2-15b-v0.1",
        "837a7b6ac3df5f91de138e3592258f93c80d93d3",
        family="StarChat 2",
        parameters="16.0B",
        shape=_starcoder2(40, 6144, 48, 4, vocab_size=49_154, is_tied=False),
        infill="StarCoder 2",
        dialogue="StarChat2",
        stop_tokens=("<|im_end|>", END_OF_TEXT),
        sampling=_STARCHAT2_SAMPLING,
        license=OPENRAIL_M,
    ),
)


def find_hub_preset(name: str) -> ModelPreset | None:
    """The row whose name or repository is `name`, in whatever case; the repository's own name
    without its owner does as well."""
    wanted = name.casefold()
    return next((row for row in HUB_PRESETS if wanted in _names(row)), None)


def _names(row: ModelPreset) -> tuple[str, ...]:
    repo_id = (row.repo_id or "").casefold()
    return row.name, repo_id, repo_id.rpartition("/")[2]
