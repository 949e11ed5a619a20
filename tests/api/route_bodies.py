"""A good request for each route that generates, so that tests can take all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI

from api.own_routes import OwnRoutes
from api.server import build_server
from tests.api.clients import build_service

Body = dict[str, Any]


@dataclass(frozen=True)
class GeneratingRoute:
    """A route that writes text.

    Attributes:
        path: as it is asked for.
        template: as it is declared.
        body: from a prompt and a number of tokens.
        is_live: whether the answer is sent while it is written.
    """

    path: str
    template: str
    body: Callable[[str, int], Body]
    is_live: bool

    def __str__(self) -> str:
        return f"{self.template} {'live' if self.is_live else 'whole'}"


def _tgi(prompt: str, num_tokens: int) -> Body:
    return {"inputs": prompt, "parameters": {"max_new_tokens": num_tokens}}


def _openai(prompt: str, num_tokens: int) -> Body:
    return {"prompt": prompt, "max_tokens": num_tokens}


def _suffix(prompt: str, num_tokens: int) -> Body:
    return {"prompt": prompt, "suffix": "\n", "max_tokens": num_tokens}


def _messages(prompt: str) -> list[Body]:
    return [{"role": "user", "content": prompt}]


def _openai_chat(prompt: str, num_tokens: int) -> Body:
    return {"messages": _messages(prompt), "max_tokens": num_tokens}


def _infill(prompt: str, num_tokens: int) -> Body:
    return {"input_prefix": prompt, "input_suffix": "\n", "n_predict": num_tokens}


def _llamacpp(prompt: str, num_tokens: int) -> Body:
    return {"prompt": prompt, "n_predict": num_tokens}


def _ollama(prompt: str, num_tokens: int) -> Body:
    return {"model": "scripted", "prompt": prompt, "options": {"num_predict": num_tokens}}


def _ollama_chat(prompt: str, num_tokens: int) -> Body:
    return {
        "model": "scripted",
        "messages": _messages(prompt),
        "options": {"num_predict": num_tokens},
    }


def _with(body: Callable[[str, int], Body], **extra: Any) -> Callable[[str, int], Body]:
    return lambda prompt, num_tokens: body(prompt, num_tokens) | extra


def _both(path: str, body: Callable[[str, int], Body]) -> list[GeneratingRoute]:
    return [
        GeneratingRoute(path, path, _with(body, stream=False), is_live=False),
        GeneratingRoute(path, path, _with(body, stream=True), is_live=True),
    ]


ALL_GENERATING = [
    GeneratingRoute("/generate", "/generate", _tgi, is_live=False),
    GeneratingRoute("/generate_stream", "/generate_stream", _tgi, is_live=True),
    GeneratingRoute("/models/bigcode/starcoder", "/models/{model_id}", _tgi, is_live=False),
    *_both("/", _tgi),
    *_both("/v1/completions", _openai),
    *_both("/v1/completions", _suffix),
    *_both("/v1/chat/completions", _openai_chat),
    *_both("/infill", _infill),
    *_both("/completion", _llamacpp),
    *_both("/completions", _llamacpp),
    *_both("/api/generate", _ollama),
    *_both("/api/chat", _ollama_chat),
    GeneratingRoute("/api/generate/", "/api/generate/", _tgi, is_live=False),
]
# Those that answer without writing.
ALL_OTHERS = {
    "/tokenize",
    "/chat_tokenize",
    "/detokenize",
    "/apply-template",
    "/overlap",
    "/pii",
    "/api/show",
}


def declared(app: FastAPI) -> set[str]:
    return {path for method, path in OwnRoutes(app).all() if method == "POST"}


def generating(app: FastAPI) -> list[GeneratingRoute]:
    """Those that `app` has."""
    return [route for route in ALL_GENERATING if route.template in declared(app)]


_SERVER = build_server(build_service(), max_body_bytes=1000, is_public=False)
GENERATING = generating(_SERVER)
OTHERS = ALL_OTHERS & declared(_SERVER)
