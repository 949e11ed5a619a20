"""What the Connect panel hands out, run: calls as they are, and settings by the requests that their
editors would make of them.

The requests follow huggingface/llm-ls's crates/llm-ls/src/backend.rs, ggml-org/llama.vim's
autoload/llama.vim, ggml-org/llama.vscode's src/llama-server.ts, continuedev/continue's
core/llm/llms/OpenAI.ts and open-webui/open-webui's backend/open_webui/routers/openai.py.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from tokenizers import Tokenizer

from app import build_service
from model.engine.scripted import CHAT_SCRIPT, CODE_SCRIPT
from model.prompts.infill import STARCODER
from settings import load_settings
from tests.servers import RunningApp, app_in_thread
from tests.ui.settings_readers import READERS
from ui.connect_panel import read_model
from ui.served import COMPLETION_TOKENS, KEY, ModelFacts, Server
from ui.snippets import CLIENTS, build_snippet

SECRET = "a-key-of-ours"
MIDDLE = CODE_SCRIPT[:COMPLETION_TOKENS]
RUN_SECONDS = 90
LLM_LS = {"User-Agent": "llm-ls/0.5.3; rust/unknown; ide/VSCode"}


@dataclass(frozen=True)
class Target:
    """A running app, and the snippets of its panel, with the key put in where one is needed."""

    server: Server

    def code(self, client: str) -> str:
        snippet = build_snippet(client, self.server)
        assert not snippet.refusal
        return snippet.code.replace(KEY, SECRET)

    def settings(self, client: str) -> Any:
        return READERS[build_snippet(client, self.server).lexer](self.code(client))


@pytest.fixture(scope="module", params=["open", "with a key"])
def target(request: pytest.FixtureRequest) -> Iterator[Target]:
    flags = ["--engine", "scripted", "--scripted-speed", "100000", "--scripted-load-seconds", "0"]
    needs_key = request.param != "open"
    settings = load_settings([*flags, "--api-key", SECRET] if needs_key else flags)
    service = build_service(settings)
    with app_in_thread(settings, service) as url:
        base, chat = (read_model(service.residency, slot) for slot in ("base", "chat"))
        yield Target(Server(url, needs_key, base, chat))


def run(command: list[str]) -> str:
    """What `command` prints on a machine whose user is logged in to the hub."""
    environment = {**os.environ, "HF_TOKEN": "hf_nobodysbusiness"}
    environment |= {"GRADIO_ANALYTICS_ENABLED": "False", "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=RUN_SECONDS, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def run_python(code: str) -> str:
    return run([sys.executable, "-c", code])


def post(url: str, body: dict[str, Any], key: str | None = None, **headers: str) -> httpx.Response:
    if key is not None:
        headers["Authorization"] = f"Bearer {key}".rstrip()  # as a server reads it
    response = httpx.post(url, json=body, headers=headers, timeout=RUN_SECONDS)
    assert response.status_code == 200, response.text
    return response


def events(stream: str) -> list[Any]:
    """The data of an OpenAI stream, which has come to its end."""
    data = [line.removeprefix("data:").strip() for line in stream.splitlines() if line]
    assert data.pop() == "[DONE]"
    return [json.loads(event) for event in data]


def chat_text(stream: str) -> str:
    deltas = (choice["delta"] for event in events(stream) for choice in event["choices"])
    return "".join(delta.get("content") or "" for delta in deltas)


def llm_ls_prompt(fim: dict[str, Any], before: str, after: str) -> str:
    if not fim["enabled"]:
        return before
    return f"{fim['prefix']}{before}{fim['suffix']}{after}{fim['middle']}"


def ask_as_llm_ls(settings: dict[str, Any], key: str | None, before: str, after: str) -> str:
    """The suggestion that llm-ls would show for llm.nvim's `settings`."""
    assert settings["backend"] == "tgi"
    url = settings["url"]
    url = url if url.endswith("/generate") else f"{url.removesuffix('/')}/generate"
    body = {
        **settings["request_body"],
        "inputs": llm_ls_prompt(settings["fim"], before, after),
        "parameters": {**settings["request_body"]["parameters"], "return_full_text": False},
    }
    answer = post(url, body, key, **LLM_LS).json()
    text = answer["generated_text"]  # a list would be an error to it
    for token in settings["tokens_to_clear"]:
        text = text.replace(token, "")
    return str(text)


def nvim_from_vscode(settings: dict[str, Any]) -> dict[str, Any]:
    """What both editors hand on to llm-ls, by the names that llm.nvim has for it."""
    parts = ("enabled", "prefix", "middle", "suffix")
    return {
        "backend": settings["llm.backend"],
        "url": settings["llm.url"],
        "model": settings["llm.modelId"],
        "tokens_to_clear": settings["llm.tokensToClear"],
        "request_body": settings["llm.requestBody"],
        "fim": {part: settings[f"llm.fillInTheMiddle.{part}"] for part in parts},
        "context_window": settings["llm.contextWindow"],
    }


def test_curls_calls_complete_and_chat(target: Target) -> None:
    completion, _, chat = run(["bash", "-c", target.code("curl")]).partition("data:")
    assert json.loads(completion)["choices"][0]["text"] == MIDDLE
    assert chat_text(f"data:{chat}") == CHAT_SCRIPT[:200]


def test_the_openai_library_completes_and_chats(target: Target) -> None:
    assert run_python(target.code("openai")) == f"{MIDDLE}\n{CHAT_SCRIPT[:200]}"


def test_the_inference_client_completes_and_chats(target: Target) -> None:
    assert run_python(target.code("inference-client")) == f"{MIDDLE}\n{CHAT_SCRIPT[:200]}\n"


def test_the_gradio_client_completes_and_chats(target: Target) -> None:
    output = run_python(target.code("gradio-client"))
    assert f"{MIDDLE}\n" in output
    assert output.rstrip().endswith(CHAT_SCRIPT.rstrip())


@pytest.mark.parametrize("client", ["llm-vscode", "llm.nvim"])
def test_llm_ls_shows_a_suggestion_with_these_settings(target: Target, client: str) -> None:
    settings = target.settings(client)
    if client == "llm-vscode":
        settings = nvim_from_vscode(settings)
        key = SECRET if target.server.needs_key else None  # by its login command
    else:
        key = settings["api_token"]
    assert ask_as_llm_ls(settings, key, "def f(n):\n    ", "\n    return n\n") == MIDDLE


def test_llm_ls_may_fill_its_window_to_the_brim(target: Target) -> None:
    server = target.server
    fast = replace(server, base=replace(server.base, is_slow=False))
    settings = nvim_from_vscode(Target(fast).settings("llm-vscode"))
    assert settings["context_window"] > 8000
    # Three tokens of the window are for the infill tokens; the script has a token for each byte.
    before = "x" * (settings["context_window"] - 3)
    key = SECRET if target.server.needs_key else None
    assert ask_as_llm_ls(settings, key, before, "") == MIDDLE


def ask_as_llama_vim(settings: dict[str, Any], path: str, **fields: Any) -> httpx.Response:
    """A request of llama.vim's, which names a model and a key even where it has none."""
    model = settings["model_fim" if path == "endpoint_fim" else "model_inst"]
    body = {"id_slot": 0, "stream": False, "cache_prompt": True, "model": model, **fields}
    return post(settings[path], body, settings.get("api_key", ""))


def test_llama_vim_shows_a_suggestion_with_these_settings(target: Target) -> None:
    settings = target.settings("llama.vim")
    around = {"input_prefix": "def f(n):\n", "input_suffix": "\n    return n\n", "input_extra": []}
    warm_up = {"n_predict": 0, "samplers": [], "t_max_prompt_ms": 500, "t_max_predict_ms": 1}
    ask_as_llama_vim(settings, "endpoint_fim", **around, prompt="", **warm_up, response_fields=[""])
    answer = ask_as_llama_vim(
        settings,
        "endpoint_fim",
        **around,
        prompt="    ",
        n_predict=128,
        stop=[],
        n_indent=4,
        top_k=40,
        top_p=0.9,
        samplers=["top_k", "top_p", "infill"],
        t_max_prompt_ms=500,
        t_max_predict_ms=1000,
        response_fields=["content", "timings/prompt_n", "truncated", "tokens_cached"],
    ).json()
    assert CODE_SCRIPT.startswith(answer["content"])
    assert len(answer["content"]) > 20


def test_llama_vim_edits_by_instruction_with_these_settings(target: Target) -> None:
    settings = target.settings("llama.vim")
    messages = [
        {"role": "system", "content": "You are a text-editing assistant."},
        {"role": "user", "content": "INSTRUCTION: rename n to count"},
    ]
    # What it sends ahead, while the instruction is typed, may be refused: it reads no answer to it.
    ahead = {"model": settings["model_inst"], "messages": messages, "id_slot": 0, "samplers": []}
    ahead |= {"n_predict": 0, "stream": False, "cache_prompt": True, "response_fields": [""]}
    headers = {"Authorization": f"Bearer {settings.get('api_key', '')}".rstrip()}
    assert httpx.post(settings["endpoint_inst"], json=ahead, headers=headers).status_code < 500
    asked = {"min_p": 0.1, "temperature": 0.1, "samplers": ["min_p", "temperature"]}
    answer = ask_as_llama_vim(settings, "endpoint_inst", messages=messages, **asked, stream=True)
    assert chat_text(answer.text) == CHAT_SCRIPT


def test_llama_vscode_shows_a_suggestion_with_these_settings(target: Target) -> None:
    named = target.settings("llama.vscode")
    settings = {name.removeprefix("llama-vscode."): value for name, value in named.items()}
    body = {
        "id_slot": 0,
        "input_prefix": "def f(n):\n",
        "input_suffix": "\n    return n\n",
        "input_extra": [],
        "prompt": "    ",
        "n_predict": 128,
        "n_cmpl": settings["max_parallel_completions"],
        "top_k": 40,
        "top_p": 0.99,
        "stream": False,
        "samplers": ["top_k", "top_p", "infill"],
        "cache_prompt": True,
        "t_max_prompt_ms": 500,
        "t_max_predict_ms": 500,
    }
    answer = post(f"{settings['endpoint']}/infill", body, settings.get("api_key")).json()
    assert CODE_SCRIPT.startswith(answer["content"])
    assert len(answer["content"]) > 20


def test_continue_completes_with_these_settings(target: Target) -> None:
    (model, _) = target.settings("continue")["models"]
    template = model["promptTemplates"]["autocomplete"]
    prompt = template.replace("{{{prefix}}}", "def f(n):\n    ").replace("{{{suffix}}}", "\n")
    options = model["defaultCompletionOptions"]
    body = {
        "model": model["model"],
        "prompt": prompt,
        "max_tokens": options["maxTokens"],
        "temperature": options["temperature"],
        "stop": ["\n\n", "\r\n\r\n", "/src/", "#- coding: utf-8", "```"],
        "stream": True,
    }
    key = model.get("apiKey")
    stream = post(f"{model['apiBase']}/completions", body, key or "undefined").text
    text = "".join(choice["text"] for event in events(stream) for choice in event["choices"])
    assert text == CODE_SCRIPT[:128]


def test_continue_chats_with_these_settings(target: Target) -> None:
    (_, model) = target.settings("continue")["models"]
    options = model["defaultCompletionOptions"]
    body = {
        "model": model["model"],
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}],
        "max_tokens": options["maxTokens"],
        "temperature": options["temperature"],
        "stream": True,
    }
    url = f"{model['apiBase']}/chat/completions"
    assert chat_text(post(url, body, model.get("apiKey", "undefined")).text) == CHAT_SCRIPT


def test_open_webui_finds_the_chat_model_and_chats(target: Target) -> None:
    words = shlex.split(target.code("open-webui").replace("\\\n", ""))
    variables = dict(word.split("=", 1) for word in words if "=" in word)
    url, key = variables["OPENAI_API_BASE_URL"], variables["OPENAI_API_KEY"]
    headers = {"Authorization": f"Bearer {key}"}
    models = httpx.get(f"{url}/models", headers=headers).json()["data"]
    assert target.server.chat.name in [model["id"] for model in models]
    body = {
        "model": target.server.chat.name,
        "messages": [{"role": "user", "content": "Hello"}],
        "stream": True,
    }
    assert chat_text(post(f"{url}/chat/completions", body, key).text) == CHAT_SCRIPT


def test_without_the_key_the_snippets_are_refused(target: Target) -> None:
    if target.server.needs_key:
        code = build_snippet("curl", target.server).code
        assert "does not know that key" in run(["bash", "-c", code])


def test_every_client_is_run_here() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    assert all(f'"{client}"' in text for client in CLIENTS)


@pytest.mark.real
@pytest.mark.timeout(300)  # the model loads within it
def test_llm_ls_counts_by_the_real_models_tokenizer(local_app: RunningApp) -> None:
    model = ModelFacts("embedded-base", "Embedded", 8192, STARCODER, is_slow=True)
    settings = Target(Server(local_app.url, False, model, model)).settings("llm-vscode")
    tokenizer = Tokenizer.from_str(httpx.get(settings["llm.tokenizer"]["url"]).text)
    assert tokenizer.token_to_id(settings["llm.fillInTheMiddle.middle"]) is not None
    before = "def mean(numbers):\n    "
    assert 3 < len(tokenizer.encode(before, add_special_tokens=False).ids) < len(before)
    suggestion = ask_as_llm_ls(nvim_from_vscode(settings), None, before, "\n")
    assert suggestion
    assert "<" not in suggestion[:1]
