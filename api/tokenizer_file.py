"""`GET /tokenizer.json`: the resident model's tokenizer, as its checkpoint has it.

llm-ls counts tokens with it to fit what it sends to the context. It can fetch the file from the
hub, where those of gated models ask for a token, or from any address: its setting `tokenizer` takes
{"url": ..., "to": ...} (huggingface/llm-ls, crates/llm-ls/src/main.rs).
"""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.asking import Asker
from api.errors import Kind, Problem
from api.hang_up import unless_gone
from api.refusals import RefusedError
from model.engine.generation import Slot
from model.presets import ModelPreset, find_hub_preset


def build_routes(asker: Asker, *, is_public: bool) -> APIRouter:
    """
    Args:
        is_public: people beyond this machine can reach it. They are given only what the hub gives
            to everybody.
    """
    router = APIRouter()

    @router.get("/tokenizer.json", responses={501: {"description": "It is not handed out."}})
    async def tokenizer(request: Request, slot: Slot = "base") -> Response:
        """The tokenizer file of a slot's model."""
        return await unless_gone(request.receive, _read(asker, slot, is_public))

    return router


async def _read(asker: Asker, slot: Slot, is_public: bool) -> Response:
    async with asker.model(slot) as resident:
        title = resident.preset.title
        if is_public and not _is_open(resident.preset):
            raise _refused(
                f"{title} is not known to be open to everybody, so its tokenizer is not handed out "
                "here. Fetch it from the hub, with an account that has been let in."
            )
        content = await asyncio.to_thread(resident.tokenizer.read_file)
    if content is None:
        raise _refused(f"{title} has no tokenizer.json.")
    return Response(content, media_type="application/json")


def _is_open(preset: ModelPreset) -> bool:
    """Whether everybody gets the checkpoint without asking. Of one that is not in our table nobody
    knows: the account that it was fetched with may have been let in."""
    known = find_hub_preset(preset.repo_id or preset.name)
    return preset.is_stand_in or (known is not None and not known.is_gated)


def _refused(message: str) -> RefusedError:
    return RefusedError(Problem(Kind.NOT_SERVED, message, "NotServed"))
