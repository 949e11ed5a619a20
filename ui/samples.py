"""Several texts for one place, to choose from: how many are asked for, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from model.errors import SamplingParamsError
from model.sampling import MAX_SEED, SamplingParams
from ui.marked_text import to_browser

MAX_SAMPLES = 4


@dataclass(frozen=True, slots=True)
class Sample:
    """
    Attributes:
        title: such as "Sample 2".
        text: what a model wrote; "" is no choice.
        note: how it ended and its figures, in words.
        seed: what it was drawn with; None where that is not known.
    """

    title: str
    text: str
    note: str = ""
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Samples:
    """What was written after `prompt`, each time anew. The prompt has its marks."""

    prompt: str = ""
    texts: tuple[Sample, ...] = ()

    def __bool__(self) -> bool:
        return any(sample.text for sample in self.texts)

    @property
    def boxes(self) -> list[tuple[str, str]]:
        """Every text in it, with a name for it."""
        pieces = [piece for each in self.texts for piece in (each.title, each.text, each.note)]
        return [("prompt", self.prompt), *(("candidate", piece) for piece in pieces)]

    def to_json(self) -> dict[str, Any]:
        """As `ui.work` has it."""
        texts = [
            {
                "title": sample.title,
                "text": sample.text,
                "note": sample.note,
                "seed": None if sample.seed is None else str(sample.seed),
            }
            for sample in self.texts
        ]
        return {"prompt": to_browser(self.prompt), "texts": texts}


def build_samples(tab: str) -> Any:
    """The control. Place it among the settings."""
    return gr.Number(
        value=1,
        label="Samples",
        elem_id=f"{tab}-samples",
        info=f"1 to {MAX_SAMPLES}, to choose from",
    )


def read_samples(value: Any) -> int:
    """
    Raises:
        SamplingParamsError: it is no whole number from 1 to `MAX_SAMPLES`.
    """
    if value not in range(1, MAX_SAMPLES + 1):
        raise SamplingParamsError(
            "Samples", f"must be a whole number from 1 to {MAX_SAMPLES}.", "Type one of them."
        )
    return int(value)


def params_of_sample(params: SamplingParams, number: int) -> SamplingParams:
    """Each sample, counted from 1, has the seed after that of the one before it, where one is
    set."""
    if params.seed is None:
        return params
    return replace(params, seed=(params.seed + number - 1) % (MAX_SEED + 1))
