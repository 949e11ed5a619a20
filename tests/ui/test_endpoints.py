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


def test_a_cancelled_job_frees_the_engine(client: Client, scripted_app: RunningApp) -> None:
    job = client.submit("SAY: " + "x" * 4000, {"max_new_tokens": 4000}, api_name="/continue")
    for text in job:
        if text:
            break
    job.cancel()
    assert client.predict("SAY: next", api_name="/continue") == "next"
    assert httpx.get(f"{scripted_app.url}/health").json()["num_running"] == 0
