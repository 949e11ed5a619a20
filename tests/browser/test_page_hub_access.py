"""The road to a gated model, from a hub that is down to the first token, in a real browser."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from model.loading.hub import HubCheckpoint
from model.loading.job import LoadJob
from tests.browser.models_panel import (
    FLAGS,
    TYPED,
    change,
    chip,
    expect_advice,
    expect_streaming,
    load_model,
    open_models,
)
from tests.browser.tabs import TIMEOUT, code_in, open_page, type_code
from tests.checkpoints import write_gpt_bigcode, write_starchat
from tests.hub import HubServer
from tests.hub_client import use_hub
from tests.servers import running_app

pytestmark = pytest.mark.browser

NAME = "starcoderbase-1b"
REPO = f"bigcode/{NAME}"
COMMIT = "182f0165fdf8da9c9935901eec65c94337f01c11"
TITLE = "StarCoderBase-1B"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """HF_HOME of the app."""
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def flags(tmp_path: Path) -> list[str]:
    """A gated model in the base slot, a local one in the chat slot."""
    return [*FLAGS, "--base-model", NAME, "--chat-model", str(write_starchat(tmp_path / "chat"))]


def serve_gated(hub: HubServer, folder: Path) -> None:
    hub.add_model(REPO, folder, gated="manual").commit = COMMIT


def test_each_step_on_the_way_to_a_gated_model_is_told(
    page: Page, tmp_path: Path, home: Path, flags: list[str]
) -> None:
    served = write_gpt_bigcode(tmp_path / "served")
    with HubServer() as gone:
        environment = gone.environment(home)
    license_page, tokens_page = f"{gone.url}/{REPO}", f"{gone.url}/settings/tokens"

    def log_in(token: str) -> None:
        """As `hf auth login` does."""
        (home / "token").write_text(token)

    def expect_step(message: str, *links: str) -> None:
        expect_advice(page.locator("#failures"), message, *links)
        expect(chip(page)).to_contain_text("could not be loaded")
        expect(chip(page, 1)).to_contain_text("cpu", timeout=TIMEOUT)
        assert code_in(page, "continue-prompt") == TYPED

    with running_app(*flags, environment=environment) as app:
        page.goto(app.url)
        type_code(page, "continue-prompt", TYPED)
        expect_step("cannot be reached", gone.url)
        with HubServer(urlsplit(gone.url).port or 0) as hub:
            serve_gated(hub, served)
            page.click("#retry-loading")
            expect_step("no Hugging Face token is set", license_page, tokens_page)
            log_in("hf_misspeltsecret")
            page.click("#retry-loading")
            expect_step("does not accept this machine's Hugging Face token", tokens_page)
            hub.add_account("hf_finesecret", "alice", granted={REPO}, reads_gated=False)
            log_in("hf_finesecret")
            page.click("#retry-loading")
            expect_step("The token of alice is fine-grained and may not read", tokens_page)
            hub.add_account("hf_alicesecret", "alice")
            log_in("hf_alicesecret")
            page.click("#retry-loading")
            expect_step("is gated, and alice has not been let in", license_page)
            hub.add_account("hf_alicesecret", "alice", pending={REPO})
            page.click("#retry-loading")
            expect_step("the request of alice awaits its authors' review", license_page)
            hub.add_account("hf_alicesecret", "alice", rejected={REPO})
            page.click("#retry-loading")
            expect_step("its authors have rejected the request", f"{license_page}/discussions")
            hub.add_account("hf_alicesecret", "alice", granted={REPO})
            hub.after("auth-check", lambda: hub.revoke("hf_alicesecret"))
            page.click("#retry-loading")
            expect_step("does not accept this machine's Hugging Face token", tokens_page)
            assert [request.status for request in hub.requested("auth-check")][-1] == 200
            hub.add_account("hf_newsecret", "alice", granted={REPO})
            log_in("hf_newsecret")
            page.click("#retry-loading")
            expect(chip(page)).to_contain_text(f"{TITLE} · cpu", timeout=TIMEOUT)
            expect(page.locator("#failures .pg-error")).to_have_count(0)
            assert code_in(page, "continue-prompt") == TYPED
            expect_streaming(page)
            asked = "".join(request.path + request.query for request in hub.requests)
        assert "secret" not in asked + app.output


@pytest.mark.parametrize("is_offline", [False, True])
def test_a_cached_model_starts_without_a_request(
    page: Page,
    tmp_path: Path,
    home: Path,
    flags: list[str],
    monkeypatch: pytest.MonkeyPatch,
    is_offline: bool,
) -> None:
    served = write_gpt_bigcode(tmp_path / "served")
    with HubServer() as hub:
        serve_gated(hub, served)
        hub.add_account("hf_alicesecret", "alice", granted={REPO})
        use_hub(monkeypatch, hub.url, home, "hf_alicesecret")
        HubCheckpoint(REPO, COMMIT).fetch(LoadJob(lambda progress: None))
        hub.requests.clear()
        offline = {"HF_HUB_OFFLINE": "1" if is_offline else "0"}
        environment = hub.environment(home, "hf_alicesecret") | offline
        with running_app(*flags, environment=environment) as app:
            open_page(page, app.url)
            expect(chip(page)).to_contain_text(TITLE)
            expect_streaming(page)
            if is_offline:
                open_models(page)
                load_model(page, "TinyStarCoderPy")
                expect_advice(change(page), "and HF_HUB_OFFLINE forbids fetching it")
                expect(change(page)).to_contain_text("Start once without HF_HUB_OFFLINE")
        assert hub.requests == []
