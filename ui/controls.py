"""The sampling controls of a tab, and their values as `SamplingParams`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from model.errors import SamplingParamsError
from model.presets import ModelPreset
from model.sampling import SamplingParams
from ui.passthrough import FreeSlider

# From what users of each kind of prompt settled on; a penalty above 1 punishes indentation.
CONTINUE_DEFAULTS = SamplingParams(temperature=0.2, top_p=0.95, max_new_tokens=256)
INFILL_DEFAULTS = SamplingParams(temperature=0.2, top_p=0.95, max_new_tokens=128)
CHAT_DEFAULTS = SamplingParams(temperature=0.2, top_p=0.95, top_k=50, max_new_tokens=512)

# The order of the controls on the page, and of the values that the handlers get.
FIELDS = (
    "temperature",
    "max_new_tokens",
    "top_p",
    "top_k",
    "min_p",
    "repetition_penalty",
    "seed",
    "stop",
)
WHOLE_NUMBERS = frozenset({"top_k", "max_new_tokens"})
TITLES = {
    "temperature": "Temperature",
    "max_new_tokens": "Max new tokens",
    "top_p": "Top-p",
    "top_k": "Top-k",
    "min_p": "Min-p",
    "repetition_penalty": "Repetition penalty",
    "seed": "Seed",
    "stop": "Stop strings",
}


@dataclass(frozen=True)
class Controls:
    """The components of one tab, in the order of `FIELDS`."""

    components: tuple[Any, ...]

    @property
    def max_new_tokens(self) -> Any:
        return self.components[FIELDS.index("max_new_tokens")]


def build_controls(defaults: SamplingParams, tab: str) -> Controls:
    """The controls of `tab`, set to `defaults`. Call it where they are to stand."""
    temperature = FreeSlider(
        0,
        2,
        value=defaults.temperature,
        step=0.05,
        label=TITLES["temperature"],
        elem_id=f"{tab}-temperature",
        info="0 is greedy",
    )
    max_new_tokens = gr.Number(
        value=defaults.max_new_tokens,
        label=TITLES["max_new_tokens"],
        elem_id=f"{tab}-max_new_tokens",
        info="a token is 3–4 characters",
    )
    top_p, top_k, min_p, penalty = _build_more(defaults, tab)
    seed = gr.Textbox(
        value="",
        label=TITLES["seed"],
        elem_id=f"{tab}-seed",
        info="the same seed, the same text",
        placeholder="random",
        max_lines=1,
        elem_classes="pg-mono",
    )
    stop = gr.Textbox(
        value="\n".join(defaults.stop),
        label=TITLES["stop"],
        elem_id=f"{tab}-stop-strings",
        info=r"one per line; \n is a line break, \t a tab",
        lines=2,
        max_lines=6,
        elem_classes="pg-mono",
    )
    return Controls((temperature, max_new_tokens, top_p, top_k, min_p, penalty, seed, stop))


def _build_more(defaults: SamplingParams, tab: str) -> tuple[Any, Any, Any, Any]:
    """What few people touch: top-p, top-k, min-p and the repetition penalty, folded away."""
    with gr.Accordion("More sampling", open=False, elem_classes="pg-more"):
        top_p = FreeSlider(
            0.01,
            1,
            value=defaults.top_p,
            step=0.01,
            label=TITLES["top_p"],
            elem_id=f"{tab}-top_p",
            info="1 is off",
        )
        top_k = gr.Number(
            value=defaults.top_k, label=TITLES["top_k"], elem_id=f"{tab}-top_k", info="0 is off"
        )
        min_p = FreeSlider(
            0,
            1,
            value=defaults.min_p,
            step=0.01,
            label=TITLES["min_p"],
            elem_id=f"{tab}-min_p",
            info="0 is off",
        )
        penalty = FreeSlider(
            0.5,
            2,
            value=defaults.repetition_penalty,
            step=0.05,
            label=TITLES["repetition_penalty"],
            elem_id=f"{tab}-repetition_penalty",
            info="1 is off; more hurts indentation",
        )
    return top_p, top_k, min_p, penalty


def chat_defaults(preset: ModelPreset) -> SamplingParams:
    """What the card of a chat model recommends; how long a reply may get is ours to say."""
    if preset.sampling is None:
        return CHAT_DEFAULTS
    return replace(preset.sampling, max_new_tokens=CHAT_DEFAULTS.max_new_tokens)


def show_params(params: SamplingParams) -> tuple[Any, ...]:
    """The controls' values, in the order of `FIELDS`: the inverse of `read_params` for settings
    without a stop string."""
    values = {field: getattr(params, field) for field in FIELDS}
    values["seed"] = "" if params.seed is None else str(params.seed)
    values["stop"] = "\n".join(params.stop)
    return tuple(values.values())


def read_max_new_tokens(value: Any, defaults: SamplingParams) -> SamplingParams:
    """`defaults` with that control's value where it can be used, for what only measures."""
    try:
        return replace(defaults, max_new_tokens=_read_number("max_new_tokens", value))
    except SamplingParamsError:
        return defaults


def read_params(values: Sequence[Any]) -> SamplingParams:
    """The values of the controls, in the order of `FIELDS`.

    Raises:
        SamplingParamsError: a value is missing or outside its interval; the message names it.
    """
    fields = dict(zip(FIELDS, values, strict=True))
    stop = parse_stop(fields.pop("stop"))
    numbers = {field: _read_number(field, value) for field, value in fields.items()}
    return SamplingParams(**numbers, stop=stop)


def parse_stop(text: str | None) -> tuple[str, ...]:
    r"""One stop string per line; \n, \t and \\ stand for line break, tab and backslash."""
    return tuple(_unescape(line) for line in (text or "").split("\n") if line)


def _read_number(field: str, value: Any) -> Any:
    if field == "seed":
        return _read_seed(value)
    if value in (None, ""):
        raise SamplingParamsError(
            field, f"{TITLES[field]} is empty or not a number.", "Type a number."
        )
    if field in WHOLE_NUMBERS and isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _read_seed(value: Any) -> Any:
    """A whole number of any notation; None, which draws one, for an empty box."""
    if not isinstance(value, str):
        return value
    try:
        return int(value) if value.strip() else None
    except ValueError:
        raise SamplingParamsError(
            "seed", "This is not a whole number.", "Leave it empty to draw one."
        ) from None


def _unescape(line: str) -> str:
    escapes = {"n": "\n", "t": "\t", "\\": "\\"}
    head, *tails = line.split("\\")
    text = head
    is_escaped = False
    for tail in tails:
        if is_escaped:
            text += tail
            is_escaped = False
        elif not tail:
            text += "\\"
            is_escaped = True
        else:
            text += escapes.get(tail[0], "\\" + tail[0]) + tail[1:]
    return text
