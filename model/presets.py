"""The checkpoints we know by name: one row each. Facts from the model cards."""

from __future__ import annotations

from dataclasses import dataclass

APACHE_2 = ("Apache-2.0", "https://www.apache.org/licenses/LICENSE-2.0")
OPENRAIL_M = (
    "BigCode OpenRAIL-M",
    "https://huggingface.co/spaces/bigcode/bigcode-model-license-agreement",
)


@dataclass(frozen=True, slots=True)
class ModelPreset:
    """A checkpoint and what the page says about it.

    Attributes:
        name: what `--base-model` and `--chat-model` take.
        title: the name that the page shows.
        repo_id: hub repository; None for what does not come from a hub.
        parameters: number of parameters as people say it, "15.5B".
        license: its short name; empty where unknown.
        license_url: where it can be read.
        is_stand_in: a small model that stands in for StarCoder where nothing better fits.
    """

    name: str
    title: str
    repo_id: str | None = None
    parameters: str = ""
    license: str = ""
    license_url: str = ""
    is_stand_in: bool = False


EMBEDDED_BASE = ModelPreset(
    "embedded", "SmolLM2-135M + infill adapter", None, "135M", *APACHE_2, is_stand_in=True
)
EMBEDDED_CHAT = ModelPreset(
    "embedded", "SmolLM2-135M-Instruct", None, "135M", *APACHE_2, is_stand_in=True
)


def _bigcode(name: str, title: str, parameters: str) -> ModelPreset:
    return ModelPreset(name, title, f"bigcode/{name}", parameters, *OPENRAIL_M)


def _starchat(name: str, title: str, parameters: str) -> ModelPreset:
    return ModelPreset(name, title, f"HuggingFaceH4/{name}", parameters, *OPENRAIL_M)


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
