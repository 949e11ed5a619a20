from __future__ import annotations

from pathlib import Path

from model.loading.assistant_prompt import AssistantPromptSource
from model.prompts.dialogue import Message
from model.requests import ChatRequest
from model.sampling import SamplingParams
from model.service import GenerationService
from ui.answerers import Answerers, Choice
from ui.conversation import Messages
from ui.next_turn import RETRY_NOTE, NextTurn

PARAMS = SamplingParams(seed=3)
TALK = (Message("user", "one"), Message("assistant", "two"))


def turn(
    service: GenerationService, text: str, choice: Choice = "chat", messages: Messages = TALK
) -> NextTurn:
    prompts = AssistantPromptSource(lambda job: Path("nowhere"))
    return NextTurn(Answerers(service.residency, prompts), choice, "Be brief.", messages, text)


async def test_a_draft_is_what_send_asks(service: GenerationService) -> None:
    (wanted,) = turn(service, " three\n").wanted(PARAMS)
    assert wanted.request == ChatRequest("Be brief.", (*TALK, Message("user", " three\n")), PARAMS)
    assert (wanted.title, wanted.note) == ("", "")


async def test_without_a_draft_it_is_what_retry_asks_and_says_so(
    service: GenerationService,
) -> None:
    (wanted,) = turn(service, " \n").wanted(PARAMS)
    assert wanted.request == ChatRequest("Be brief.", TALK[:1], PARAMS)
    assert wanted.note == RETRY_NOTE
    (wanted,) = turn(service, "", messages=()).wanted(PARAMS)
    assert wanted.request == ChatRequest("Be brief.", (), PARAMS)
    assert wanted.note == ""


async def test_the_words_that_a_reply_begins_with_are_asked_for_too(
    service: GenerationService,
) -> None:
    answerers = Answerers(service.residency, AssistantPromptSource(lambda job: Path("nowhere")))
    begun = NextTurn(answerers, "chat", "", TALK, "three", "Sure")
    (wanted,) = begun.wanted(PARAMS)
    (reading,) = begun.readings(9)
    for request in (wanted.request, reading.request):
        assert isinstance(request, ChatRequest)
        assert request.reply == "Sure"


async def test_both_answerers_are_asked_under_their_names(service: GenerationService) -> None:
    chat, assistant = turn(service, "three", "both").wanted(PARAMS)
    assert isinstance(chat.request, ChatRequest)
    assert callable(assistant.request)
    assert assistant.title == "Tech Assistant (Script without a model)"
    assert [reading.title for reading in turn(service, "three", "both").readings(9)] == [
        chat.title,
        assistant.title,
    ]
