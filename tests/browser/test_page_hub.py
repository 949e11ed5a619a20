"""What a hub can do to a load, as the page tells it while another model serves."""

from __future__ import annotations

import json
import re
import resource
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from model.presets import ModelPreset, find_hub_preset
from tests.browser.models_panel import (
    FLAGS,
    TYPED,
    change,
    chip,
    expect_advice,
    load_model,
    open_models,
)
from tests.browser.tabs import TIMEOUT, code_in, open_page, type_code
from tests.checkpoints import write_gpt_bigcode, write_starchat
from tests.hub import HubServer
from tests.hub_repos import Repo
from tests.servers import POLL_SECONDS, RunningApp, running_app

pytestmark = pytest.mark.browser

TOKEN = "hf_alicesecret"
# Small enough for every machine by their real shapes, which memory is planned by.
NAMES = ("starcoderbase-1b", "tiny_starcoder_py", "santacoder")
WEIGHTS = "model.safetensors"


@dataclass
class Scene:
    """A hub, an app that uses it, and a page of that app, which stays open from test to test."""

    hub: HubServer
    app: RunningApp
    page: Page
    home: Path
    checkpoint: Path
    _names: Iterator[str] = field(default_factory=lambda: cycle(NAMES))

    def offer(self) -> tuple[ModelPreset, Repo]:
        """A model that is neither resident nor in the cache, and where the hub has it."""
        preset = find_hub_preset(next(self._names))
        assert preset is not None
        return preset, self.serve(preset)

    def serve(self, preset: ModelPreset) -> Repo:
        assert preset.repo_id is not None
        shutil.rmtree(self.home / "hub", ignore_errors=True)
        repo = self.hub.add_model(preset.repo_id, self.checkpoint)
        repo.commit = preset.revision or repo.commit
        return repo

    def log_in(self, token: str) -> None:
        """As `hf auth login` does."""
        (self.home / "token").write_text(token)

    def limit_files(self, num_bytes: int) -> None:
        """The largest file that the app may write from now on."""
        _, hard = resource.prlimit(self.app.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self.app.process.pid, resource.RLIMIT_FSIZE, (num_bytes, hard))

    def expect_failure(self, preset: ModelPreset, message: str, *links: str) -> None:
        """The load is tried and explained, the former model serves, and nothing typed is lost."""
        load_model(self.page, preset.title)
        expect_advice(change(self.page), message, *links)
        expect(change(self.page)).to_contain_text("the model from before serves")
        expect(chip(self.page)).to_have_class(re.compile("pg-ready"))
        assert code_in(self.page, "continue-prompt") == TYPED

    def expect_retry_to_load(self, preset: ModelPreset) -> None:
        self.page.click("#models-base-retry")
        self.expect_loaded(preset)

    def expect_loaded(self, preset: ModelPreset) -> None:
        expect(chip(self.page)).to_contain_text(preset.title, timeout=TIMEOUT)
        expect(change(self.page)).to_be_hidden(timeout=TIMEOUT)
        assert code_in(self.page, "continue-prompt") == TYPED

    @property
    def ranges(self) -> list[str | None]:
        """Of the latest requests for the weights' bytes."""
        return [
            request.byte_range for request in self.hub.requested(WEIGHTS) if request.host == "cdn"
        ]


@pytest.fixture(scope="module")
def stage(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("hub")
    start = write_starchat(folder / "start")
    home = folder / "home"
    home.mkdir()
    flags = (*FLAGS, "--base-model", str(start), "--chat-model", str(start))
    with HubServer() as hub, running_app(*flags, environment=hub.environment(home)) as app:
        hub.add_account(TOKEN, "alice")
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        page = context.new_page()
        open_page(page, app.url)
        open_models(page)
        yield Scene(hub, app, page, home, write_gpt_bigcode(folder / "served"))
        context.close()


@pytest.fixture
def scene(stage: Scene) -> Iterator[Scene]:
    stage.log_in(TOKEN)
    stage.hub.requests.clear()
    type_code(stage.page, "continue-prompt", TYPED)
    yield stage
    stage.hub.heal()
    stage.limit_files(resource.RLIM_INFINITY)


def test_a_name_that_the_hub_does_not_know_is_looked_for_again(scene: Scene) -> None:
    preset, repo = scene.offer()
    scene.hub.remove_model(repo.repo_id)
    scene.expect_failure(preset, f"The hub knows no model {repo.repo_id}")
    scene.serve(preset)
    scene.expect_retry_to_load(preset)


def test_a_private_repository_opens_to_another_token(scene: Scene) -> None:
    preset, repo = scene.offer()
    repo.is_private = True
    scene.expect_failure(preset, "it is private and alice may not see it")
    expect(change(scene.page).locator("code", has_text="hf auth login")).to_be_visible()
    scene.hub.add_account("hf_bobsecret", "bob", granted=[repo.repo_id])
    scene.log_in("hf_bobsecret")
    scene.expect_retry_to_load(preset)


def test_a_hub_that_is_out_of_order_is_asked_again(scene: Scene) -> None:
    preset, _ = scene.offer()
    scene.hub.fail("/api/models", 500, times=1)
    scene.expect_failure(preset, "is out of order: it answered 500")
    scene.hub.fail("/api/models", 503, times=1)
    scene.page.click("#models-base-retry")
    expect(change(scene.page)).to_contain_text("it answered 503", timeout=TIMEOUT)
    scene.expect_retry_to_load(preset)


def test_a_hub_that_asks_to_wait_says_how_long(scene: Scene) -> None:
    preset, _ = scene.offer()
    scene.hub.fail("/api/models", 429, headers={"Retry-After": "17"}, times=1)
    scene.expect_failure(preset, "Retry in 17 seconds")
    scene.expect_retry_to_load(preset)


def test_a_sign_in_page_is_not_taken_for_a_hub(scene: Scene) -> None:
    preset, _ = scene.offer()
    scene.hub.answer_with("/api/models", b"<html>Welcome to our hotel</html>")
    scene.expect_failure(preset, "does not speak as a hub does", scene.hub.url)
    scene.hub.heal()
    scene.expect_retry_to_load(preset)


def test_pickles_are_refused_before_they_are_fetched(scene: Scene, tmp_path: Path) -> None:
    preset, repo = scene.offer()
    whole = repo.folder
    repo.folder = tmp_path
    shutil.copytree(whole, tmp_path, dirs_exist_ok=True)
    (tmp_path / WEIGHTS).rename(tmp_path / "pytorch_model.bin")
    page = f"{scene.hub.url}/{repo.repo_id}/discussions"
    scene.expect_failure(preset, "has its weights only as pickles", page)
    assert scene.hub.requested("pytorch_model.bin") == []
    repo.folder = whole
    scene.expect_retry_to_load(preset)


def test_more_than_the_disk_has_room_for_is_not_begun(scene: Scene) -> None:
    preset, repo = scene.offer()
    listing = repo.as_info(with_blobs=True)
    weights = next(file for file in listing["siblings"] if file["rfilename"] == WEIGHTS)
    weights["size"] = 10**15
    scene.hub.answer_with("/api/models", json.dumps(listing).encode(), "application/json")
    scene.expect_failure(preset, "needs 1,000,000.0 GB more, and the disk")
    expect(change(scene.page)).to_contain_text(
        "start with HF_HOME set to a folder on a larger disk"
    )
    assert scene.ranges == []
    scene.hub.heal()
    scene.expect_retry_to_load(preset)


def test_a_disk_that_fills_up_keeps_what_it_has(scene: Scene) -> None:
    preset, repo = scene.offer()
    scene.limit_files(500_000)
    scene.expect_failure(preset, f"The disk filled up while {repo.repo_id} was fetched")
    expect(change(scene.page)).to_contain_text(f"Retry goes on with {WEIGHTS} after 0.50 of")
    scene.limit_files(resource.RLIM_INFINITY)
    scene.expect_retry_to_load(preset)
    assert scene.ranges == [None, "bytes=500000-"]


def test_a_connection_that_is_cut_heals_by_itself(scene: Scene) -> None:
    preset, _ = scene.offer()
    scene.hub.cut(WEIGHTS, after=300_000)
    load_model(scene.page, preset.title)
    scene.expect_loaded(preset)
    assert scene.ranges == [None, "bytes=300000-"]


def test_a_connection_that_stays_cut_says_what_retry_goes_on_with(scene: Scene) -> None:
    preset, _ = scene.offer()
    scene.hub.cut(WEIGHTS, after=300_000)
    scene.hub.cut(WEIGHTS, after=0, times=None)
    scene.expect_failure(preset, "broke off", scene.hub.url)
    expect(change(scene.page)).to_contain_text(f"Retry goes on with {WEIGHTS} after 0.30 of")
    scene.hub.heal()
    scene.expect_retry_to_load(preset)
    assert scene.ranges[-1] == "bytes=300000-"


def test_a_slow_download_shows_its_figures_and_can_be_cancelled(scene: Scene) -> None:
    preset, repo = scene.offer()
    scene.hub.throttle(WEIGHTS, bytes_per_second=100_000)
    load_model(scene.page, preset.title)
    figures = re.compile(r"\d\.\d\d of 1\.\d\d MB · \d+\.\d kB/s · \d+ s left")
    expect(change(scene.page)).to_contain_text(figures, timeout=TIMEOUT)
    expect(change(scene.page)).to_contain_text(f"downloading {repo.repo_id}")
    wait_for_output(scene.app, rf"downloading {repo.repo_id}: {figures.pattern}")
    scene.page.click("#models-base-cancel")
    expect_advice(change(scene.page), f"Loading {preset.title} was cancelled")
    expect(change(scene.page)).to_contain_text(f"Retry goes on with {WEIGHTS} after 0.")
    scene.hub.heal()
    scene.expect_retry_to_load(preset)
    first, second = scene.ranges
    assert first is None
    assert re.fullmatch(r"bytes=\d{6}-", second or "")


def test_the_token_is_seen_nowhere(scene: Scene) -> None:
    preset, _ = scene.offer()
    load_model(scene.page, preset.title)
    scene.expect_loaded(preset)
    assert any(request.had_token for request in scene.hub.requests)
    assert not any("hf_" in request.path + request.query for request in scene.hub.requests)
    assert not any(request.had_token for request in scene.hub.requests if request.host == "cdn")
    assert TOKEN not in scene.app.output
    assert TOKEN not in scene.page.content()


def wait_for_output(app: RunningApp, pattern: str) -> None:
    deadline = time.monotonic() + TIMEOUT / 1000
    while not re.search(pattern, app.output):
        assert time.monotonic() < deadline, app.output
        time.sleep(POLL_SECONDS)
