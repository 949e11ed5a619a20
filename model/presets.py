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
