"""`GET /v1/models`: the models as OpenAI's clients see them.

Form: OpenAI's API reference ("Models"); Open WebUI and chat-ui find a server's models only there.
Further keys of ours: what a model can do, and vLLM's `max_model_len`.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from api.asking import Asker
from api.model_choice import no_such_model
from model.served import ServedModel, plain_name, served_models


def build_routes(asker: Asker) -> APIRouter:
    router = APIRouter(tags=["OpenAI"])

    @router.get("/v1/models")
    async def list_models() -> dict[str, Any]:
        """The models that are loaded, and what each can do."""
        models = served_models(asker.service.residency)
        return {"object": "list", "data": [_describe(model) for model in models]}

    @router.get("/v1/models/{id:path}")
    async def get_model(id: str) -> dict[str, Any]:
        """One model, by its id or short name."""
        models = served_models(asker.service.residency)
        for model in models:
            if plain_name(id) in model.names:
                return _describe(model)
        raise no_such_model(id, models)

    return router


def _describe(model: ServedModel) -> dict[str, Any]:
    return {
        "id": model.id,
        "object": "model",
        "created": 0,
        "owned_by": model.id.rpartition("/")[0] or "local",
        "max_model_len": model.context_length,
        "capabilities": {
            "completion": "base" in model.slots,
            "infill": model.infill is not None,
            "chat": model.dialogue is not None,
            # For an app in front of this one, which then takes white space off a prompt's end.
            **({"heals": True} if model.resident and model.resident.can_heal else {}),
        },
    }
