"""`POST /v1/chat/completions`: the chat slot's model in OpenAI's form.

Source: OpenAI's API reference, "Chat completions". What `messages` may hold is said in `api.turns`.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Request
from fastapi.responses import Response

from api.asking import Asker, client_name
from api.hang_up import unless_gone
from api.model_choice import model_for
from api.openai.answers import answer_live, answer_whole
from api.openai.bodies import ChatBody
from api.openai.choices import Choices
from api.openai.wire import ChatForm, Envelope
from api.turns import chat_request
from model.requests import ChatRequest
from model.sampling import SamplingParams

EXAMPLES: dict[str, Any] = {
    "question": {
        "summary": "Ask something",
        "value": {
            "messages": [
                {"role": "system", "content": "You are a helpful assistant."},
                {"role": "user", "content": "Write a function that adds two numbers."},
            ],
            "max_tokens": 64,
        },
    },
    "stream": {
        "summary": "The same as events, with token counts at the end",
        "value": {
            "messages": [{"role": "user", "content": "What is a list comprehension?"}],
            "max_tokens": 64,
            "stream": True,
            "stream_options": {"include_usage": True},
        },
    },
}


def build_routes(asker: Asker) -> APIRouter:
    router = APIRouter(tags=["OpenAI"])

    @router.post("/v1/chat/completions", response_model=None)
    async def chat(
        request: Request, body: Annotated[ChatBody, Body(openapi_examples=EXAMPLES)]
    ) -> Response:
        """The assistant's next message."""
        body.check()
        model = model_for(asker, "chat", body.model)
        params = body.params(model.sampling)
        asked = await unless_gone(request.receive, _request(asker, body, params))
        choices = Choices(asker, [asked], body.num_choices, client_name(request))
        form, envelope = ChatForm(), Envelope("chatcmpl", model.id)
        if body.stream:
            return await answer_live(
                request, choices, form, envelope, includes_usage=body.includes_usage
            )
        return await answer_whole(request, choices, form, envelope)

    return router


async def _request(asker: Asker, body: ChatBody, params: SamplingParams) -> ChatRequest:
    async with asker.model("chat") as resident:
        return chat_request(body.messages, resident, params)
