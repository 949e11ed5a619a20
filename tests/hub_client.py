"""Points huggingface_hub's client, in this process, at a local hub."""

from __future__ import annotations

from pathlib import Path

import pytest
from huggingface_hub import constants
from huggingface_hub.utils import _detect_agent

HUB_DOWN = "http://127.0.0.1:9"  # the discard port: nobody listens


def use_hub(
    monkeypatch: pytest.MonkeyPatch, url: str, home: Path, token: str | None = None
) -> None:
    """What HF_ENDPOINT, HF_HOME and HF_TOKEN would do, had they been set before the import.

    A process of its own takes `HubServer.environment` instead.
    """
    monkeypatch.setattr(constants, "ENDPOINT", url)
    template = f"{url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(home / "hub"))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(home / "token"))
    monkeypatch.setattr(constants, "AGENT_HARNESSES_PATH", str(home / "harnesses.json"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    # Asked for once per process; here, so that each test sees the same requests.
    monkeypatch.setattr(_detect_agent, "_registry", {"standardEnvVars": [], "harnesses": {}})
    monkeypatch.delenv("HF_TOKEN", raising=False)
    if token is not None:
        monkeypatch.setenv("HF_TOKEN", token)
