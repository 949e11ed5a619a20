"""The calls for curl, read as the routes read them; `tests.test_calls_run` runs all forms."""

from __future__ import annotations

import ast
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.openai.bodies import ChatBody, CompletionBody
from api.turns import chat_request
from model.engine.base import ResidentModel
from model.engine.generation import GenerationRequest
from model.fitting import fit
from model.presets import ModelPreset
from model.prompts.dialogue import Message
from model.prompts.infill import RepositoryFile
from model.prompts.metadata import Header
from model.requests import (
    ChatRequest,
    CompletionRequest,
    InfillRequest,
    PlaygroundRequest,
)
from model.sampling import SamplingParams
from tests import checkpoints
from tests.model.residents import build_resident
from ui.calls import BEGUN_REPLY, FORMS, IDS_NOTE, REFUSAL, Asked, build_call
from ui.served import Snippet

PARAMS = SamplingParams(max_new_tokens=20)
CARD = SamplingParams(temperature=0.7, top_k=50, top_p=0.9, repetition_penalty=1.2)
CHUNKS = [*"ab \n\t😀'\"\\$<>", "<fim_middle>", "<|end|>"]
TYPED = st.lists(st.sampled_from(CHUNKS), max_size=8).map("".join)
FAMILIES = ("StarCoder", "StarCoder 2", "SmolLM2", "StarChat")


@pytest.fixture(scope="module")
def residents(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ResidentModel]:
    """Small ones, of which some heal and some come with settings of their own."""

    def build(tokens: tuple[str, ...], added: tuple[str, ...] = ()) -> ResidentModel:
        return build_resident(tmp_path_factory.mktemp("tiny"), tokens, added, context_length=120)

    starchat = build(checkpoints.STARCODER_TOKENS, checkpoints.STARCHAT_ADDED_TOKENS)
    card = ModelPreset("tiny", "Tiny model", sampling=CARD)
    return {
        "StarCoder": replace(build(checkpoints.STARCODER_TOKENS), can_heal=True),
        "StarCoder 2": build(checkpoints.STARCODER2_TOKENS),
        "SmolLM2": replace(
            build(checkpoints.SMOLLM2_TOKENS, checkpoints.INFILL_ADDED_TOKENS), can_heal=True
        ),
        "StarChat": replace(starchat, preset=card),
    }


def ask(request: PlaygroundRequest, resident: ResidentModel) -> Asked:
    fitted = fit(request, resident, overflow="trim")
    return Asked(request, fitted, resident, "https://here", "tiny-base", needs_key=False)


def body_of(snippet: Snippet) -> dict[str, Any]:
    """What curl sends."""
    text = snippet.code.split("<<'EOF'\n", 1)[1].removesuffix("\nEOF\n")
    body: dict[str, Any] = json.loads(text)
    return body


def routed(body: dict[str, Any], resident: ResidentModel) -> GenerationRequest:
    """What the route makes the engine run."""
    defaults = resident.preset.sampling or SamplingParams()
    request: PlaygroundRequest
    if "messages" in body:
        chat = ChatBody.model_validate(body)
        chat.check()
        request = chat_request(chat.messages, resident, chat.params(defaults))
    else:
        completion = CompletionBody.model_validate(body)
        completion.check()
        (request,) = completion.requests(completion.params(defaults))
    return fit(request, resident, overflow="refuse").generation


def is_same(a: GenerationRequest, b: GenerationRequest) -> bool:
    ends = [tuple(sorted(each.stop_token_ids)) for each in (a, b)]
    plain = [replace(each, stop_token_ids=(), request_id="") for each in (a, b)]
    return ends[0] == ends[1] and plain[0] == plain[1]


def check(request: PlaygroundRequest, resident: ResidentModel) -> None:
    """The call is the page's request, or is refused."""
    asked = ask(request, resident)
    snippet = build_call("curl", asked)
    if not snippet.refusal:
        assert is_same(routed(body_of(snippet), resident), asked.fitted.generation)


@pytest.mark.parametrize("family", FAMILIES)
@given(prompt=TYPED, tail=st.sampled_from(["", "\n    ", " "]), size=st.sampled_from([1, 40]))
def test_a_completion_is_always_asked_for_as_the_page_does(
    residents: dict[str, ResidentModel], family: str, prompt: str, tail: str, size: int
) -> None:
    text = "x" + prompt * size + tail
    check(CompletionRequest(text, PARAMS), residents[family])
    if size == 1:
        assert not build_call(
            "curl", ask(CompletionRequest(text, PARAMS), residents[family])
        ).refusal


@pytest.mark.parametrize("family", FAMILIES)
@given(prompt=TYPED, path=TYPED, size=st.sampled_from([0, 1, 40]))
def test_a_header_is_asked_for_as_the_page_does_or_not_at_all(
    residents: dict[str, ResidentModel], family: str, prompt: str, path: str, size: int
) -> None:
    header = Header(f"x{path}"[:20], "me/it")
    check(CompletionRequest(prompt * size, PARAMS, header), residents[family])


def test_a_header_is_spelt_out_for_a_person_to_read(residents: dict[str, ResidentModel]) -> None:
    request = CompletionRequest("x = 1", PARAMS, Header("a.py", "me/it", "7"))
    asked = ask(request, residents["StarCoder"])
    prompt = "<reponame>me/it<filename>a.py<gh_stars>1-10\nx = 1"
    assert body_of(build_call("curl", asked))["prompt"] == prompt
    code = build_call("gradio-client", asked).code
    for argument in ('path="a.py"', 'repo_name="me/it"', "stars=7"):
        assert argument in code
    assert "exercise" not in code


def test_white_space_to_heal_after_a_header_is_asked_for_by_gradio_alone(
    residents: dict[str, ResidentModel],
) -> None:
    asked = ask(CompletionRequest("def f():\n    ", PARAMS, Header("a.py")), residents["StarCoder"])
    assert build_call("curl", asked).refusal == REFUSAL
    assert 'path="a.py"' in build_call("gradio-client", asked).code


@pytest.mark.parametrize("family", FAMILIES)
@given(prefix=TYPED, suffix=TYPED, order=st.sampled_from([None, "psm", "spm"]))
def test_an_infill_is_asked_for_as_the_page_does_or_not_at_all(
    residents: dict[str, ResidentModel], family: str, prefix: str, suffix: str, order: Any
) -> None:
    check(InfillRequest(f"x{prefix}", suffix, PARAMS, order), residents[family])


@given(system=TYPED, first=TYPED, answer=TYPED, last=TYPED)
def test_a_conversation_is_asked_for_as_the_page_does(
    residents: dict[str, ResidentModel], system: str, first: str, answer: str, last: str
) -> None:
    messages = (Message("user", first), Message("assistant", answer), Message("user", f"x{last}"))
    request = ChatRequest(system, messages, CARD)
    check(request, residents["StarChat"])
    assert not build_call("curl", ask(request, residents["StarChat"])).refusal


def test_only_what_differs_from_the_routes_settings_travels(
    residents: dict[str, ResidentModel],
) -> None:
    chat = ChatRequest("", (Message("user", "x"),), replace(CARD, temperature=0, seed=0))
    body = body_of(build_call("curl", ask(chat, residents["StarChat"])))
    assert body == {
        "model": "tiny-base",
        "messages": [{"role": "user", "content": "x"}],
        "max_tokens": 256,
        "temperature": 0,
        "seed": 0,
    }


def test_what_openais_library_has_no_argument_for_goes_beside(
    residents: dict[str, ResidentModel],
) -> None:
    params = SamplingParams(top_k=3, min_p=0.5, top_p=0.5)
    code = build_call("openai", ask(CompletionRequest("x", params), residents["StarCoder"])).code
    call = next(
        node
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "client.completions.create"
    )
    given = {word.arg: ast.literal_eval(word.value) for word in call.keywords}
    assert given["extra_body"] == {"top_k": 3, "min_p": 0.5}
    assert given["top_p"] == 0.5
    assert "top_k" not in given


def test_a_prompt_in_which_a_token_is_spelt_keeps_it_as_text(
    residents: dict[str, ResidentModel],
) -> None:
    asked = ask(CompletionRequest("a<fim_middle>b", PARAMS), residents["StarCoder"])
    assert body_of(build_call("curl", asked))["suffix"] == ""
    plain = ask(CompletionRequest("ab", PARAMS), residents["StarCoder"])
    assert "suffix" not in body_of(build_call("curl", plain))


def test_an_order_that_the_route_does_not_know_goes_as_ids_and_says_so(
    residents: dict[str, ResidentModel],
) -> None:
    asked = ask(InfillRequest("a", "b", PARAMS, "spm"), residents["StarCoder"])
    snippet = build_call("curl", asked)
    assert body_of(snippet)["prompt"] == list(asked.fitted.generation.prompt_ids)
    assert IDS_NOTE in snippet.steps
    own = ask(InfillRequest("a", "b", PARAMS, "spm"), residents["SmolLM2"])
    assert body_of(build_call("curl", own))["suffix"] == "b"


def test_what_the_route_could_only_ask_for_otherwise_is_refused_and_gradio_can(
    residents: dict[str, ResidentModel],
) -> None:
    # Healed, and without a suffix: as text it would be carried on from, as ids not be healed.
    asked = ask(InfillRequest("a\n  ", "", PARAMS), residents["SmolLM2"])
    assert asked.fitted.generation.healed
    for form in ("curl", "openai"):
        assert build_call(form, asked) == Snippet(
            *(("Terminal", "bash") if form == "curl" else ("Python", "python")), "", (), REFUSAL
        )
    assert "prefix=" in build_call("gradio-client", asked).code


def test_a_reply_that_is_begun_can_be_asked_for_by_no_call(
    residents: dict[str, ResidentModel],
) -> None:
    request = ChatRequest("", (Message("user", "x"),), CARD, reply="def ")
    asked = ask(request, residents["StarChat"])
    for form in FORMS:
        assert build_call(form, asked).refusal == BEGUN_REPLY


def test_other_files_travel_where_they_can(residents: dict[str, ResidentModel]) -> None:
    files = (RepositoryFile("b.py", "y = 1"),)
    request = InfillRequest("a", "b", PARAMS, path="a.py", repo_name="me/it", context=files)
    asked = ask(request, residents["StarCoder 2"])
    assert IDS_NOTE in build_call("curl", asked).steps
    check(request, residents["StarCoder 2"])
    code = build_call("gradio-client", asked).code
    for argument in ('path="a.py"', 'repo_name="me/it"', '{"path": "b.py", "text": "y = 1"}'):
        assert argument in code


@pytest.mark.parametrize("form", FORMS)
def test_what_is_left_out_of_a_long_prompt_is_told(
    residents: dict[str, ResidentModel], form: str
) -> None:
    asked = ask(CompletionRequest("x " * 200, PARAMS), residents["StarCoder"])
    steps = " ".join(build_call(form, asked).steps)
    assert ("left out" in steps or IDS_NOTE in steps) == (form != "gradio-client")
