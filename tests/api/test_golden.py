"""Golden files of the routes that belong to no protocol's tests, and whether every route has some.

Whose the others are: `tests.api.{tgi,llamacpp,ollama}.test_routes`, `tests.api.openai.test_golden`
and `tests.api.test_shared_paths`.
"""

from __future__ import annotations

import re

import httpx
import pytest

from api.live import NDJSON, SSE
from api.own_routes import OwnRoutes
from api.server import build_server
from tests.api.clients import api_client, build_service
from tests.api.openai.wire_files import without_ids
from tests.api.wire_files import WireCase, wire_cases

FOLDERS = ("own", "tabby")
CASES = [
    case
    for folder in (*FOLDERS, "tgi", "openai", "llamacpp", "ollama", "legacy")
    for case in wire_cases(folder)
]
ROUTES = OwnRoutes(build_server(build_service(), max_body_bytes=1000, is_public=False))
# `tests.api.test_openapi` looks at what they show.
DESCRIPTION = {("GET", "/openapi.json"), ("GET", "/docs"), ("GET", "/docs/{name}")}

PLACEHOLDER = re.compile(r"\{\w+\}")
# Figures that hang on the clock: durations, and what may run a moment longer than its answer.
UNSTEADY = re.compile(r"^(starcoder_(?:\w+_(?:sum|bucket|created)|running)(?:\{.*\})?) .*$", re.M)


def steady(response: httpx.Response) -> httpx.Response:
    """The same answer without ids of its own and without measured figures."""
    if response.headers["content-type"].startswith("text/plain"):
        return httpx.Response(response.status_code, text=UNSTEADY.sub(r"\1 FIGURE", response.text))
    return without_ids(response)


def route_of(case: WireCase) -> tuple[str, str]:
    """Method and path of the route that answers it, as in `OwnRoutes.all`."""
    method, path = case.data["method"], case.data["path"].partition("?")[0]
    scope = {"type": "http", "method": method, "path": path, "headers": []}
    return method, ROUTES.template_of(scope) or "none of ours"


@pytest.mark.parametrize(
    "case",
    [case for folder in FOLDERS for case in wire_cases(folder)],
    ids=lambda case: f"{case.path.parent.name}/{case.name}",
)
async def test_the_wire_is_as_the_golden_file_has_it(case: WireCase) -> None:
    async with api_client() as client:
        case.check(steady(await case.ask(client)))


def test_every_route_has_a_golden_file() -> None:
    assert set(ROUTES.all()) - DESCRIPTION - set(map(route_of, CASES)) == set()


async def test_every_route_that_can_stream_has_a_golden_file_of_its_stream() -> None:
    """Whether the others can is found out: each is asked for one with every body on record."""
    recorded = {route_of(case) for case in CASES if case.is_text}
    requests = [case.data.get("request") for case in CASES]
    bodies = [request | {"stream": True} for request in requests if isinstance(request, dict)]
    others = [path for method, path in ROUTES.all() if method == "POST"]
    others = [path for path in others if ("POST", path) not in recorded]
    streaming = set()
    async with api_client() as client:
        for path in others:
            for body in bodies:
                answer = await client.post(PLACEHOLDER.sub("base", path), json=body)
                if answer.headers["content-type"].startswith((SSE, NDJSON)):
                    streaming.add(path)
    assert streaming == set()


def test_every_route_that_streams_has_a_golden_file_of_a_whole_answer_too() -> None:
    posted = [case for case in CASES if case.data["method"] == "POST"]
    streamed = {route_of(case) for case in posted if case.is_text}
    whole = {
        route_of(case) for case in posted if "answer" in case.data and case.data["status"] == 200
    }
    assert streamed - whole == {("POST", "/generate_stream")}


@pytest.mark.parametrize("folder", ["tgi", "openai", "llamacpp", "ollama"])
def test_every_protocol_has_a_golden_file_of_a_stream_that_fails_on_the_way(folder: str) -> None:
    streams = [case.path.with_suffix(".txt") for case in wire_cases(folder) if case.is_text]
    last_frames = [path.read_text(encoding="utf-8").split("\n")[-3:] for path in streams]
    assert any('{"error":' in "".join(frame) for frame in last_frames)
