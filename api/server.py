"""The HTTP server: our routes, and the walls around them and around the page.

The page is mounted on it by the composition root; this file knows nothing of the page.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from html import escape
from typing import Any

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.middleware.cors import CORSMiddleware

from api import tabby
from api.asking import Asker
from api.errors import LLAMACPP, RETRY_AFTER_SECONDS, Kind, Problem
from api.handlers import add_handlers
from api.head_requests import HeadAsGet
from api.json_bodies import JsonBodies
from api.keys import KeyGuard, Keys
from api.metrics import Measured, Metrics
from api.metrics import build_routes as build_metrics_routes
from api.middleware import (
    EXPOSED_HEADERS,
    LOOPBACK_ORIGINS,
    BodyLimit,
    Faults,
    HostGuard,
    SecurityHeaders,
    ShutDoors,
    content_security_policy,
)
from api.openapi import add_description
from api.overlap import Corpus
from api.overlap import build_routes as build_overlap_routes
from api.own_routes import OwnRoutes
from api.personal_data import build_routes as build_pii_routes
from api.request_ids import RequestIds, count_tokens
from api.routes import add_routes
from api.stray_requests import refuse_other_methods, refuse_other_paths
from api.tokenizer_file import build_routes as build_tokenizer_routes
from model.engine.generation import SLOTS
from model.loading.slot import LoadFailed, Loading, Parked, Ready, SlotStatus
from model.service import GenerationService
from safety.detector import PatternDetector

logger = logging.getLogger(__name__)

CLOSE_SECONDS = 2

Background = Callable[[], Coroutine[object, object, None]]


def build_server(
    service: GenerationService,
    *,
    max_body_bytes: int,
    is_public: bool,
    is_on_space: bool = False,
    allowed_hosts: Sequence[str] = (),
    cors_origins: Sequence[str] = (),
    api_keys: Sequence[str] = (),
    background: Sequence[Background] = (),
    deadline: float | None = None,
    corpus: Corpus | None = None,
) -> FastAPI:
    """The server, which starts to load the models when it starts and closes them at its end.

    Args:
        max_body_bytes: longer requests are refused.
        is_public: people beyond this machine can reach it: pages of this machine's own origins
            may not read its answers, and without `allowed_hosts` it answers under every host name.
        is_on_space: Hugging Face's site may show it in a frame.
        allowed_hosts: names it answers under, besides this machine's own.
        cors_origins: whose pages may read its answers; "*" is everybody's.
        api_keys: of which the API's clients must send one; empty lets everybody ask.
        background: what runs beside it from its start, and is cancelled at its end.
        deadline: seconds after which a generation is cut off; None is never.
        corpus: what /overlap looks code up in.
    """

    app = FastAPI(
        title="StarCoder playground",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=_lifespan(service, background),
    )
    add_handlers(app)
    keys = Keys(api_keys)
    metrics = Metrics(service)
    _add_server_routes(app, service, metrics, corpus)
    asker = Asker(service, deadline, (metrics.count_generation, count_tokens))
    add_routes(app, asker)
    app.include_router(build_tokenizer_routes(asker, is_public=is_public))
    add_description(app, wants_key=bool(keys))
    routes = OwnRoutes(app)
    refuse_other_methods(app, routes)
    refuse_other_paths(app, routes)
    _add_walls(
        app,
        routes,
        metrics,
        keys,
        max_body_bytes=max_body_bytes,
        origins=cors_origins,
        hosts=allowed_hosts,
        is_public=is_public,
        is_on_space=is_on_space,
    )
    return app


def build_notice_server(title: str, text: str) -> FastAPI:
    """A server that says one thing, for a machine on which the app cannot run."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    page = (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title>"
        '<body style="max-width:40rem;margin:4rem auto;padding:0 1rem;font:1rem/1.5 sans-serif">'
        f"<h1>{escape(title)}</h1><p>{escape(text)}</p></body></html>"
    )

    @app.get("/")
    async def notice() -> HTMLResponse:
        return HTMLResponse(page)

    @app.get("/ready")
    async def ready() -> JSONResponse:
        return JSONResponse({"detail": text}, status_code=503)

    return app


def _lifespan(
    service: GenerationService, background: Sequence[Background]
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        service.residency.start()
        tasks = [asyncio.create_task(start()) for start in background]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await service.residency.close()
            await _close_engine(service)

    return lifespan


def _add_walls(
    app: FastAPI,
    routes: OwnRoutes,
    metrics: Metrics,
    keys: Keys,
    *,
    max_body_bytes: int,
    origins: Sequence[str],
    hosts: Sequence[str],
    is_public: bool,
    is_on_space: bool,
) -> None:
    """Middleware; what is added last stands outermost.

    A page that may read answers may read refusals too, so `CORSMiddleware` stands outside of what
    refuses. Only the names of hosts come before it.
    """
    app.add_middleware(Faults, routes=routes)
    app.add_middleware(ShutDoors)
    app.add_middleware(JsonBodies, routes=routes)
    # Not FastAPI's `max_body_size`: that one stands outside of `BodyLimit` and would put its own
    # plain-text answer in place of ours.
    app.add_middleware(RequestBodyLimitMiddleware, max_body_size=max_body_bytes)
    app.add_middleware(BodyLimit, max_bytes=max_body_bytes)
    if keys:
        app.add_middleware(KeyGuard, keys=keys, routes=routes)
    # Gradio reflects any origin with credentials unless its parent has a policy of its own.
    app.add_middleware(
        CORSMiddleware,
        allow_origins=origins,
        allow_origin_regex=None if is_public else LOOPBACK_ORIGINS,
        allow_methods=["GET", "POST"],
        # Whose pages may ask is said by origin. SDKs send headers of their own, such as OpenAI's
        # `x-stainless-lang`.
        allow_headers=["*"],
        expose_headers=EXPOSED_HEADERS,
    )
    if hosts or not is_public:
        app.add_middleware(HostGuard, hosts=hosts)
    headers = {
        "Content-Security-Policy": content_security_policy(
            may_be_framed_by_hugging_face=is_on_space
        ),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }
    app.add_middleware(SecurityHeaders, headers=headers)
    app.add_middleware(Measured, metrics=metrics, routes=routes)
    app.add_middleware(RequestIds, routes=routes)
    app.add_middleware(HeadAsGet, routes=routes)


def _add_server_routes(
    app: FastAPI, service: GenerationService, metrics: Metrics, corpus: Corpus | None
) -> None:
    """Those that generate nothing."""
    _add_health_routes(app, service)
    app.include_router(build_metrics_routes(metrics))
    app.include_router(build_overlap_routes(corpus))
    app.include_router(build_pii_routes(PatternDetector()))


def _add_health_routes(app: FastAPI, service: GenerationService) -> None:
    unwell: dict[int | str, dict[str, Any]] = {
        503: {"description": "Not well, or not ready yet; the body says which."}
    }

    @app.get("/health", tags=["Server"], responses=unwell)
    async def health() -> JSONResponse:
        """Whether the thread that owns the models lives: 200 or 503.

        `status` is "ok" once a model can be asked, as llama.vscode reads it; before that it is
        "loading model", with llama.cpp's error beside it. The number does not change meanwhile:
        who restarts what is ill must not do so to a server that downloads.
        """
        return JSONResponse(_health_body(service), _health_status(service.engine.health.is_alive))

    @app.get("/v1/health", tags=["llama.cpp", "Tabby"], responses=unwell)
    async def llamacpp_health() -> JSONResponse:
        """The same, but 503 also until a model can be asked, as llama.cpp has it. Tabby's clients
        find what they look for in it too."""
        body = _health_body(service) | tabby.health(service.residency)
        return JSONResponse(body, _health_status(body["status"] == "ok"))

    @app.get("/ready", tags=["Server"], responses=unwell)
    async def ready() -> JSONResponse:
        """Whether both models can be asked: 200, or 503 with what each slot is at."""
        statuses = {slot: service.residency.status(slot) for slot in SLOTS}
        is_ready = service.engine.health.is_alive and all(
            isinstance(status, Ready | Parked) for status in statuses.values()
        )
        return JSONResponse(
            {slot: _describe(status) for slot, status in statuses.items()},
            status_code=200 if is_ready else 503,
            headers={} if is_ready else {"Retry-After": str(RETRY_AFTER_SECONDS)},
        )


def _health_body(service: GenerationService) -> dict[str, Any]:
    """llama.cpp's keys beside ours (tools/server/README.md, `GET /health`)."""
    state = service.engine.health
    statuses = [service.residency.status(slot) for slot in SLOTS]
    body: dict[str, Any] = {
        "status": "ok",
        "is_alive": state.is_alive,
        "num_running": state.num_running,
        "num_waiting": state.num_waiting,
        "did_last_step_succeed": state.last_error is None,
    }
    if state.is_alive and any(isinstance(status, Ready | Parked) for status in statuses):
        return body
    is_loading = state.is_alive and any(isinstance(status, Loading) for status in statuses)
    message = "Loading model" if is_loading else "No model can be asked"
    problem = Problem(Kind.LOADING if is_loading else Kind.UNAVAILABLE, message, "NotReady")
    return body | {
        "status": "loading model" if is_loading else "error",
        **LLAMACPP.body(problem, 503),
    }


def _health_status(is_well: bool) -> int:
    return 200 if is_well else 503


def _describe(status: SlotStatus) -> dict[str, object]:
    match status:
        case Loading(progress):
            return {
                "status": "loading",
                "stage": progress.stage,
                "fraction": progress.fraction,
            }
        case Parked():
            return {"status": "parked"}
        case LoadFailed(error):
            return {"status": "failed", "detail": str(error)}
        case Ready(resident):
            return {
                "status": "ready",
                "model": resident.preset.name,
                "device": resident.device,
                "precision": resident.precision,
            }


async def _close_engine(service: GenerationService) -> None:
    # A model that is being loaded cannot be interrupted, and nobody should have to wait for it.
    try:
        async with asyncio.timeout(CLOSE_SECONDS):
            await asyncio.to_thread(service.engine.close)
    except TimeoutError:
        logger.debug("the engine is still busy; leaving it behind")
