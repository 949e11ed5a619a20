"""Who may use the API where it wants a key."""

from __future__ import annotations

import base64
import logging

import httpx
import pytest

from api.keys import BROWSER_ROUTES, Keys
from api.own_routes import OwnRoutes
from api.server import build_server
from tests.api.clients import api_client, build_service, client_of

KEYS = ("first-key", "second-key")
LOCKED = "/overlap"
BODY = {"document": "x"}


def basic(credentials: str) -> str:
    return "Basic " + base64.b64encode(credentials.encode()).decode()


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer first-key"},
        {"authorization": "bearer second-key"},
        {"authorization": "Bearer  first-key "},
        {"x-api-key": "second-key"},
        {"authorization": basic("anybody:first-key")},
        {"authorization": basic(":second-key")},
    ],
)
async def test_each_key_opens_the_api_in_each_header(headers: dict[str, str]) -> None:
    async with api_client(api_keys=KEYS) as client:
        assert (await client.post(LOCKED, json=BODY, headers=headers)).status_code == 501


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": ""},
        {"authorization": "Bearer"},
        {"authorization": "Bearer "},
        {"authorization": "Bearer first"},
        {"authorization": "Bearer first-key,second-key"},
        {"authorization": "Basic first-key"},
        {"authorization": "Basic"},
        {"authorization": basic("first-key")},
        {"authorization": basic("first-key:")},
        {"authorization": basic("first-key:first")},
        {"authorization": "first-key"},
        {"authorization": "Bearer FIRST-KEY"},
        {"x-api-key": ""},
        {"x-api-key": "first-keyé"},
    ],
)
async def test_anything_else_is_refused_with_the_way_to_do_it(headers: dict[str, str]) -> None:
    # As latin-1, which is how an odd header arrives.
    raw = {name: value.encode("latin-1") for name, value in headers.items()}
    async with api_client(api_keys=KEYS) as client:
        response = await client.post(LOCKED, json=BODY, headers=raw)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert "key" in response.json()["detail"]
    assert "first-key" not in response.text


async def test_every_route_of_the_api_wants_the_key_but_health() -> None:
    app = build_server(build_service(), max_body_bytes=1000, is_public=False, api_keys=KEYS)
    async with client_of(app) as client:
        for method, path in OwnRoutes(app).all():
            response = await client.request(method, path.replace("{", "").replace("}", ""))
            is_open = path == "/health"
            assert (response.status_code == 401) is not is_open, f"{method} {path}"


async def test_a_refusal_has_the_form_of_the_paths_protocol() -> None:
    async with api_client(api_keys=KEYS) as client:
        app = client._transport.app  # type: ignore[attr-defined]

        for method, path in OwnRoutes(app).all():
            if path.startswith("/v1/"):
                body = (await client.request(method, path)).json()
                assert body["error"]["type"] == "authentication_error"
                assert body["detail"][0]["msg"] == body["error"]["message"]


async def test_a_browser_that_opens_the_description_is_made_to_ask_for_the_key() -> None:
    async with api_client(api_keys=KEYS) as client:
        for path in BROWSER_ROUTES:
            response = await client.get(path.replace("{name}", "swagger-ui.css"))
            assert response.headers["www-authenticate"].startswith("Basic "), path
        headers = {"authorization": basic("anybody:first-key")}
        assert (await client.get("/docs", headers=headers)).status_code == 200


async def test_an_empty_bearer_does_not_hide_the_other_header() -> None:
    async with api_client(api_keys=KEYS) as client:
        headers = {"authorization": "Bearer ", "x-api-key": KEYS[0]}
        assert (await client.post(LOCKED, json=BODY, headers=headers)).status_code == 501


async def test_without_keys_everybody_may_ask() -> None:
    async with api_client() as client:
        assert (await client.post(LOCKED, json=BODY)).status_code == 501


async def test_the_key_is_asked_for_before_the_body_is_read() -> None:
    app = build_server(build_service(), max_body_bytes=10, is_public=True, api_keys=KEYS)
    sent = []

    async def receive() -> dict[str, object]:
        raise AssertionError("the body was read")

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": LOCKED,
        "raw_path": LOCKED.encode(),
        "query_string": b"",
        "headers": [(b"host", b"x"), (b"content-length", b"1000000")],
        "http_version": "1.1",
        "scheme": "http",
        "root_path": "",
    }
    await app(scope, receive, send)
    assert sent[0]["status"] == 401


async def test_no_key_is_ever_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="api"):
        async with api_client(api_keys=KEYS) as client:
            for key in (*KEYS, "wrong-key"):
                headers = {"authorization": f"Bearer {key}"}
                await client.post(f"{LOCKED}?key={key}", json=BODY, headers=headers)
    assert "/overlap: 401" in caplog.text
    assert "-key" not in caplog.text


def test_all_keys_are_compared_whichever_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []

    def compare(given: bytes, key: bytes) -> bool:
        compared.append(key)
        return given == key

    monkeypatch.setattr("api.keys.hmac.compare_digest", compare)
    assert Keys(KEYS).fits(b"first-key")
    assert compared == [b"first-key", b"second-key"]


def test_keys_do_not_show_what_they_are() -> None:
    assert "first" not in repr(Keys(KEYS))


async def test_a_page_of_an_allowed_origin_can_read_the_refusal() -> None:
    async with api_client(api_keys=KEYS, cors_origins=["https://editor.example"]) as client:
        headers = {"origin": "https://editor.example"}
        response: httpx.Response = await client.post(LOCKED, json=BODY, headers=headers)
    assert response.status_code == 401
    assert response.headers["access-control-allow-origin"] == "https://editor.example"
