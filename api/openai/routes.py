"""All of OpenAI's routes."""

from __future__ import annotations

from fastapi import APIRouter

from api.asking import Asker
from api.openai import chat, completions, models


def build_routes(asker: Asker) -> APIRouter:
    router = APIRouter()
    for file in (completions, chat, models):
        router.include_router(file.build_routes(asker))
    return router
