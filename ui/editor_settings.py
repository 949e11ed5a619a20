"""Settings for editors' plug-ins that complete code through this server: pure functions.

What each reads is described in huggingface/llm-vscode's package.json, huggingface/llm.nvim's
README.md, ggml-org/llama.vim's autoload/llama.vim, ggml-org/llama.vscode's package.json and
docs.continue.dev's reference of config.yaml; what llm-ls does with it, in its main.rs.
"""

from __future__ import annotations

import json
import re
from typing import Any

from ui.served import COMPLETION_TOKENS, TEMPERATURE, ModelFacts, Server, Snippet

TOP_P = 0.95
# llm-ls fills its window to the brim and leaves no room for what is to come.
LLM_LS_MARGIN = COMPLETION_TOKENS + 4
# A prompt is read anew where its beginning moved on; a processor should not read thousands of
# tokens at each key.
CPU_WINDOW = 2048


def context_window(model: ModelFacts) -> int:
    """Tokens that llm-ls may fill with what stands around the cursor."""
    window = model.context_length - LLM_LS_MARGIN
    return min(window, CPU_WINDOW) if model.is_slow else window


def tokenizer_path(name: str) -> str:
    """Where llm-ls keeps the tokenizer of the model of that name. It never fetches one again that
    is there, so each model has its own."""
    return f"/tmp/starcoder-{re.sub(r'[^A-Za-z0-9.-]+', '-', name).strip('-.')}/tokenizer.json"


def llm_vscode(server: Server) -> Snippet:
    model = server.base
    settings: dict[str, Any] = {
        "llm.configTemplate": "Custom",
        "llm.backend": "tgi",
        "llm.url": server.address,
        "llm.modelId": model.name,
        **{f"llm.fillInTheMiddle.{name}": value for name, value in _fim(model).items()},
        "llm.requestBody": {"parameters": _parameters()},
        "llm.contextWindow": context_window(model),
        "llm.tokensToClear": list(model.end_tokens),
        "llm.tokenizer": _tokenizer(server),
    }
    login = " Then run “Llm: Login” from the command palette and enter the key."
    return _vscode_settings(
        settings,
        (
            "Install the extension llm-vscode (HuggingFace.huggingface-vscode).",
            "Put these lines into your settings with “Preferences: Open User Settings (JSON)”."
            + (login if server.needs_key else ""),
        ),
    )


def llm_nvim(server: Server) -> Snippet:
    model = server.base
    settings: dict[str, Any] = {
        "backend": "tgi",
        "url": server.address,
        "model": model.name,
        "api_token": server.key,
        "tokens_to_clear": list(model.end_tokens),
        "request_body": {"parameters": _parameters()},
        "fim": _fim(model),
        "context_window": context_window(model),
        "tokenizer": _tokenizer(server),
    }
    return Snippet(
        "init.lua",
        "lua",
        f'require("llm").setup({_lua(settings)})\n',
        (
            "Install huggingface/llm.nvim with your plugin manager.",
            "Put this into init.lua, after the plugins are loaded; with lazy.nvim the table is "
            "the plugin's `opts`.",
        ),
    )


def llama_vim(server: Server) -> Snippet:
    settings: dict[str, Any] = {
        "endpoint_fim": f"{server.address}/infill",
        "model_fim": server.base.name,
    }
    if server.chat.can_chat:
        settings["endpoint_inst"] = f"{server.address}/v1/chat/completions"
        settings["model_inst"] = server.chat.name
    if server.needs_key:
        settings["api_key"] = server.key
    settings |= _surroundings(server.base)
    lines = "".join(f"    \\ {_vim(name)}: {_vim(value)},\n" for name, value in settings.items())
    return Snippet(
        "~/.vimrc",
        "vim",
        f"let g:llama_config = {{\n{lines}    \\ }}\n",
        (
            "Install ggml-org/llama.vim with your plugin manager.",
            "Put this into your vimrc before the plugin is loaded; in init.lua, set "
            "`vim.g.llama_config` to a table with the same entries.",
        ),
        _infill_refusal(server.base, "llama.vim"),
    )


def llama_vscode(server: Server) -> Snippet:
    settings: dict[str, Any] = {
        "endpoint": server.address,
        "endpoint_chat": server.address if server.chat.can_chat else "",
        # One request runs at a time here: three suggestions would take three times as long.
        "max_parallel_completions": 1,
        "ask_install_llamacpp": False,
        **_surroundings(server.base),
    }
    if server.needs_key:
        settings |= {"api_key": server.key, "api_key_chat": server.key}
    named = {f"llama-vscode.{name}": value for name, value in settings.items()}
    return _vscode_settings(
        named,
        (
            "Install the extension llama-vscode (ggml-org.llama-vscode).",
            "Put these lines into your settings with “Preferences: Open User Settings (JSON)”, "
            "and deselect any model or env in its own menu.",
        ),
        _infill_refusal(server.base, "llama-vscode"),
    )


def continue_dev(server: Server) -> Snippet:
    models = []
    if server.base.infill is not None:
        dialect = server.base.infill
        template = (
            f"{dialect.prefix}{{{{{{prefix}}}}}}{dialect.suffix}{{{{{{suffix}}}}}}{dialect.middle}"
        )
        extra = f"    promptTemplates:\n      autocomplete: {_yaml(template)}\n"
        models.append(_continue_model(server, server.base, ("autocomplete",), extra))
    if server.chat.can_chat:
        models.append(_continue_model(server, server.chat, ("chat", "edit"), ""))
    refusal = "" if models else "Neither model can fill in or chat, and Continue asks for that."
    return Snippet(
        "~/.continue/config.yaml",
        "yaml",
        "name: StarCoder playground\nversion: 1.0.0\nschema: v1\nmodels:\n" + "".join(models)
        if models
        else "",
        (
            "Install the extension Continue, in VS Code or a JetBrains editor.",
            "Put this into config.yaml in the folder .continue of your home folder, or its models "
            "among yours.",
        ),
        refusal,
    )


def _continue_model(server: Server, model: ModelFacts, roles: tuple[str, ...], extra: str) -> str:
    max_tokens = 128 if "autocomplete" in roles else 512
    key = f"    apiKey: {_yaml(server.key)}\n" if server.needs_key else ""
    return (
        f"  - name: {_yaml(f'{model.title} ({roles[0]})')}\n"
        "    provider: openai\n"
        f"    model: {_yaml(model.name)}\n"
        f"    apiBase: {_yaml(f'{server.address}/v1')}\n"
        f"{key}"
        f"    roles: [{', '.join(roles)}]\n"
        f"{extra}"
        "    defaultCompletionOptions:\n"
        f"      contextLength: {model.context_length}\n"
        f"      maxTokens: {max_tokens}\n"
        f"      temperature: {TEMPERATURE}\n"
    )


def _fim(model: ModelFacts) -> dict[str, Any]:
    """llm-ls's description of an infill dialect."""
    if model.infill is None:
        return {"enabled": False}
    dialect = model.infill
    return {
        "enabled": True,
        "prefix": dialect.prefix,
        "middle": dialect.middle,
        "suffix": dialect.suffix,
    }


def _parameters() -> dict[str, Any]:
    return {"max_new_tokens": COMPLETION_TOKENS, "temperature": TEMPERATURE, "top_p": TOP_P}


def _tokenizer(server: Server) -> dict[str, str] | None:
    """Where llm-ls has the tokenizer from. It sends no key for it, and where it gets none it counts
    characters, of which there are no fewer than tokens."""
    if server.needs_key:
        return None
    path = tokenizer_path(server.base.name)
    return {"url": f"{server.address}/tokenizer.json", "to": path}


def _surroundings(model: ModelFacts) -> dict[str, int]:
    """Lines around the cursor and chunks of other files that llama.vim sends, where its own
    defaults are not right: too many for the context, or nothing that the model can read."""
    settings = {}
    if model.context_length < 8192:
        settings = {
            "n_prefix": max(16, model.context_length // 32),
            "n_suffix": max(8, model.context_length // 128),
        }
    if model.infill is None or model.infill.file_sep is None:
        settings["ring_n_chunks"] = 0
    return settings


def _infill_refusal(model: ModelFacts, client: str) -> str:
    if model.infill is not None:
        return ""
    return f"{model.title} was not trained to fill in the middle, and {client} asks for that."


def _yaml(text: str) -> str:
    # YAML reads JSON's strings.
    return json.dumps(text, ensure_ascii=False)


def _vim(value: str | int) -> str:
    # Within single quotes nothing but they themselves is special.
    return str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"


def _lua(value: Any, depth: int = 0) -> str:
    """`value` as a Lua expression; None entries of a table are left out, as nil is."""
    match value:
        case dict():
            inner, outer = "  " * (depth + 1), "  " * depth
            entries = {name: entry for name, entry in value.items() if entry is not None}
            lines = (
                f"{inner}{name} = {_lua(entry, depth + 1)},\n" for name, entry in entries.items()
            )
            return "{\n" + "".join(lines) + outer + "}"
        case list():
            return "{ " + ", ".join(_lua(entry) for entry in value) + " }"
        case bool():
            return "true" if value else "false"
        case str():
            escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
            return f'"{escaped}"'
        case _:
            return str(value)


def _vscode_settings(
    settings: dict[str, Any], steps: tuple[str, str], refusal: str = ""
) -> Snippet:
    code = json.dumps(settings, indent=2, ensure_ascii=False) + "\n"
    return Snippet("settings.json", "json", code, steps, refusal)
