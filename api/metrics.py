"""What the API has done so far, for Prometheus: GET /metrics.

Text format: prometheus.io/docs/instrumenting/exposition_formats. Durations are in seconds.
"""

from __future__ import annotations

import time
from functools import partial

from fastapi import APIRouter
from fastapi.responses import Response
from prometheus_client import (
    CONTENT_TYPE_PLAIN_0_0_4,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.own_routes import OwnRoutes
from model.engine.events import Finished
from model.engine.generation import SLOTS, Slot
from model.errors import PlaygroundError
from model.loading.slot import Parked, Ready
from model.service import GenerationService

# From a cached keystroke on a card to a long prompt on two CPU cores.
SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
TOKEN_SECONDS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2)

# The client hung up, or the server went down, before the generation had ended.
ABANDONED = "abandoned"
NO_ANSWER = "none"


class Metrics:
    """The figures of one app, in a registry of its own."""

    def __init__(self, service: GenerationService) -> None:
        self._registry = registry = CollectorRegistry()
        self._requests = Counter(
            "starcoder_requests",
            "HTTP requests for the API that have ended, by route and status.",
            ("method", "route", "status"),
            registry=registry,
        )
        self._request_seconds = Histogram(
            "starcoder_request_seconds",
            "From a request's arrival to the last byte of its answer.",
            ("route",),
            buckets=SECONDS,
            registry=registry,
        )
        self._generations = Counter(
            "starcoder_generations",
            "Generations asked for through the API, by how they ended: a finish reason, the name "
            f"of an error, or {ABANDONED}.",
            ("slot", "outcome"),
            registry=registry,
        )
        self._prompt_tokens = _counter(registry, "prompt_tokens", "Tokens of prompts.")
        self._reused_tokens = _counter(
            registry, "reused_tokens", "Tokens of prompts that the kept cache held already."
        )
        self._generated_tokens = _counter(registry, "generated_tokens", "Tokens generated.")
        self._queue_seconds = _histogram(registry, "queue_seconds", "Waiting in the line.")
        self._first_token_seconds = _histogram(
            registry, "time_to_first_token_seconds", "From joining the line to the first token."
        )
        self._token_seconds = _histogram(
            registry,
            "time_per_token_seconds",
            "Mean time between two tokens of a generation.",
            TOKEN_SECONDS,
        )
        _add_gauges(registry, service)

    def render(self) -> bytes:
        return generate_latest(self._registry)

    def count_request(self, method: str, route: str, status: int | None, seconds: float) -> None:
        """One request has ended; a `status` of None means that no answer was begun."""
        label = NO_ANSWER if status is None else str(status)
        self._requests.labels(method, route, label).inc()
        self._request_seconds.labels(route).observe(seconds)

    def count_generation(self, slot: Slot, end: Finished | PlaygroundError | None) -> None:
        """An `api.asking.Observer`: one generation has ended; None is one left before its end."""
        if not isinstance(end, Finished):
            outcome = type(end).__name__ if end is not None else ABANDONED
            self._generations.labels(slot, outcome).inc()
            return
        self._generations.labels(slot, end.reason.value).inc()
        usage, timings = end.usage, end.timings
        self._prompt_tokens.labels(slot).inc(usage.prompt_tokens)
        self._reused_tokens.labels(slot).inc(usage.reused_tokens)
        self._generated_tokens.labels(slot).inc(usage.completion_tokens)
        self._queue_seconds.labels(slot).observe(timings.queued)
        if timings.time_to_first_token is not None:
            waited = timings.queued + timings.time_to_first_token
            self._first_token_seconds.labels(slot).observe(waited)
        speed = timings.tokens_per_second(usage.completion_tokens)
        if speed is not None:
            self._token_seconds.labels(slot).observe(1 / speed)


class Measured:
    """Counts and times each request for one of our routes."""

    def __init__(self, app: ASGIApp, metrics: Metrics, routes: OwnRoutes) -> None:
        self._app = app
        self._metrics = metrics
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = self._routes.template_of(scope)
        if route is None:
            await self._app(scope, receive, send)
            return
        status: int | None = None

        async def send_and_see(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        started = time.monotonic()
        try:
            await self._app(scope, receive, send_and_see)
        finally:
            seconds = time.monotonic() - started
            self._metrics.count_request(scope["method"], route, status, seconds)


def build_routes(metrics: Metrics) -> APIRouter:
    router = APIRouter(tags=["Server"])

    @router.get("/metrics", response_class=Response)
    async def read_metrics() -> Response:
        """Counters and timings in Prometheus' text format."""
        return Response(
            metrics.render(),
            media_type=CONTENT_TYPE_PLAIN_0_0_4,
            headers={"Cache-Control": "no-store"},
        )

    return router


def _counter(registry: CollectorRegistry, name: str, text: str) -> Counter:
    return Counter(f"starcoder_{name}", f"{text} API only.", ("slot",), registry=registry)


def _histogram(
    registry: CollectorRegistry, name: str, text: str, buckets: tuple[float, ...] = SECONDS
) -> Histogram:
    return Histogram(
        f"starcoder_{name}", f"{text} API only.", ("slot",), buckets=buckets, registry=registry
    )


def _add_gauges(registry: CollectorRegistry, service: GenerationService) -> None:
    """What is so at the moment of asking, the page's requests included."""
    engine = service.engine
    up = Gauge(
        "starcoder_engine_up",
        "Whether the thread that owns the models lives.",
        registry=registry,
    )
    up.set_function(lambda: engine.health.is_alive)
    running = Gauge(
        "starcoder_running", "Generations that run, the page's included.", registry=registry
    )
    running.set_function(lambda: engine.health.num_running)
    waiting = Gauge(
        "starcoder_waiting", "Generations that wait, the page's included.", registry=registry
    )
    waiting.set_function(lambda: engine.health.num_waiting)
    ready = Gauge(
        "starcoder_model_ready",
        "Whether the slot's model can be asked.",
        ("slot",),
        registry=registry,
    )
    for slot in SLOTS:
        ready.labels(slot).set_function(partial(_is_ready, service, slot))


def _is_ready(service: GenerationService, slot: Slot) -> bool:
    return isinstance(service.residency.status(slot), Ready | Parked)
