"""The Tech Assistant over the scripted engine, and what the page says of it."""

from __future__ import annotations

from pathlib import Path

from model.errors import HubOfflineError
from model.loading.assistant_prompt import AssistantPromptSource
from model.loading.job import LoadJob
from model.prompts.assistant import SHORT_PROMPT
from model.prompts.dialogue import Message
from model.requests import AssistantRequest, ChatRequest, slot_of
from model.sampling import SamplingParams
from model.service import GenerationService
from ui.answerers import ANSWERERS, Answerers, answerers_of, read_choice
from ui.progress import Preparing, Progress
from ui.runs import Runs

QUESTION = (Message("user", "SAY: Use a list."),)
PARAMS = SamplingParams()


def offline(job: LoadJob) -> Path:
    raise HubOfflineError("It is <offline>.", "Go online.")


def written(tmp_path: Path, text: str) -> AssistantPromptSource:
    path = tmp_path / "prompt.txt"
    path.write_text(text)
    return AssistantPromptSource(lambda job: path)


async def steps_of(service: GenerationService, prompts: AssistantPromptSource) -> list[Progress]:
    asked = Answerers(service.residency, prompts).ask("assistant", "ignored", QUESTION, PARAMS)
    return [progress async for progress in Runs(service, None).start(asked, "s", "chat-assistant")]


async def test_the_tech_assistant_answers_with_the_base_model(
    service: GenerationService, tmp_path: Path
) -> None:
    steps = await steps_of(service, written(tmp_path, "A long introduction.\n\n-----"))
    assert steps[0].stage == Preparing()
    assert steps[-1].text.startswith("Use a list.")
    fitted = steps[-1].fitted
    assert fitted is not None
    assert fitted.generation.slot == "base"
    assert "A long introduction." in str(fitted.prompt[0])


async def test_without_its_prompt_it_answers_with_the_short_one_and_says_why(
    service: GenerationService,
) -> None:
    prompts = AssistantPromptSource(offline)
    answerers = Answerers(service.residency, prompts)
    assert "short prompt" not in answerers.note("assistant")
    steps = await steps_of(service, prompts)
    assert steps[-1].text
    assert "Using the short prompt: It is &lt;offline&gt;." in answerers.note("assistant")


async def test_a_prompt_over_half_of_the_context_gives_way_and_the_page_says_so(
    service: GenerationService, tmp_path: Path
) -> None:
    prompts = written(tmp_path, "x" * 5000)
    steps = await steps_of(service, prompts)
    answerers = Answerers(service.residency, prompts)
    assert "more than half of the model's context" in answerers.note("both", steps[-1].fitted)
    assert "short" not in answerers.note("both", None)


async def test_each_is_asked_in_its_own_way(service: GenerationService) -> None:
    answerers = Answerers(service.residency, AssistantPromptSource(offline))
    chat = answerers.request("chat", "Be brief.", QUESTION, PARAMS)
    assert chat == ChatRequest("Be brief.", QUESTION, PARAMS)
    assistant = answerers.request("assistant", "Be brief.", QUESTION, PARAMS)
    assert assistant == AssistantRequest(QUESTION, PARAMS, SHORT_PROMPT)
    assert slot_of(assistant) == "base"


async def test_the_choices_name_the_models(service: GenerationService) -> None:
    labels = dict(Answerers(service.residency, AssistantPromptSource(offline)).choices())
    assert labels == {
        "Script without a model": "chat",
        "Tech Assistant (Script without a model)": "assistant",
        "Both, side by side": "both",
    }


async def test_what_to_expect_of_each_choice_is_said(service: GenerationService) -> None:
    answerers = Answerers(service.residency, AssistantPromptSource(offline))
    assert answerers.note("chat") == ""
    assert "less reliable than StarChat" in answerers.note("assistant")
    assert "The system prompt does not apply" in answerers.note("assistant")
    assert "one after the other" not in answerers.note("both")
    service.residency._slots["chat"].set_parked()
    assert "they answer one after the other" in answerers.note("both")


def test_a_choice_that_is_none_of_ours_means_the_chat_model() -> None:
    assert read_choice("both") == "both"
    assert read_choice({"x": 1}) == read_choice(None) == "chat"
    assert answerers_of("both") == ANSWERERS
    assert answerers_of("assistant") == ("assistant",)


async def test_both_go_on_from_what_a_reply_begins_with(
    service: GenerationService, tmp_path: Path
) -> None:
    answerers = Answerers(service.residency, written(tmp_path, "Intro\n\n-----"))
    for name, place in (("chat", "chat"), ("assistant", "chat-assistant")):
        asked = answerers.ask(name, "", QUESTION, PARAMS, "Use a")  # type: ignore[arg-type]
        steps = [step async for step in Runs(service, None).start(asked, "s", place)]
        assert steps[-1].text == " list."


async def test_a_reply_is_gone_on_with_by_the_hand_that_wrote_it(
    service: GenerationService,
) -> None:
    answerers = Answerers(service.residency, AssistantPromptSource(offline))
    assert answerers.find(answerers.assistant_name, "both") == "assistant"
    assert answerers.find("somebody", "both") == "chat"
    assert answerers.find("", "assistant") == "assistant"
