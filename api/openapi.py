"""The API's description: the OpenAPI schema, and Swagger UI to read and try it.

Both hold our routes only, and the page's files come from this server.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.openapi.utils import get_openapi
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse
from starlette.exceptions import HTTPException

from api.errors import OLLAMA, OWN, TGI, Kind, Problem, Protocol, problem_of, protocol_of
from api.examples import EXAMPLES
from api.keys import MISSING, OPEN_ROUTES
from api.live import NDJSON, SSE
from api.overlap import problem_of_corpus
from model.errors import (
    ContextLengthError,
    EngineClosedError,
    ModelNotReadyError,
    OutOfMemoryError,
    QueueFullError,
)

VERSION = "1"
DESCRIPTION = (
    "Completion, infill and chat as the clients of several servers ask for them, all over the "
    "models of this page. Each group of routes follows its own server's protocol, in errors too."
)
# Of the package that carries Swagger UI, nothing but these files is used.
ASSETS = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css"}
DAY_SECONDS = 86_400

# What a client may meet, by example.
INVALID_PROBLEM = problem_of(ContextLengthError(9_000, 8_191))
TOO_LARGE_PROBLEM = Problem(
    Kind.TOO_LARGE, "That is too much at once. Shorten the text.", "BodyTooLarge"
)
MODEL_PROBLEMS = (
    problem_of(ModelNotReadyError("reading weights")),
    problem_of(EngineClosedError("The engine has stopped.", "Restart the app.")),
)
GENERATION_PROBLEMS = (
    problem_of(QueueFullError(32)),
    problem_of(OutOfMemoryError("The device ran out of memory.", "Shorten the prompt.")),
    Problem(Kind.GENERATION, "The model failed on this request.", "GenerationError"),
)
KEY_PROBLEM = Problem(Kind.UNAUTHORIZED, MISSING, "InvalidApiKey")
NO_CORPUS_PROBLEM = problem_of_corpus("The attribution server gives no answer")
NOT_SERVED_PROBLEM = Problem(Kind.NOT_SERVED, "This is not served.", "NotServed")
UNKNOWN_MODEL_PROBLEM = Problem(Kind.NOT_FOUND, "There is no such model here.", "UnknownModel")

# Routes that answer from what the server knows anyway, in whatever state the models are.
STATELESS_ROUTES = frozenset(
    {"/health", "/v1/health", "/ready", "/metrics", "/overlap", "/pii", "/slots"}
)
# Routes that say 501: the first where there is no index, the second always.
NOT_SERVED_ROUTES = frozenset({"/overlap", "/slots"})
NEVER_SERVED_ROUTES = frozenset({"/slots"})


def add_description(app: FastAPI, *, wants_key: bool) -> None:
    """Add /openapi.json and /docs. Call it when all other routes are there."""
    router = APIRouter(include_in_schema=False)

    @cache
    def schema() -> dict[str, Any]:
        return describe(app, wants_key=wants_key)

    @router.get("/openapi.json")
    async def read_schema() -> JSONResponse:
        return JSONResponse(schema())

    @router.get("/docs")
    async def read_page() -> HTMLResponse:
        # Addresses relative to /docs, so that a proxy may serve all of it below a path.
        return get_swagger_ui_html(
            openapi_url="openapi.json",
            title=f"{app.title}: API",
            swagger_js_url="docs/swagger-ui-bundle.js",
            swagger_css_url="docs/swagger-ui.css",
            swagger_favicon_url="data:,",
            swagger_ui_parameters={"validatorUrl": None, "docExpansion": "list"},
        )

    @router.get("/docs/{name}")
    async def read_asset(name: str) -> FileResponse:
        if name not in ASSETS:
            raise HTTPException(404)
        path = Path(str(files("fastapi_offline"))) / "static" / name
        headers = {"Cache-Control": f"max-age={DAY_SECONDS}"}
        return FileResponse(path, media_type=ASSETS[name], headers=headers)

    app.include_router(router)


def describe(app: FastAPI, *, wants_key: bool) -> dict[str, Any]:
    """The OpenAPI schema of `app`'s own routes, with the errors that each can answer."""
    schema = get_openapi(
        title=app.title, version=VERSION, description=DESCRIPTION, routes=app.routes
    )
    components = schema.setdefault("components", {})
    # FastAPI's own form of a validation error, which no route of ours answers.
    for name in ("HTTPValidationError", "ValidationError"):
        components.get("schemas", {}).pop(name, None)
    if wants_key:
        components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            _add_examples(operation, path)
            _declare_live_answer(operation, path, components.get("schemas", {}))
            _declare_problems(operation, method.upper(), path, wants_key=wants_key)
    return schema


def _add_examples(operation: dict[str, Any], path: str) -> None:
    if path in EXAMPLES and "requestBody" in operation:
        operation["requestBody"]["content"]["application/json"]["examples"] = {
            title: {"summary": title, "value": body} for title, body in EXAMPLES[path].items()
        }


def _declare_live_answer(operation: dict[str, Any], path: str, models: dict[str, Any]) -> None:
    """Of routes whose body may ask for a stream, and of those that only stream."""
    if path == "/generate_stream":
        operation["responses"]["200"]["content"] = {}
    elif not _has_property(operation.get("requestBody", {}), "stream", models):
        return
    is_ollama = protocol_of("POST", path) is OLLAMA
    media_type = NDJSON if is_ollama else SSE
    form = "Lines, each a JSON object." if is_ollama else "Events, each a JSON object."
    operation["responses"]["200"].setdefault("content", {})[media_type] = {
        "schema": {"description": form}
    }


def _has_property(node: Any, name: str, models: dict[str, Any]) -> bool:
    """Whether a schema, or a model that it refers to, has such a property."""
    if isinstance(node, list):
        return any(_has_property(item, name, models) for item in node)
    if not isinstance(node, dict):
        return False
    model = models.get(str(node.get("$ref", "")).rpartition("/")[2], {})
    if name in node.get("properties", {}) or name in model.get("properties", {}):
        return True
    return any(_has_property(item, name, models) for item in node.values())


def _declare_problems(
    operation: dict[str, Any], method: str, path: str, *, wants_key: bool
) -> None:
    protocol = protocol_of(method, path)
    operation.setdefault("tags", [protocol.name])
    responses = operation["responses"]
    if path in NEVER_SERVED_ROUTES:
        responses.pop("200", None)
    if "HTTPValidationError" in str(responses.get("422")):
        del responses["422"]
    wants_key = wants_key and path not in OPEN_ROUTES
    if wants_key:
        operation["security"] = [{"key": []}]
        _declare(responses, KEY_PROBLEM, protocol)
    for problem in _problems(method, path, protocol, bool(operation.get("parameters"))):
        _declare(responses, problem, protocol)


def _declare(responses: dict[str, Any], problem: Problem, protocol: Protocol) -> None:
    status = protocol.status(problem.kind)
    body = protocol.body(problem, status)
    response = responses.setdefault(str(status), {"description": problem.message})
    content = response.setdefault("content", {}).setdefault(
        "application/json", {"schema": _schema_of(body)}
    )
    if "example" not in content:
        content.setdefault("examples", {})[problem.error_type] = {"value": body}


def _problems(
    method: str, path: str, protocol: Protocol, has_parameters: bool
) -> Iterator[Problem]:
    if method == "POST" or has_parameters:
        yield INVALID_PROBLEM
    if method == "POST":
        yield TOO_LARGE_PROBLEM
    if path in NOT_SERVED_ROUTES:
        yield NOT_SERVED_PROBLEM
    if path == "/overlap":
        yield NO_CORPUS_PROBLEM
    if path in STATELESS_ROUTES:
        return
    yield from MODEL_PROBLEMS
    if method == "POST":
        yield from GENERATION_PROBLEMS
    if protocol not in (OWN, TGI) or "{" in path:
        yield UNKNOWN_MODEL_PROBLEM


def _schema_of(value: object) -> dict[str, Any]:
    """A JSON schema that `value` and its like follow: the same keys, of the same types."""
    match value:
        case dict():
            properties = {key: _schema_of(item) for key, item in value.items()}
            # llm-ls's `estimated_time` and its like come with some errors only.
            required = [key for key in value if key != "estimated_time"]
            return {"type": "object", "properties": properties, "required": required}
        case list():
            return {"type": "array", "items": _schema_of(value[0])}
        case None:
            return {"type": ["string", "null"]}
        case str():
            return {"type": ["string", "null"]}
        case _:
            return {"type": "number"}
