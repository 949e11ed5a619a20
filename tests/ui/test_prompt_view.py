"""The exact prompt as the page shows it, over the script's tokenizer: a token is a byte."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html import unescape
from typing import Any

import pytest

from model.engine.base import ResidentModel
from model.engine.scripted import ScriptedEngine
from model.fitting import FittedRequest, fit
from model.presets import ModelPreset
from model.prompts.assistant import SHORT_PROMPT
from model.prompts.dialogue import Message
from model.prompts.segments import render
from model.requests import (
    AssistantRequest,
    ChatRequest,
    CompletionRequest,
    InfillRequest,
    PlaygroundRequest,
)
from model.sampling import SamplingParams
from ui.prompt_view import Look, count_parts, render_prompt

PARAMS = SamplingParams(max_new_tokens=100)
PLAIN, IDS, SPACES = Look(), Look(has_ids=True), Look(has_all_spaces=True)


@pytest.fixture(scope="module")
def resident() -> ResidentModel:
    engine = ScriptedEngine()
    try:
        preset = ModelPreset("scripted", "A <script>")
        return engine.load("base", preset, None, lambda progress: None)
    finally:
        engine.close()


def draw(
    request: PlaygroundRequest, resident: ResidentModel, look: Look = PLAIN
) -> tuple[str, FittedRequest]:
    fitted = fit(request, resident, overflow="trim")
    return render_prompt(fitted, resident, look, "Prompt for <it>"), fitted


def code_of(html: str) -> str:
    """The inside of the prompt's element."""
    found = re.search(r"<code>(.*?)</code></pre>", html, re.DOTALL)
    assert found is not None
    return found[1]


def text_of(html: str) -> str:
    return unescape(re.sub(r"<[^>]+>", "", html))


def whole_of(html: str) -> dict[str, Any]:
    """What is copied and downloaded."""
    found = re.search(r'class="pg-whole-prompt">(.*?)</pre>', html, re.DOTALL)
    assert found is not None
    whole: dict[str, Any] = json.loads(unescape(found[1]))
    return whole


def test_special_tokens_are_chips_with_their_names_and_what_spells_one_is_text(
    resident: ResidentModel,
) -> None:
    html, _ = draw(InfillRequest("<fim_middle>a", "b", PARAMS), resident)
    chips = re.findall(
        r'<b translate="no" class="pg-token" title="special token, id (\d+)">([^<]+)</b>', html
    )
    assert chips[:3] == [
        ("257", "&lt;fim_prefix&gt;"),
        ("259", "&lt;fim_suffix&gt;"),
        ("258", "&lt;fim_middle&gt;"),
    ]
    assert '<span class="pg-typed" title="prefix">&lt;fim_middle&gt;a</span>' in html


@pytest.mark.parametrize("look", [PLAIN, IDS, SPACES])
def test_the_text_is_the_prompts_to_the_last_character(resident: ResidentModel, look: Look) -> None:
    text = "\tif x: \n\n  '\"&<b>${1}</b> 😀\u200b  "
    turns = (Message("user", text), Message("assistant", text), Message("user", text))
    html, fitted = draw(ChatRequest(text, turns, PARAMS), resident, look)
    assert text_of(code_of(html)) == render(fitted.prompt)
    assert "<b>${" not in html
    assert "<it>" not in html
    assert "<script>" not in html


def test_the_formats_own_text_is_told_from_what_was_typed(resident: ResidentModel) -> None:
    code = code_of(draw(ChatRequest("", (Message("user", "hi"),), PARAMS), resident)[0])
    assert 'class="pg-typed" title="your messages">hi</span>' in code
    assert code.count('class="pg-markup"') == 4
    assert code.count("pg-typed") == 1  # the empty system prompt has no element


def test_each_token_has_its_id_on_request_and_a_character_of_several_stands_with_the_last(
    resident: ResidentModel,
) -> None:
    code = code_of(draw(CompletionRequest("aé", PARAMS), resident, IDS)[0])
    assert re.findall(r'<span class="pg-id" data-id="(\d+)">([^<]*)</span>', code) == [
        ("97", "a"),
        ("195", ""),
        ("169", "é"),
    ]
    assert "data-id" not in draw(CompletionRequest("aé", PARAMS), resident)[0]
    infill = draw(InfillRequest("a", "b", PARAMS), resident, IDS)[0]
    assert (
        '<b translate="no" class="pg-token" title="special token, id 257" data-id="257">' in infill
    )


def test_every_part_is_counted_and_the_sum_is_the_prompt(resident: ResidentModel) -> None:
    turns = (Message("user", "abc"), Message("assistant", "de"), Message("user", "f"))
    html, fitted = draw(ChatRequest("Be brief.", turns, PARAMS), resident)
    counts = count_parts(fitted)
    assert counts == {
        "text of the format’s own": 8,
        "system prompt": 9,
        "your messages": 4,
        "answers": 2,
        "special tokens": 9,
    }
    assert sum(counts.values()) == len(fitted.generation.prompt_ids)
    assert "<dt>system prompt</dt><dd>9</dd>" in html
    assert "<dt>whole prompt</dt><dd>32 of 8,192 tokens</dd>" in html
    assert "<dt>new tokens, at most</dt><dd>100</dd>" in html


def test_the_tech_assistants_introduction_is_called_so(resident: ResidentModel) -> None:
    html, fitted = draw(AssistantRequest((Message("user", "hi"),), PARAMS), resident)
    assert '<span class="pg-typed" title="the Tech Assistant’s introduction">' in html
    counts = count_parts(fitted)
    assert counts["the Tech Assistant’s introduction"] == len(SHORT_PROMPT.text.encode())
    assert "special tokens" not in counts


def test_what_was_left_out_is_told_and_is_not_shown(resident: ResidentModel) -> None:
    html, _ = draw(CompletionRequest("a" * 9000 + "b" * 8000, PARAMS), resident)
    assert "8,908 tokens left out from the start of the prompt" in html
    assert "the whole is 17,000 tokens long, 8,092 fit" in html


def test_a_long_prompt_is_folded_and_whole_in_what_is_copied(resident: ResidentModel) -> None:
    text = "a" * 3000 + "m" * 1000 + "z" * 3000
    html, fitted = draw(CompletionRequest(text, PARAMS), resident)
    code = code_of(html)
    assert '<span class="pg-fold">3,000 tokens not shown</span>' in code
    assert "3,000 tokens of 7,000 are folded away here." in html
    assert "m" not in text_of(re.sub(r"<span class=.pg-fold.*?</span>", "", code))
    assert (
        len(re.findall("data-id", draw(CompletionRequest(text, PARAMS), resident, IDS)[0])) <= 1200
    )
    whole = whole_of(html)
    assert [segment["text"] for segment in whole["segments"]] == [text]
    assert tuple(whole["segments"][0]["ids"]) == fitted.generation.prompt_ids


def test_what_is_downloaded_tells_tokens_from_text(resident: ResidentModel) -> None:
    html, fitted = draw(InfillRequest("<fim_suffix></pre>\r", "&amp;", PARAMS), resident)
    whole = whole_of(html)
    assert whole["model"] == "A <script>"
    assert whole["segments"][:3] == [
        {"special": "<fim_prefix>", "ids": [257]},
        {"part": "prefix", "text": "<fim_suffix></pre>\r", "ids": list(b"<fim_suffix></pre>\r")},
        {"special": "<fim_suffix>", "ids": [259]},
    ]
    ids = [id_ for segment in whole["segments"] for id_ in segment["ids"]]
    assert tuple(ids) == fitted.generation.prompt_ids


def test_healed_white_space_stands_outside_of_the_prompt_with_the_reason(
    resident: ResidentModel,
) -> None:
    healing = replace(resident, can_heal=True)
    html, fitted = draw(CompletionRequest("def f():\n    ", PARAMS), healing)
    assert render(fitted.prompt) == "def f():"
    assert (
        '<span class="pg-healed" title="not in the prompt: the first new tokens have to spell it">'
        '<i class="pg-lf">\n</i><i class="pg-sp">    </i></span>'
    ) in html
    assert "at the text’s end (4 spaces and 1 line break, in the dashed box)" in html
    assert whole_of(html)["spelt_by_the_first_new_tokens"] == "\n    "
    html, _ = draw(AssistantRequest((Message("user", "hi"),), PARAMS), healing)
    assert "that opens the reply (1 space, in the dashed box)" in html
    assert "pg-healed" not in draw(CompletionRequest("x\n", PARAMS), resident)[0]


def test_what_ends_the_text_is_shown_too(resident: ResidentModel) -> None:
    params = SamplingParams(stop=("\n<b>",))
    html, _ = draw(CompletionRequest("x", params), resident)
    ends = html[html.index("The text ends at") :]
    assert "&lt;|endoftext|&gt;</b>" in ends
    assert '<code class="pg-stop-text"><i class="pg-lf">\n</i>&lt;b&gt;</code>' in ends


def test_a_tokenizer_that_alters_the_text_is_told_of(resident: ResidentModel) -> None:
    class Lowering(type(resident.tokenizer)):  # type: ignore[misc]
        def encode_text(self, text: str) -> list[int]:
            return list(text.lower().encode())

    lowering = replace(resident, tokenizer=Lowering())
    assert "tokenizer alters the text" in draw(CompletionRequest("ABC", PARAMS), lowering)[0]
    assert "alters" not in draw(CompletionRequest("abc", PARAMS), lowering)[0]
