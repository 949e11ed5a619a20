"""The paths that two protocols share: whose request it is, its body's keys say.

`POST /tokenize` is TGI's ({"inputs"}) and llama.cpp's ({"content"}); `POST /api/generate` is
Ollama's ({"prompt"}) and that of the server that the first editor plug-ins asked ({"inputs"}).
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from fastapi import APIRouter, Body, Request
from pydantic import Discriminator, Tag

from api.asking import Asker, client_name
from api.hang_up import unless_gone
from api.legacy_parameters import LegacyParameters
from api.llamacpp import routes as llamacpp
from api.llamacpp.bodies import TokenizeBody
from api.ollama import routes as ollama
from api.ollama.bodies import GenerateBody
from api.sampling_fields import COMPLETION_TOKENS
from api.strict_body import StrictBody
from api.tgi import routes as tgi
from model.requests import RawRequest
from model.sampling import SamplingParams

# Such a part of an error's place is no field of the body; `api.handlers` leaves it out.
LEGACY, OLLAMA, TGI, LLAMACPP = "form:legacy", "form:Ollama", "form:TGI", "form:llama.cpp"

DEFAULTS = SamplingParams(max_new_tokens=COMPLETION_TOKENS)


class LegacyBody(StrictBody):
    """LucienShui/huggingface-vscode-endpoint-server, main.py: what huggingface-vscode posts."""

    inputs: str
    parameters: LegacyParameters = LegacyParameters()


class TgiTokenizeBody(StrictBody):
    """TGI's `POST /tokenize` takes a whole request to `/generate`, of which the text counts."""

    inputs: str

    tolerated: ClassVar[frozenset[str]] = frozenset({"parameters", "stream"})


def _generate_form(body: Any) -> str:
    return LEGACY if isinstance(body, dict) and "inputs" in body else OLLAMA


def _tokenize_form(body: Any) -> str:
    return LLAMACPP if isinstance(body, dict) and "content" in body else TGI


AnyGenerateBody = Annotated[
    Annotated[GenerateBody, Tag(OLLAMA)] | Annotated[LegacyBody, Tag(LEGACY)],
    Discriminator(_generate_form),
]
AnyTokenizeBody = Annotated[
    Annotated[TokenizeBody, Tag(LLAMACPP)] | Annotated[TgiTokenizeBody, Tag(TGI)],
    Discriminator(_tokenize_form),
]


def build_routes(asker: Asker) -> APIRouter:
    router = APIRouter()

    async def generate(request: Request, body: Annotated[AnyGenerateBody, Body()]) -> Any:
        """A completion in Ollama's form, or in that of the first plug-ins' server."""
        if isinstance(body, GenerateBody):
            return await ollama.generate(asker, request, body)
        return await unless_gone(request.receive, _generate(asker, request, body))

    # With a slash at its end it is written in the old plug-ins' settings.
    for path in ("/api/generate", "/api/generate/"):
        router.add_api_route(
            path,
            generate,
            methods=["POST"],
            tags=["Ollama"],
            response_model=None,
            include_in_schema=not path.endswith("/"),
        )

    @router.post("/tokenize", response_model=None, tags=["TGI", "llama.cpp"])
    async def tokenize(request: Request, body: Annotated[AnyTokenizeBody, Body()]) -> Any:
        """The tokens of a text, in TGI's form or in llama.cpp's."""
        if isinstance(body, TokenizeBody):
            return await unless_gone(request.receive, llamacpp.tokenize(asker, body))
        return await unless_gone(request.receive, tgi.tokenize(asker, body.inputs))

    return router


async def _generate(asker: Asker, request: Request, body: LegacyBody) -> dict[str, Any]:
    """The old server's own answer has the prompt before the text, which its client cuts off where
    it finds it; none is what every client takes."""
    job = RawRequest(body.inputs, body.parameters.sampling(DEFAULTS))
    async with asker.ask(job, client_name(request)) as answer:
        text = (await answer.whole()).text
    shown = body.inputs if body.parameters.return_full_text else ""
    return {"generated_text": shown + text, "status": 200}
