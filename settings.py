"""What can be set, in one place: environment, `.env` and command line.

Nothing else reads the environment for a setting of ours. `HF_TOKEN` and its kin belong to the
hub's own library, which reads them itself.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, CliApp, NoDecode, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError as SourceError

ENV_PREFIX = "STARCODER_"
PROGRAM = "python app.py"

Hosting = Literal["local", "space", "zerogpu"]


class SettingsError(ValueError):
    """A setting has a value that cannot be used; the text says which one, and why."""


def detect_hosting(environ: Mapping[str, str] = os.environ) -> Hosting:
    """Where the app runs, by the variables that Hugging Face sets on a Space."""
    if "SPACE_ID" not in environ:
        return "local"
    # The test that Hugging Face's own `spaces` package makes.
    is_zerogpu = environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true")
    return "zerogpu" if is_zerogpu else "space"


def is_loopback(host: str) -> bool:
    """Whether a server bound to `host` can be reached from this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _split_keys(value: Any) -> Any:
    """What stands between commas; an environment variable has no other way to be a list.

    No key at all is a slip where something was written: it would leave the API open.
    """
    if not isinstance(value, str):
        return value
    keys = _names(value)
    if not keys and value:
        raise ValueError("there is no key between the commas")
    return keys


def _check_key(key: SecretStr) -> None:
    # Others cannot be sent in a header.
    if not re.fullmatch(r"[!-~]+", key.get_secret_value()):
        raise ValueError("a key has printable ASCII characters only, and no space")


def _names(value: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in value.split(",") if name.strip())


def _is_public(values: Mapping[str, Any]) -> bool:
    # A value that failed its own validation is missing here; the error is reported all the same.
    return (
        values.get("hosting") != "local"
        or values.get("share") is True
        or not is_loopback(values.get("host", ""))
    )


def _is_exposed(address: str) -> bool:
    """What is sent to `address` can be read on the way."""
    url = urlsplit(address)
    is_local = url.hostname is not None and is_loopback(url.hostname)
    return url.scheme == "http" and not is_local


def _computed(shown: str, choose: Callable[[dict[str, Any]], Any]) -> Callable[..., Any]:
    """A default that follows from the settings before it; help and README show it as `shown`."""

    def default(values: dict[str, Any]) -> Any:
        return choose(values)

    default.__name__ = shown
    return default


def _by_profile(local: Any, public: Any) -> Callable[..., Any]:
    """A default that depends on who can reach the app."""
    return _computed(
        f"{local}; {public} where public",
        lambda values: public if _is_public(values) else local,
    )


class Settings(BaseSettings):
    """A playground for BigCode's StarCoder family: continue code, fill it in, and chat."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX,
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        cli_prog_name=PROGRAM,
        cli_kebab_case=True,
        cli_implicit_flags=True,
        cli_show_env_vars=True,
    )

    hosting: Hosting = Field(
        default_factory=_computed("detected", lambda _: detect_hosting()),
        description="Where the app runs. A Space is detected by SPACE_ID, and ZeroGPU hardware "
        "by SPACES_ZERO_GPU.",
    )
    host: str = Field(
        default_factory=_computed(
            "127.0.0.1; 0.0.0.0 on a Space",
            lambda values: "127.0.0.1" if values.get("hosting") == "local" else "0.0.0.0",
        ),
        min_length=1,
        description="Address to serve on. 0.0.0.0 lets other machines in, and makes the app "
        "public.",
    )
    port: int = Field(default=7860, ge=0, le=65535, description="Port to serve on. 0 picks one.")
    share: bool = Field(
        default=False,
        description="Also open a public demo link through Gradio's tunnel. Without effect on a "
        "Space.",
    )
    base_model: str = Field(
        default="auto",
        min_length=1,
        description='Model of the Continue and Infill tabs: "auto" for the best that fits and may '
        'be fetched, "embedded", the name of a preset such as starcoder, a hub repository or a '
        "local folder.",
    )
    chat_model: str = Field(
        default="auto",
        min_length=1,
        description='Model of the Chat tab: "auto", "embedded", the name of a preset such as '
        "starchat-beta, a hub repository or a local folder.",
    )
    quantization: Literal["auto", "none", "8bit", "4bit"] = Field(
        default="auto",
        description="How the weights are held: auto takes the widest that fits into memory, none "
        "lets part of them lie in main memory where a GPU is too small, which is slow.",
    )
    memory_limit: float = Field(
        default=0,
        ge=0,
        allow_inf_nan=False,
        description="Gigabytes of the device's memory that the models may take together. 0 is all "
        "that is free.",
    )
    model_folders: str = Field(
        default="",
        description="Local folders, divided by commas, that the page may load models from: each a "
        "checkpoint, or a folder of checkpoints.",
    )
    attribution_index: Path | None = Field(
        default=None,
        description="An index of code, made by `python -m safety.attribution build`: POST /overlap "
        "then tells llm-vscode which code around the caret stands in it.",
    )
    attribution_url: str = Field(
        default="",
        validate_default=True,
        description="Where POST /overlap looks code up instead, such as "
        "https://stack.dataportraits.org/overlap. What is looked up goes there.",
    )
    engine: Literal["local", "remote", "scripted"] = Field(
        default="local",
        description="What generates: the models on this machine, an OpenAI-compatible server, or a "
        "script without any model, for work on the page.",
    )
    endpoint_url: str = Field(
        default="",
        validate_default=True,
        description="Base address of the server of --engine remote (vLLM, SGLang, llama.cpp, an "
        "Inference Endpoint, this app elsewhere), such as http://127.0.0.1:8000/v1. All prompts go "
        "there.",
    )
    endpoint_key: SecretStr | None = Field(
        default=None,
        description="The key for that server, where it wants one. Better set as a variable.",
    )
    endpoint_model: str = Field(
        default="",
        validate_default=True,
        description="What that server calls the model. --base-model and --chat-model then name "
        "whose tokenizer files are fetched (no weights): auto those that go by this name, none "
        "no files: Chat then goes as messages, and Infill is refused.",
    )
    endpoint_chat_model: str = Field(
        default_factory=_computed(
            "as --endpoint-model", lambda values: values.get("endpoint_model", "")
        ),
        description="What that server calls the model of the Chat tab, where it has another.",
    )
    endpoint_kind: Literal["auto", "vllm", "sglang", "llamacpp", "playground", "openai"] = Field(
        default="auto",
        description="Which server it is, which decides how settings beyond OpenAI's are sent. auto "
        "reads it from its list of models, where nothing in between hides it.",
    )
    endpoint_requests: int = Field(
        default=16,
        ge=1,
        le=10_000,
        description="Requests that this server is given at once; more wait in the queue.",
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto", description="Device for the models. auto takes the GPU where one is."
    )
    precision: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        default="auto", description="Precision of the weights. auto takes the fastest one."
    )
    threads: int = Field(
        default=0, ge=0, le=1024, description="CPU threads for the models. 0 chooses."
    )
    prefill_chunk: int = Field(
        default=256,
        ge=1,
        description="Tokens of the prompt read at once; Stop is heeded between two chunks.",
    )
    max_waiting: int = Field(
        default=32, ge=1, description="Requests that may wait in the queue before one is refused."
    )
    max_body_bytes: int = Field(
        default_factory=_by_profile(16 * 1024**2, 1024**2),
        ge=1024,
        description="Largest HTTP request that is read, in bytes.",
    )
    deadline: float = Field(
        default_factory=_by_profile(0, 120),
        ge=0,
        allow_inf_nan=False,
        description="Seconds, waiting included, after which a generation is cut off. 0 is never.",
    )
    allowed_hosts: str = Field(
        default="",
        description="Host names, divided by commas, under which the app may be asked for besides "
        "this machine's own. Where the app is public, an empty list allows every name.",
    )
    api_key: Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_split_keys)] = Field(
        default=(),
        description="Keys, divided by commas, of which the API's clients must send one. Without "
        "any, everybody who reaches the app may use the API. The page asks for none. Better set "
        "as a variable: other users of the machine can read a command line.",
    )
    cors_origins: str = Field(
        default="",
        description="Origins, divided by commas, such as https://editor.example, whose pages may "
        "read the API's answers; * is everybody's. Those of this machine always may, but where "
        "the app is public.",
    )
    remote_url: str = Field(
        default="",
        description="Base address of an OpenAI-compatible server, such as "
        "https://api.example.com/v1, whose model Continue offers to compare with. The page says "
        "that a prompt leaves this machine before it does. Empty offers none.",
    )
    remote_model: str = Field(
        default="",
        validate_default=True,
        description="What that server calls the model.",
    )
    remote_key: SecretStr | None = Field(
        default=None,
        description="The key for that server, where it wants one. Better set as a variable.",
    )
    remote_public: bool = Field(
        default=False,
        description="Offer that model where the app is public, too. Strangers' prompts are then "
        "at the expense of whoever pays for the key.",
    )
    scripted_speed: float = Field(
        default=40.0,
        gt=0,
        allow_inf_nan=False,
        description="Tokens (bytes of text) per second of the scripted engine.",
    )
    scripted_load_seconds: float = Field(
        default=1.0,
        ge=0,
        allow_inf_nan=False,
        description="Seconds that the scripted engine pretends to load for.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="What the terminal shows. Prompts are never logged."
    )

    @field_validator("share")
    @classmethod
    def _never_share_a_space(cls, share: bool, info: ValidationInfo) -> bool:
        return share and info.data.get("hosting") == "local"

    @field_validator("api_key")
    @classmethod
    def _check_keys(cls, keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        for key in keys:
            _check_key(key)
        return keys

    @field_validator("cors_origins")
    @classmethod
    def _check_origins(cls, origins: str) -> str:
        for origin in _names(origins):
            if origin != "*" and not re.fullmatch(r"[a-z][a-z0-9+.-]*://[^/\s]+", origin):
                raise ValueError("an origin is a scheme and a host, as in https://editor.example")
        return origins

    @field_validator("attribution_url")
    @classmethod
    def _check_attribution(cls, url: str, info: ValidationInfo) -> str:
        if url and info.data.get("attribution_index"):
            raise ValueError("there is an index already: set one of the two")
        return url

    @field_validator("remote_url", "endpoint_url", "attribution_url")
    @classmethod
    def _check_remote_url(cls, url: str) -> str:
        if url and not re.fullmatch(r"https?://[^/\s@?#]+(/[^\s?#]*)?", url):
            raise ValueError("a base address is as in https://api.example.com/v1")
        return url

    @field_validator("endpoint_url", "endpoint_model")
    @classmethod
    def _check_endpoint(cls, value: str, info: ValidationInfo) -> str:
        if info.data.get("engine") == "remote" and not value:
            raise ValueError("--engine remote needs it")
        return value

    @field_validator("remote_model")
    @classmethod
    def _check_remote_model(cls, name: str, info: ValidationInfo) -> str:
        if info.data.get("remote_url") and not name:
            raise ValueError("the remote server has to be asked for a model by its name")
        return name

    @field_validator("remote_key", "endpoint_key")
    @classmethod
    def _check_remote_key(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None:
            _check_key(key)
        return key

    @property
    def offers_remote(self) -> bool:
        """Whether the page offers the remote model."""
        return bool(self.remote_url) and (self.remote_public or not self.is_public)

    @property
    def exposes_remote_key(self) -> bool:
        """Whether the remote server's key, and the prompts, leave this machine unencrypted."""
        return self.remote_key is not None and _is_exposed(self.remote_url)

    @property
    def exposes_endpoint_key(self) -> bool:
        """The same for the engine's server."""
        return self.endpoint_key is not None and _is_exposed(self.endpoint_url)

    @property
    def is_public(self) -> bool:
        """Whether people beyond this machine can reach the app."""
        return _is_public({"hosting": self.hosting, "share": self.share, "host": self.host})

    @property
    def deadline_seconds(self) -> float | None:
        return self.deadline or None

    @property
    def memory_limit_bytes(self) -> int | None:
        return int(self.memory_limit * 1e9) or None

    @property
    def model_folder_paths(self) -> tuple[Path, ...]:
        return tuple(Path(name).expanduser() for name in _names(self.model_folders))

    @property
    def allowed_host_names(self) -> tuple[str, ...]:
        return tuple(name.lower() for name in _names(self.allowed_hosts))

    @property
    def api_keys(self) -> tuple[str, ...]:
        return tuple(key.get_secret_value() for key in self.api_key)

    @property
    def cors_origin_names(self) -> tuple[str, ...]:
        return _names(self.cors_origins)


def load_settings(argv: Sequence[str]) -> Settings:
    """The settings: command line before environment before `.env` before defaults.

    Raises:
        SettingsError: a value cannot be used.
        SystemExit: `--help`, or an unknown flag, as argparse has it.
    """
    try:
        return CliApp.run(Settings, cli_args=list(argv))
    except ValidationError as error:
        raise SettingsError(_describe_errors(error)) from error
    except SourceError as error:
        raise SettingsError(str(error)) from error


def flag_of(field: str) -> str:
    return "--" + field.replace("_", "-")


def environment_variable_of(field: str) -> str:
    return ENV_PREFIX + field.upper()


def settings_table() -> str:
    """The README's table of settings, in Markdown."""
    rows = ["| Flag | Environment variable | Default | What it sets |", "|---|---|---|---|"]
    for name, info in Settings.model_fields.items():
        factory = info.default_factory
        default = factory.__name__ if factory else _show_default(info.default)
        cells = (f"`{flag_of(name)}`", f"`{environment_variable_of(name)}`", default)
        rows.append(f"| {' | '.join(cells)} | {info.description} |")
    return "\n".join(rows)


def _show_default(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return "none" if value in (None, "", ()) else str(value)


def _describe_errors(error: ValidationError) -> str:
    # A computed default fails along with the setting that it follows from: no news.
    problems = [item for item in error.errors() if item["type"] != "default_factory_not_called"]
    return "\n".join(map(_describe_problem, problems))


def _describe_problem(problem: ErrorDetails) -> str:
    field = str(problem["loc"][0])
    names = f"{flag_of(field)} ({environment_variable_of(field)})"
    # A key stays a secret even where it cannot be used.
    given = (
        "" if field in ("api_key", "remote_key", "endpoint_key") else f", not {problem['input']!r}"
    )
    return f"{names}: {problem['msg'].removeprefix('Value error, ')}{given}."
