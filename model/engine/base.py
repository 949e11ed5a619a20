"""The seam: what tabs and routes know of an engine. They cannot tell one from another."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from model.engine.generation import Generation, GenerationRequest, Slot
from model.loading.memory_plan import MemoryPlan, Quantization, QuantizationWish
from model.presets import ModelPreset
from model.prompts.dialogue import Dialogue
from model.prompts.infill import InfillFormat
from model.tokenization import PromptTokenizer


@dataclass(frozen=True, slots=True)
class LoadProgress:
    """One step of loading a model.

    Attributes:
        stage: what is done, the same text as long as it goes on: "downloading StarCoder".
        fraction: None where no measure is known.
        detail: figures that change: "1.2 of 31.0 GB · 85 MB/s · 6 min left".
    """

    stage: str
    fraction: float | None = None
    detail: str = ""


ReportProgress = Callable[[LoadProgress], None]


@dataclass(frozen=True)
class ResidentModel:
    """A model that is loaded, as far as those who build prompts for it need to know.

    Attributes:
        context_length: tokens, prompt and completion together.
        device: as torch writes it, "cpu" or "cuda:0"; "remote:host" for a server elsewhere.
        precision: "float32", "bfloat16", "float16", "8-bit" or "4-bit"; "" where a server elsewhere
            does not tell.
        infill: the dialect its tokenizer knows, or None.
        dialogue: how its dialogues are marked up; None where it was not tuned on any.
        stop_token_ids: the ids that end its plain text.
        can_heal: the engine can make a text begin with given white space.
        footprint: bytes of its weights as they are; None where unknown.
        is_offloaded: part of the weights lies in main memory, which makes it slow.
    """

    preset: ModelPreset
    tokenizer: PromptTokenizer
    context_length: int
    device: str
    precision: str
    infill: InfillFormat | None
    dialogue: Dialogue | None
    stop_token_ids: tuple[int, ...]
    can_heal: bool = False
    footprint: int | None = None
    is_offloaded: bool = False

    @property
    def prompt_limit(self) -> int:
        """The longest prompt, in tokens: one position is the first new token's."""
        return self.context_length - 1


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an engine does exactly. A client is refused what is not here.

    `alternatives`: it tells log-probabilities and alternatives (`SamplingParams.logprobs`).
    """

    seed: bool = True
    repetition_penalty: bool = True
    min_p: bool = True
    typical_p: bool = True
    alternatives: bool = False


@dataclass(frozen=True, slots=True)
class Health:
    """`is_alive`: the thread that owns the models lives. `last_error`: how its last step failed.

    `max_waiting`: more than that are turned away.
    """

    is_alive: bool
    num_running: int
    num_waiting: int
    last_error: str | None = None
    max_waiting: int = 0


class Engine(Protocol):
    """Owns the models of both slots and runs requests on them."""

    capabilities: Capabilities

    def plan(
        self,
        slot: Slot,
        preset: ModelPreset,
        folder: Path | None,
        wish: QuantizationWish = "auto",
        *,
        without: Collection[Slot] = (),
    ) -> MemoryPlan | None:
        """What a model would need in `slot`, against what is free once the models of `without`
        have left. None where it needs nothing: it is in memory already, or takes none.

        Args:
            folder: holds its config; None to plan by `preset.shape`.
            wish: a copy that is in memory already serves only a wish that it meets.

        Raises:
            ModelLoadError: the config is not that of a model that can be loaded.
        """
        ...

    def load(
        self,
        slot: Slot,
        preset: ModelPreset,
        folder: Path | None,
        report: ReportProgress,
        quantization: Quantization | None = None,
    ) -> ResidentModel:
        """Make the checkpoint in `folder` resident in `slot`, in place of what was there.

        Blocks until done, so call it off the event loop; `report` is called on any thread, and
        what it raises ends the load. A `quantization` of None takes the copy that is in memory
        already, or else loads the weights as they are.

        Raises:
            ModelLoadError: the model cannot be loaded. The slot then holds what it held before.
        """
        ...

    def unload(self, slot: Slot) -> None:
        """Free `slot`'s model, if no other slot has the same. Blocks until its memory is free."""
        ...

    def submit(self, request: GenerationRequest, client: str) -> Generation:
        """Queue `request` for `client` (an opaque name). Call it on the reader's event loop.

        Raises:
            QueueFullError: too many requests wait.
            EngineClosedError: the engine has stopped.
        """
        ...

    @property
    def health(self) -> Health: ...

    def close(self) -> None:
        """Cancel what runs and waits, and free the models. Blocks until the thread is gone."""
        ...
