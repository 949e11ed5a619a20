"""`POST /v1/completions`: OpenAI's completions, with true infill where there is a suffix.

Source: OpenAI's API reference, "Completions". Tabby's clients post to the same path; their bodies
are told by their keys and answered by `api.tabby`.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Request
from fastapi.responses import Response
from pydantic import Discriminator, Tag

from api import tabby
from api.asking import Asker, client_name
from api.model_choice import is_chat_model, model_for
from api.openai.answers import answer_live, answer_whole
from api.openai.bodies import CompletionBody
from api.openai.choices import Choices, Opened
from api.openai.wire import CompletionForm, Envelope
from api.tabby import TabbyBody
from model.engine.generation import Slot
from model.fitting import FittedRequest
from model.prompts.segments import render
from model.requests import InfillRequest

EXAMPLES: dict[str, Any] = {
    "completion": {
        "summary": "Carry on from a prompt",
        "value": {"prompt": "def fibonacci(n):\n", "max_tokens": 32, "temperature": 0},
    },
    "infill": {
        "summary": "Fill the gap between prompt and suffix",
        "value": {
            "prompt": "def add(a, b):\n    ",
            "suffix": "\n\nprint(add(1, 2))\n",
            "max_tokens": 32,
            "stop": ["\n\n"],
        },
    },
    "editor": {
        "summary": "Infill tokens spelt out, as editors send them",
        "value": {
            "model": "bigcode/starcoder",
            "prompt": "<fim_prefix>def add(a, b):\n    <fim_suffix>\n<fim_middle>",
            "parameters": {"max_new_tokens": 60, "temperature": 0.2, "top_p": 0.95},
            "stream": False,
        },
    },
    "tabby": {"summary": "Tabby's form", "value": tabby.EXAMPLE},
}


# Such a part of an error's place is no field of the body; `api.handlers` leaves it out.
OPENAI, TABBY = "form:OpenAI", "form:Tabby"


def _form(body: Any) -> str:
    is_tabby = isinstance(body, dict) and not tabby.KEYS.isdisjoint(body)
    return TABBY if is_tabby else OPENAI


AnyBody = Annotated[
    Annotated[CompletionBody, Tag(OPENAI)] | Annotated[TabbyBody, Tag(TABBY)],
    Discriminator(_form),
]


def build_routes(asker: Asker) -> APIRouter:
    router = APIRouter(tags=["OpenAI"])

    @router.post("/v1/completions", response_model=None)
    async def complete(
        request: Request, body: Annotated[AnyBody, Body(openapi_examples=EXAMPLES)]
    ) -> Response:
        """Carry on from a prompt, or fill the gap between `prompt` and `suffix`."""
        if isinstance(body, TabbyBody):
            return await tabby.answer(asker, request, body)
        return await _answer(asker, request, body)

    return router


async def _answer(asker: Asker, request: Request, body: CompletionBody) -> Response:
    body.check()
    # Who sends token ids has marked the turns up: they go to the model whose ids they are.
    slot: Slot = "chat" if body.is_of_ids and is_chat_model(asker, body.model) else "base"
    model = model_for(asker, slot, body.model)
    requests = body.requests(body.params(model.sampling), slot)
    choices = Choices(
        *(asker, requests, body.num_choices, client_name(request)),
        tells_ids=bool(body.return_token_ids),
    )
    form = CompletionForm(body.logprobs, names_ids=bool(body.return_tokens_as_token_ids))
    envelope = Envelope("cmpl", model.id)

    def on_opened(opened: Opened) -> None:
        typed = requests[opened.index // body.num_choices]
        text = typed.prefix if isinstance(typed, InfillRequest) else _text_of(opened.fitted)
        form.starts[opened.index] = len(text)
        if body.echo:
            form.echoes[opened.index] = text

    if body.stream:
        return await answer_live(
            request, choices, form, envelope, on_opened, includes_usage=body.includes_usage
        )
    return await answer_whole(request, choices, form, envelope, on_opened)


def _text_of(fitted: FittedRequest) -> str:
    """The prompt as the client sent it."""
    return render(fitted.prompt) + fitted.generation.healed
