"""The named end points, called as `gradio_client` calls them."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from tests.servers import RunningApp


@pytest.fixture(scope="module")
def client(scripted_app: RunningApp) -> Iterator[Client]:
    client = Client(scripted_app.url, verbose=False)
    yield client
    client.close()


def test_each_end_point_answers(client: Client) -> None:
    assert client.predict("SAY: abc", api_name="/continue") == "abc"
    assert client.predict("x = 1\n", "SAY: x = 2\n", api_name="/edit") == "x = 2\n"
    cells = [{"kind": "text", "text": "SAY: y = 2"}, {"kind": "output", "text": ""}]
    assert client.predict(cells, "text", api_name="/notebook") == "y = 2"
    assert client.predict(cells[:1], "same", api_name="/notebook") == "y = 2"
    assert client.predict("", path="SAY: abc", api_name="/continue") == "abc\n"
    assert client.predict("SAY: mid", ") tail", api_name="/infill") == "mid"
    history = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}]
    assert client.predict("SAY: <b>", history, api_name="/chat") == "<b>"


def test_the_tech_assistant_answers_where_it_is_asked_for(client: Client) -> None:
    asked = {"settings": {"max_new_tokens": 13}, "api_name": "/chat"}
    assert client.predict("Write it.", answered_by="assistant", **asked) == '    """Return'
    history = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}]
    told = client.predict("Write it.", history=history, answered_by="assistant", **asked)
    assert told == '    """Return'
    assert client.predict("Write it.", **asked) == "Here is a fun"


def test_an_answerer_that_nobody_knows_is_an_error(client: Client) -> None:
    with pytest.raises(AppError, match='is "chat" or "assistant"'):
        client.predict("x", answered_by="nobody", api_name="/chat")


def test_settings_are_those_of_sampling_params(client: Client) -> None:
    settings = {"max_new_tokens": 4, "stop": "c"}
    assert client.predict("SAY: abcdef", settings, api_name="/continue") == "ab"
    assert client.predict("SAY: xyzxyz", {"max_new_tokens": 4}, api_name="/continue") == "xyzx"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"temperature": -1}, "temperature must be from 0"),
        ({"top_p": 2}, "top_p must be"),
        ({"warmth": 1}, "no setting 'warmth'"),
        ({"stop": [""]}, "stop string cannot be empty"),
    ],
)
def test_a_bad_setting_is_an_error_that_names_it(
    client: Client, settings: dict[str, object], words: str
) -> None:
    with pytest.raises(AppError, match=words):
        client.predict("x", settings, api_name="/continue")


def test_an_empty_prompt_is_an_error(client: Client) -> None:
    with pytest.raises(AppError, match="empty"):
        client.predict("", api_name="/continue")


def test_a_history_of_another_shape_is_an_error(client: Client) -> None:
    with pytest.raises(AppError, match="Each turn of history"):
        client.predict("x", [{"text": "hi"}], api_name="/chat")


@pytest.mark.parametrize(
    ("cells", "next_cell", "words"),
    [
        ([{"kind": "poem", "text": "x"}], "code", "no cells of kind 'poem'"),
        ([{"kind": "code", "text": "x"}], "raw", "no cells of kind 'raw'"),
        ([{"text": "x"}], "code", "Each of the cells"),
        ([], "code", "notebook is empty"),
    ],
)
def test_cells_of_another_shape_are_an_error(
    client: Client, cells: list[dict[str, str]], next_cell: str, words: str
) -> None:
    with pytest.raises(AppError, match=words):
        client.predict(cells, next_cell, api_name="/notebook")


def test_a_cancelled_job_frees_the_engine(client: Client, scripted_app: RunningApp) -> None:
    job = client.submit("SAY: " + "x" * 4000, {"max_new_tokens": 4000}, api_name="/continue")
    for text in job:
        if text:
            break
    job.cancel()
    assert client.predict("SAY: next", api_name="/continue") == "next"
    assert httpx.get(f"{scripted_app.url}/health").json()["num_running"] == 0


@pytest.fixture
def real_client(local_app: RunningApp) -> Iterator[Client]:
    client = Client(local_app.url, verbose=False)
    yield client
    client.close()


@pytest.mark.real
@pytest.mark.timeout(600)
def test_the_embedded_models_write_for_it_what_they_write_for_the_api(
    real_client: Client, local_app: RunningApp
) -> None:
    prefix, suffix = "def add(a, b):\n    return ", "\n\nprint(add(1, 2))\n"
    settings = {"max_new_tokens": 12, "temperature": 0}
    continued = real_client.predict(prefix, settings, api_name="/continue")
    infilled = real_client.predict(prefix, suffix, settings, api_name="/infill")
    said = real_client.predict(
        "Hello.", system="Speak French.", settings=settings, api_name="/chat"
    )
    turns = [{"role": "system", "content": "Speak French."}, {"role": "user", "content": "Hello."}]
    for text, route, body in (
        (continued, "completions", {"prompt": prefix}),
        (infilled, "completions", {"prompt": prefix, "suffix": suffix}),
        (said, "chat/completions", {"messages": turns}),
    ):
        asked = {"max_tokens": 12, "temperature": 0, **body}
        response = httpx.post(f"{local_app.url}/v1/{route}", json=asked, timeout=300)
        [choice] = response.json()["choices"]
        assert text.strip(), route
        assert text == (choice["message"]["content"] if "message" in choice else choice["text"])
