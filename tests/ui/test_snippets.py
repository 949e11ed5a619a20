"""What the Connect panel prints for each client, for models of every kind."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from model.prompts.infill import (
    INFILL_FORMATS,
    SANTACODER,
    SMOLLM2,
    STARCODER,
    STARCODER2,
    InfillFormat,
)
from model.prompts.segments import END_OF_TEXT
from tests.ui.settings_readers import READERS
from ui.editor_settings import context_window, tokenizer_path
from ui.served import KEY, NO_KEY, ModelFacts, Server
from ui.snippets import CLIENTS, build_snippet

ADDRESS = "https://owner-starcoder.hf.space"
EDITORS = ("llm-vscode", "llm.nvim", "llama.vim", "llama.vscode", "continue")
PYTHON = ("openai", "inference-client", "gradio-client")
# A local folder may be called anything.
HOSTILE = """it's "a" \\ $(touch x) `y` {{{z}}} ' && é"""


def base_model(infill: InfillFormat | None = STARCODER, **options: Any) -> ModelFacts:
    fields = {"name": "starcoder", "title": "StarCoder", "context_length": 8192} | options
    return ModelFacts(infill=infill, **fields)


def server(base: ModelFacts | None = None, **options: Any) -> Server:
    chat = ModelFacts("starchat-beta", "StarChat Beta", 4096, None, can_chat=True)
    fields: dict[str, Any] = {"address": ADDRESS, "needs_key": False, "chat": chat} | options
    return Server(base=base or base_model(), **fields)


def settings_of(client: str, where: Server) -> Any:
    snippet = build_snippet(client, where)
    return READERS[snippet.lexer](snippet.code)


def leaves(value: Any) -> Iterator[Any]:
    match value:
        case dict():
            for item in value.values():
                yield from leaves(item)
        case list():
            for item in value:
                yield from leaves(item)
        case _:
            yield value


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("needs_key", [False, True])
def test_each_names_this_server_and_where_it_belongs(client: str, needs_key: bool) -> None:
    snippet = build_snippet(client, server(needs_key=needs_key))
    assert ADDRESS in snippet.code
    assert set(re.findall(r"https?://[^/\s\"']+", snippet.code)) == {ADDRESS}
    assert len(snippet.steps) == 2
    assert all(step.endswith(".") for step in snippet.steps)
    assert not snippet.refusal
    assert snippet.code.endswith("\n")


@pytest.mark.parametrize("client", CLIENTS)
def test_a_key_is_asked_for_where_one_is_needed(client: str) -> None:
    assert KEY not in build_snippet(client, server()).code
    with_key = build_snippet(client, server(needs_key=True))
    if client == "llm-vscode":  # which keeps it out of its settings
        assert "Llm: Login" in with_key.steps[1]
    elif client == "gradio-client":  # which asks the page
        assert with_key == build_snippet(client, server())
    else:
        assert KEY in with_key.code
        assert NO_KEY not in with_key.code


@pytest.mark.parametrize("client", EDITORS)
@pytest.mark.parametrize("needs_key", [False, True])
@pytest.mark.parametrize("name", ["bigcode/starcoder2-3b", HOSTILE])
def test_editors_can_read_their_settings(client: str, needs_key: bool, name: str) -> None:
    where = server(base_model(STARCODER2, name=name), needs_key=needs_key)
    texts = list(leaves(settings_of(client, where)))
    assert any(str(text).startswith(ADDRESS) for text in texts)
    if client != "llama.vscode":  # which asks for no model by name
        assert name in texts


@pytest.mark.parametrize("client", PYTHON)
@pytest.mark.parametrize("infill", [STARCODER, SANTACODER, None])
@pytest.mark.parametrize("name", ["starcoder", HOSTILE])
def test_python_can_be_parsed_and_holds_the_names(
    client: str, infill: InfillFormat | None, name: str
) -> None:
    code = build_snippet(client, server(base_model(infill, name=name))).code
    strings = {node.value for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Constant)}
    assert strings & {ADDRESS, f"{ADDRESS}/v1"}
    assert client != "openai" or name in strings


@pytest.mark.parametrize("client", ["curl", "open-webui"])
@pytest.mark.parametrize("name", ["starcoder", HOSTILE])
def test_a_shell_can_read_its_commands(client: str, name: str) -> None:
    code = build_snippet(client, server(base_model(name=name), needs_key=True)).code
    subprocess.run(["bash", "-n"], input=code, text=True, check=True)
    words = shlex.split(code, comments=True)
    if client == "curl":
        body = READERS["json"](words[words.index("-d") + 1])
        assert body["model"] == name
        assert f"Authorization: Bearer {KEY}" in words
    else:
        assert f"OPENAI_API_BASE_URL={ADDRESS}/v1" in words


@pytest.mark.parametrize("dialect", INFILL_FORMATS.values(), ids=lambda dialect: dialect.name)
def test_the_infill_tokens_are_those_of_the_models_dialect(dialect: InfillFormat) -> None:
    where = server(base_model(dialect))
    vscode = settings_of("llm-vscode", where)
    parts = {part: vscode[f"llm.fillInTheMiddle.{part}"] for part in ("prefix", "middle", "suffix")}
    expected = {"prefix": dialect.prefix, "middle": dialect.middle, "suffix": dialect.suffix}
    assert parts == expected
    assert settings_of("llm.nvim", where)["fim"] == {"enabled": True, **expected}
    (first, _) = settings_of("continue", where)["models"]
    assert first["promptTemplates"]["autocomplete"] == (
        f"{dialect.prefix}{{{{{{prefix}}}}}}{dialect.suffix}{{{{{{suffix}}}}}}{dialect.middle}"
    )
    assert dialect.middle in build_snippet("inference-client", where).code


def test_end_tokens_are_cleared_from_what_llm_ls_shows() -> None:
    where = server(base_model(STARCODER2, end_tokens=(END_OF_TEXT, "<file_sep>")))
    assert settings_of("llm-vscode", where)["llm.tokensToClear"] == [END_OF_TEXT, "<file_sep>"]
    assert settings_of("llm.nvim", where)["tokens_to_clear"] == [END_OF_TEXT, "<file_sep>"]


def test_llm_lss_window_leaves_room_for_what_it_asks_for() -> None:
    where = server(base_model(context_length=2048))
    settings = settings_of("llm-vscode", where)
    asked = settings["llm.requestBody"]["parameters"]["max_new_tokens"]
    assert settings["llm.contextWindow"] + asked <= 2048
    assert settings["llm.contextWindow"] > 1900
    assert settings_of("llm.nvim", where)["context_window"] == settings["llm.contextWindow"]


def test_a_processor_is_not_made_to_read_thousands_of_tokens_at_each_key() -> None:
    assert context_window(base_model()) > 8000
    assert context_window(base_model(is_slow=True)) == 2048
    assert context_window(base_model(is_slow=True, context_length=1024)) < 1024


def test_llm_ls_has_the_tokenizer_from_here_unless_that_needs_a_key() -> None:
    assert settings_of("llm-vscode", server())["llm.tokenizer"] == {
        "url": f"{ADDRESS}/tokenizer.json",
        "to": "/tmp/starcoder-starcoder/tokenizer.json",
    }
    assert settings_of("llm-vscode", server(needs_key=True))["llm.tokenizer"] is None
    assert "tokenizer" not in settings_of("llm.nvim", server(needs_key=True))


def test_each_models_tokenizer_has_a_file_of_its_own_below_tmp() -> None:
    names = ("starcoder", "starcoder2-3b", "owner/name", "/home/me/check points/a'b", "../..")
    paths = [tokenizer_path(name) for name in names]
    assert len(set(paths)) == len(names)
    assert all(re.fullmatch(r"/tmp/starcoder-[A-Za-z0-9.-]*/tokenizer\.json", p) for p in paths)
    assert not any("/.." in path for path in paths)


@pytest.mark.parametrize(
    ("client", "prefix"), [("llama.vim", ""), ("llama.vscode", "llama-vscode.")]
)
def test_llamas_surroundings_fit_the_model(client: str, prefix: str) -> None:
    with_files = settings_of(client, server(base_model(STARCODER2, context_length=16_384)))
    assert f"{prefix}ring_n_chunks" not in with_files
    assert f"{prefix}n_prefix" not in with_files
    small = settings_of(client, server(base_model(SANTACODER, context_length=2048)))
    assert small[f"{prefix}ring_n_chunks"] == 0  # it reads no other files
    assert small[f"{prefix}n_prefix"] == 64
    assert small[f"{prefix}n_suffix"] == 16
    assert settings_of(client, server(base_model(SMOLLM2)))[f"{prefix}ring_n_chunks"] == 0


def test_without_infill_llm_ls_continues_and_others_say_what_is_missing() -> None:
    where = server(base_model(None))
    vscode = settings_of("llm-vscode", where)
    assert vscode["llm.fillInTheMiddle.enabled"] is False
    assert "llm.fillInTheMiddle.prefix" not in vscode
    assert "fill in the middle" in build_snippet("llama.vim", where).refusal
    assert "fill in the middle" in build_snippet("llama.vscode", where).refusal
    (only,) = settings_of("continue", where)["models"]
    assert only["roles"] == ["chat", "edit"]
    assert "suffix" not in build_snippet("openai", where).code
    assert "suffix" not in build_snippet("curl", where).code
    assert 'api_name="/continue"' in build_snippet("gradio-client", where).code
    assert "<fim" not in build_snippet("inference-client", where).code


def test_without_dialogue_nothing_asks_for_a_chat() -> None:
    mute = ModelFacts("other", "Other", 8192, None)
    where = server(chat=mute)
    assert "not tuned for dialogue" in build_snippet("open-webui", where).refusal
    for client in ("curl", "openai", "inference-client", "gradio-client", "llama.vim"):
        snippet = build_snippet(client, where)
        assert "chat" not in snippet.code, client
        assert not snippet.refusal
    (only,) = settings_of("continue", where)["models"]
    assert only["roles"] == ["autocomplete"]
    neither = server(base_model(None), chat=mute)
    assert "Neither model" in build_snippet("continue", neither).refusal
