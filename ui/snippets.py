"""Ready-made settings and calls for the programs that can use this server: data and pure functions.

Open WebUI's variables are described at docs.openwebui.com, the end points of `gradio_client` in
`ui.endpoints`.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any

from ui import editor_settings
from ui.served import COMPLETION_TOKENS, KEY, TEMPERATURE, Client, ModelFacts, Server, Snippet

PREFIX = "def mean(numbers):\n    "
SUFFIX = "\n    return total / len(numbers)\n"
START = "def mean(numbers):\n"
QUESTION = "How do I reverse a list in Python?"


def _open_webui(server: Server) -> Snippet:
    return Snippet(
        "Terminal",
        "bash",
        "pip install open-webui\n"
        f"OPENAI_API_BASE_URL={shlex.quote(f'{server.address}/v1')} \\\n"
        f"OPENAI_API_KEY={shlex.quote(server.key)} \\\n"
        "ENABLE_OLLAMA_API=false \\\n"
        "open-webui serve --port 8080\n",
        (
            "Run this, and open http://localhost:8080; a container takes the same variables.",
            "An Open WebUI that ran before keeps its own: add the address under Admin Panel › "
            "Settings › Connections › OpenAI API.",
        ),
        "" if server.chat.can_chat else _dialogue_refusal(server.chat),
    )


def _curl(server: Server) -> Snippet:
    asked = {"model": server.base.name, **_completion(server.base)}
    chat = {"model": server.chat.name, "messages": _messages(), "max_tokens": 200, "stream": True}
    return Snippet(
        "Terminal",
        "bash",
        _curl_call(server, "/v1/completions", asked, "-sS")
        + (
            "\n# The chat model, word by word.\n"
            + _curl_call(server, "/v1/chat/completions", chat, "-sSN")
            if server.chat.can_chat
            else ""
        ),
        (
            "Run this in a terminal of a Unix shell.",
            "It speaks OpenAI's protocol; TGI's, llama.cpp's and Ollama's are there as well.",
        ),
    )


def _curl_call(server: Server, path: str, body: Mapping[str, Any], flags: str) -> str:
    key = f"  -H 'Authorization: Bearer {KEY}' \\\n" if server.needs_key else ""
    data = shlex.quote(json.dumps(body, ensure_ascii=False))
    return (
        f"curl {flags} {shlex.quote(server.address + path)} \\\n"
        f"  -H 'Content-Type: application/json' \\\n{key}"
        f"  -d {data}\n"
    )


def _openai(server: Server) -> Snippet:
    fields = "".join(
        f"    {name}={_python(value)},\n" for name, value in _completion(server.base).items()
    )
    code = (
        "from openai import OpenAI\n\n"
        f"client = OpenAI(base_url={_python(f'{server.address}/v1')}, "
        f"api_key={_python(server.key)})\n\n"
        "completion = client.completions.create(\n"
        f"    model={_python(server.base.name)},\n{fields})\n"
        "print(completion.choices[0].text)\n"
    )
    if server.chat.can_chat:
        code += (
            "\nreply = client.chat.completions.create(\n"
            f"    model={_python(server.chat.name)},\n"
            f"    messages={_python(_messages())},\n"
            "    max_tokens=200,\n"
            "    stream=True,\n"
            ")\n"
            "for chunk in reply:\n"
            '    print(chunk.choices[0].delta.content or "", end="", flush=True)\n'
        )
    return Snippet("Python", "python", code, _python_steps("openai"))


def _inference_client(server: Server) -> Snippet:
    dialect = server.base.infill
    prompt = START
    if dialect is not None:
        prompt = f"{dialect.prefix}{PREFIX}{dialect.suffix}{SUFFIX}{dialect.middle}"
    code = (
        "from huggingface_hub import InferenceClient\n\n"
        f"client = InferenceClient(model={_python(server.address)}, "
        f"api_key={_python(server.key)})\n\n"
        "text = client.text_generation(\n"
        f"    {_python(prompt)},\n"
        f"    max_new_tokens={COMPLETION_TOKENS},\n"
        f"    temperature={TEMPERATURE},\n"
        "    return_full_text=False,\n"
        ")\n"
        "print(text)\n"
    )
    if server.chat.can_chat:
        code += (
            f"\nreply = client.chat_completion({_python(_messages())}, max_tokens=200)\n"
            "print(reply.choices[0].message.content)\n"
        )
    return Snippet("Python", "python", code, _python_steps("huggingface_hub"))


def _gradio_client(server: Server) -> Snippet:
    # Its end points are the page's, which asks for no key.
    texts = (START,) if server.base.infill is None else (PREFIX, SUFFIX)
    name = "/continue" if server.base.infill is None else "/infill"
    arguments = ", ".join(_python(text) for text in texts)
    settings = {"max_new_tokens": COMPLETION_TOKENS, "temperature": TEMPERATURE}
    code = (
        "from gradio_client import Client\n\n"
        f"client = Client({_python(server.address)})\n\n"
        f"settings = {_python(settings)}\n"
        f"print(client.predict({arguments}, settings, api_name={_python(name)}))\n"
    )
    if server.chat.can_chat:
        code += (
            "\n# Each update is the text so far.\n"
            f'for text in client.submit({_python(QUESTION)}, api_name="/chat"):\n'
            "    print(text)\n"
        )
    return Snippet("Python", "python", code, _python_steps("gradio_client"))


def _python_steps(package: str) -> tuple[str, str]:
    return (
        f"Install it with `pip install {package}`.",
        "Run this in a file, a notebook or a Python shell.",
    )


def _completion(model: ModelFacts) -> dict[str, Any]:
    prompt = {"prompt": START} if model.infill is None else {"prompt": PREFIX, "suffix": SUFFIX}
    return {**prompt, "max_tokens": COMPLETION_TOKENS, "temperature": TEMPERATURE}


def _messages() -> list[dict[str, str]]:
    return [{"role": "user", "content": QUESTION}]


def _dialogue_refusal(model: ModelFacts) -> str:
    return f"{model.title} was not tuned for dialogue."


def _python(value: Any) -> str:
    # JSON's texts, lists and numbers are Python's too.
    return json.dumps(value, ensure_ascii=False)


# In the order in which the page offers them.
CLIENTS: Mapping[str, Client] = {
    "llm-vscode": Client("llm-vscode", editor_settings.llm_vscode),
    "llm.nvim": Client("llm.nvim", editor_settings.llm_nvim),
    "llama.vim": Client("llama.vim", editor_settings.llama_vim),
    "llama.vscode": Client("llama.vscode", editor_settings.llama_vscode),
    "continue": Client("Continue.dev", editor_settings.continue_dev),
    "open-webui": Client("Open WebUI", _open_webui),
    "curl": Client("curl", _curl),
    "openai": Client("openai", _openai),
    "inference-client": Client("InferenceClient", _inference_client),
    "gradio-client": Client("gradio_client", _gradio_client),
}


def build_snippet(client: str, server: Server) -> Snippet:
    """What `client`, a name in `CLIENTS`, needs to use `server`."""
    return CLIENTS[client].build(server)
