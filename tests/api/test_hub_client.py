"""`huggingface_hub.InferenceClient`, which speaks TGI's protocol, against the running app."""

from __future__ import annotations

import pytest
from huggingface_hub import InferenceClient
from huggingface_hub.errors import GenerationError, HfHubHTTPError, ValidationError

from tests.servers import RunningApp

FIM = "<fim_prefix>def one():\n    SAY: return 1<fim_suffix>\n<fim_middle>"
LENGTH = 60


@pytest.fixture
def client(scripted_app: RunningApp) -> InferenceClient:
    return InferenceClient(model=scripted_app.url)


def test_a_text_comes_whole(client: InferenceClient) -> None:
    assert client.text_generation("SAY: 1\n", return_full_text=False) == "1\n"
    assert client.text_generation("SAY: 1\n") == "SAY: 1\n1\n", "TGI's default for one's own URL"
    assert client.text_generation(FIM, return_full_text=False) == "return 1"


def test_a_routes_own_address_serves_as_well(scripted_app: RunningApp) -> None:
    for path in ("/generate", "/models/bigcode/starcoder"):
        client = InferenceClient(model=scripted_app.url + path)
        assert client.text_generation("SAY: 1", return_full_text=False) == "1"


def test_the_details_are_what_its_types_say(client: InferenceClient) -> None:
    output = client.text_generation(
        "SAY: 12", details=True, return_full_text=False, temperature=0.5, seed=3, top_n_tokens=2
    )
    assert output.generated_text == "12"
    details = output.details
    assert details is not None
    assert details.finish_reason == "eos_token"
    assert details.generated_tokens == 3
    assert details.seed == 3
    assert details.prefill == []
    assert [token.text for token in details.tokens] == ["1", "2", "<|endoftext|>"]
    assert [token.special for token in details.tokens] == [False, False, True]
    assert all(token.logprob < 0 for token in details.tokens)
    assert details.top_tokens is not None
    assert [len(tokens) for tokens in details.top_tokens] == [2, 2, 2]


@pytest.mark.parametrize("text", ["return 1\n", "naïve 漢字 \u2028 and \x85"])
def test_a_stream_comes_token_by_token(client: InferenceClient, text: str) -> None:
    told = list(
        client.text_generation(f"SAY: {text}", details=True, stream=True, return_full_text=False)
    )
    assert len(told) == len(text.encode()) + 1
    assert "".join(output.token.text for output in told if not output.token.special) == text
    assert told[-1].generated_text == text
    assert told[-1].details is not None
    assert told[-1].details.finish_reason == "eos_token"
    assert told[-1].details.generated_tokens == len(told)
    # Without the details its texts are all that it gives, the last token's among them, as of TGI.
    texts = client.text_generation(f"SAY: {text}", stream=True, max_new_tokens=LENGTH)
    assert "".join(texts) == f"{text}<|endoftext|>"


def test_a_stop_string_ends_the_text(client: InferenceClient) -> None:
    output = client.text_generation(
        "SAY: a\n\nb", details=True, return_full_text=False, stop=["\n\n"]
    )
    assert output.generated_text == "a"
    assert output.details is not None
    assert output.details.finish_reason == "stop_sequence"


def test_its_errors_have_their_types(client: InferenceClient) -> None:
    with pytest.raises(ValidationError, match="temperature must be from 0 to 5"):
        client.text_generation("a", temperature=-1)
    with pytest.raises(ValidationError, match="'grammar' is not served"):
        client.text_generation("a", grammar={"type": "regex", "value": "a"})  # type: ignore[arg-type]
    with pytest.raises(GenerationError, match="The script failed"):
        client.text_generation("FAIL", max_new_tokens=1000)


def test_what_is_wrong_with_a_stream_is_raised_before_it_or_in_it(client: InferenceClient) -> None:
    with pytest.raises((ValidationError, HfHubHTTPError)):
        list(client.text_generation("a", stream=True, temperature=-1))
    texts: list[str] = []
    with pytest.raises(GenerationError, match="The script failed"):  # noqa: PT012
        for text in client.text_generation("FAIL", stream=True, max_new_tokens=1000):
            texts.append(text)
    assert texts


def test_it_finds_out_about_the_server(scripted_app: RunningApp) -> None:
    client = InferenceClient(model=scripted_app.url, provider="hf-inference")
    info = client.get_endpoint_info()
    assert info["max_total_tokens"] == 8192
    assert client.health_check()


def test_it_chats(client: InferenceClient) -> None:
    messages = [{"role": "user", "content": "SAY: Hello"}]
    output = client.chat_completion(messages, max_tokens=LENGTH)
    assert output.choices[0].message.content == "Hello"
    chunks = list(client.chat_completion(messages, max_tokens=LENGTH, stream=True))
    texts = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices]
    assert "".join(text for text in texts if text) == "Hello"


@pytest.mark.real
@pytest.mark.timeout(600)
def test_the_embedded_model_fills_a_gap_for_it_streamed_and_whole(local_app: RunningApp) -> None:
    client = InferenceClient(model=local_app.url)
    prompt = "<fim_prefix>def add(a, b):\n    return <fim_suffix>\n\nprint(add(1, 2))\n<fim_middle>"
    whole = client.text_generation(
        prompt, details=True, return_full_text=False, max_new_tokens=16, stop=["\n"]
    )
    # What it writes is its own affair; it is a middle, and nothing of the prompt or its tokens.
    assert whole.generated_text.strip()
    assert "fim_" not in whole.generated_text
    assert "\n" not in whole.generated_text
    assert whole.details is not None
    assert all(token.logprob <= 0 for token in whole.details.tokens)
    told = list(
        client.text_generation(
            prompt,
            details=True,
            stream=True,
            return_full_text=False,
            max_new_tokens=16,
            stop=["\n"],
        )
    )
    assert told[-1].generated_text == whole.generated_text
    assert [output.token.id for output in told] == [token.id for token in whole.details.tokens]
    assert told[-1].details is not None
    assert told[-1].details.finish_reason == whole.details.finish_reason


@pytest.mark.real
@pytest.mark.timeout(600)
def test_the_embedded_model_chats_for_it_streamed_and_whole(local_app: RunningApp) -> None:
    client = InferenceClient(model=local_app.url)
    asked = {
        "messages": [{"role": "user", "content": "Say hello."}],
        "max_tokens": 12,
        "temperature": 0,
    }
    whole = client.chat_completion(**asked)
    chunks = list(client.chat_completion(**asked, stream=True))
    [choice] = whole.choices
    assert choice.message.role == "assistant"
    assert choice.message.content
    told = [chunk.choices[0] for chunk in chunks]
    assert "".join(each.delta.content or "" for each in told) == choice.message.content
    assert [each.finish_reason for each in told[:-1]] == [None] * (len(told) - 1)
    assert told[-1].finish_reason == choice.finish_reason
    assert whole.model == chunks[0].model == "embedded-chat"
    assert 0 < whole.usage.completion_tokens <= 12
