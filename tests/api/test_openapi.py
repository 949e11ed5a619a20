"""The API's description, and the page that shows it without asking anybody else."""

from __future__ import annotations

import re
from typing import Any

import pytest

from api.errors import Kind, Problem, protocol_of
from api.own_routes import OwnRoutes
from api.server import build_server
from tests.api.clients import api_client, build_service

ERRORS = {"400", "401", "404", "413", "422", "424", "429", "500", "501", "503"}
PROBLEM = Problem(Kind.VALIDATION, "", "")


def example_bodies(schema: dict[str, Any]) -> dict[str, list[Any]]:
    """The examples of bodies in the description, by path; a model's fields' put together."""
    bodies: dict[str, list[Any]] = {}
    for path, methods in schema["paths"].items():
        content = methods.get("post", {}).get("requestBody", {}).get("content", {})
        media = content.get("application/json", {})
        examples = [example["value"] for example in media.get("examples", {}).values()]
        name = media.get("schema", {}).get("$ref", "").rpartition("/")[2]
        model = schema.get("components", {}).get("schemas", {}).get(name, {})
        examples += model.get("examples", [])
        fields = model.get("properties", {}).items()
        made = {name: field["examples"][0] for name, field in fields if field.get("examples")}
        if not examples and made:
            examples = [made]
        if examples and "{" not in path:
            bodies[path] = examples
    return bodies


async def read_schema(**options: Any) -> dict[str, Any]:
    headers = {"x-api-key": options["api_keys"][0]} if "api_keys" in options else {}
    async with api_client(**options) as client:
        response = await client.get("/openapi.json", headers=headers)
    assert response.status_code == 200
    schema: dict[str, Any] = response.json()
    return schema


def operations(schema: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method.upper(), path, operation)
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    ]


async def test_our_routes_are_described_and_nothing_of_gradios() -> None:
    app = build_server(build_service(), max_body_bytes=1000, is_public=False)
    described = {(method, path) for method, path, _ in operations(await read_schema())}
    # The description itself, what only refuses, and a second spelling for old settings.
    hidden = {("GET", "/openapi.json"), ("GET", "/docs"), ("GET", "/docs/{name}")}
    hidden |= {("POST", "/api/generate/")}
    assert described == set(OwnRoutes(app).all()) - hidden
    assert not any("gradio" in path for _, path in described)


async def test_every_route_says_what_it_is_for() -> None:
    for method, path, operation in operations(await read_schema()):
        assert operation.get("description"), f"{method} {path}"
        assert operation["tags"], f"{method} {path}"


async def test_every_body_has_an_example() -> None:
    schema = await read_schema()
    for method, path, operation in operations(schema):
        if method == "POST":
            content = operation["requestBody"]["content"]["application/json"]
            assert has_example(content, schema), f"{method} {path}"


def has_example(node: Any, schema: dict[str, Any]) -> bool:
    """Whether an example stands in it, or in a model that it refers to."""
    if isinstance(node, list):
        return any(has_example(item, schema) for item in node)
    if not isinstance(node, dict):
        return False
    if node.get("examples") or "example" in node:
        return True
    if reference := node.get("$ref"):
        return has_example(schema["components"]["schemas"][reference.split("/")[-1]], schema)
    return any(has_example(item, schema) for item in node.values())


async def test_every_example_is_a_good_request() -> None:
    async with api_client() as client:
        schema = (await client.get("/openapi.json")).json()
        for path, examples in example_bodies(schema).items():
            for example in examples:
                answer = await client.post(path, json=example)
                expected = 501 if path == "/overlap" else 200
                assert answer.status_code == expected, f"{path} {example} {answer.text[:300]}"


async def test_errors_are_declared_in_the_form_of_the_protocol() -> None:
    for method, path, operation in operations(await read_schema(api_keys=["k"])):
        protocol = protocol_of(method, path)
        if method == "POST":
            assert {"413", "401", str(protocol.status(Kind.VALIDATION))} <= set(
                operation["responses"]
            )
        for status in ERRORS & set(operation["responses"]):
            content = operation["responses"][status].get("content", {})
            for example in content.get("application/json", {}).get("examples", {}).values():
                assert protocol.body(PROBLEM, int(status)).keys() <= example["value"].keys()


async def test_what_a_server_that_is_unwell_answers_is_declared() -> None:
    paths = (await read_schema())["paths"]
    for path in ("/health", "/v1/health", "/ready"):
        assert {"200", "503"} <= set(paths[path]["get"]["responses"]), path


async def test_only_answers_that_come_are_declared() -> None:
    paths = (await read_schema())["paths"]
    assert "200" not in paths["/slots"]["get"]["responses"]
    assert list(paths["/tokenize"]["post"]["responses"]["200"]["content"]) == ["application/json"]


async def test_fastapis_own_error_form_is_nowhere() -> None:
    assert "HTTPValidationError" not in str(await read_schema())


async def test_a_key_is_declared_where_one_is_wanted() -> None:
    locked = await read_schema(api_keys=["k"])
    assert locked["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    assert locked["paths"]["/overlap"]["post"]["security"] == [{"key": []}]
    assert "401" in locked["paths"]["/overlap"]["post"]["responses"]
    open_paths = {path for _, path, each in operations(locked) if "security" not in each}
    assert open_paths == {"/health"}
    assert "securitySchemes" not in (await read_schema()).get("components", {})


async def test_the_page_loads_everything_from_this_server() -> None:
    async with api_client() as client:
        page = (await client.get("/docs")).text
        addresses = re.findall(r'(?:src|href)="([^"]+)"', page)
        assert len(addresses) >= 3
        assert "http" not in re.sub(r"<!--.*?-->", "", page)
        for address in addresses:
            if address.startswith("data:"):
                continue
            asset = await client.get(f"/{address}")
            assert asset.status_code == 200, address
            assert asset.headers["content-type"].startswith(("text/css", "text/javascript"))


@pytest.mark.parametrize("name", ["core.py", "..%2f__init__.py", "redoc.standalone.js"])
async def test_nothing_else_of_the_package_is_handed_out(name: str) -> None:
    async with api_client() as client:
        assert (await client.get(f"/docs/{name}")).status_code == 404
