"""All three tabs in a real browser over the local engine and the real embedded model.

The app runs in this process, so that a test can raise inside `forward` and count its passes.
"""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
import torch
from playwright.sync_api import Browser, Page, expect

from app import build_service
from model.engine.generation import Generation, Slot
from model.service import GenerationService
from settings import load_settings
from tests.browser.tabs import (
    TIMEOUT,
    code_in,
    generated,
    open_page,
    open_tab,
    setting,
    status,
    type_code,
    wait_for_generated,
    wait_until_over,
)
from tests.servers import app_in_thread

pytestmark = [pytest.mark.browser, pytest.mark.real, pytest.mark.timeout(600)]

REPLIES = "#chat-conversation [data-testid=bot] .message-content"
PROMPT = "def fibonacci(n):\n"
# A pattern that the model carries on with for long.
TABLE = "SQUARES = {" + "".join(f"\n    {number}: {number**2}," for number in range(1, 25))
LONG_PROMPT = "".join(f"value_{index} = compute({index})\n" for index in range(400))


class RealApp:
    """The running app, and its models from inside."""

    def __init__(self, url: str, service: GenerationService) -> None:
        self.url = url
        self._loaded = service.engine._loaded

    def model(self, slot: Slot = "base") -> torch.nn.Module:
        return self._loaded[slot].runner._model.base_model

    def num_running(self) -> int:
        return int(httpx.get(f"{self.url}/health").json()["num_running"])


@pytest.fixture(scope="module")
def app() -> Iterator[RealApp]:
    settings = load_settings(["--threads", "1", "--prefill-chunk", "64"])
    service = build_service(settings)
    with app_in_thread(settings, service) as url:
        yield RealApp(url, service)


@pytest.fixture
def tab(page: Page, app: RealApp) -> Page:
    open_page(page, app.url)
    return page


class PassCounter:
    """Counts forward passes, and those before the first `cancel()`."""

    def __init__(self, model: torch.nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
        self.num_passes = 0
        self.num_at_cancel: int | None = None
        self._handle = model.register_forward_pre_hook(self._count)
        cancel = Generation.cancel

        def note(generation: Generation) -> None:
            if self.num_at_cancel is None:
                self.num_at_cancel = self.num_passes
            cancel(generation)

        monkeypatch.setattr(Generation, "cancel", note)

    def __enter__(self) -> PassCounter:
        return self

    def __exit__(self, *exc: object) -> None:
        self._handle.remove()

    def _count(self, *args: object) -> None:
        self.num_passes += 1


class Fault:
    """Raises `error` inside `forward`, in the n-th pass from now."""

    def __init__(self, model: torch.nn.Module, error: Exception, at: int) -> None:
        self._error = error
        self._left = at
        self._handle = model.layers[3].register_forward_pre_hook(self._strike)

    def __enter__(self) -> Fault:
        return self

    def __exit__(self, *exc: object) -> None:
        self._handle.remove()

    def _strike(self, *args: object) -> None:
        self._left -= 1
        if self._left == 0:
            raise self._error


def generate(tab: Page, prompt: str, max_new_tokens: int) -> None:
    type_code(tab, "continue-prompt", prompt)
    setting(tab, "continue", "max_new_tokens").fill(str(max_new_tokens))
    setting(tab, "continue", "temperature").fill("0")
    tab.click("#continue-run")


def test_continue_streams_code_and_says_why_it_ended(tab: Page) -> None:
    generate(tab, PROMPT, 40)
    wait_for_generated(tab, "continue-prompt", 5)
    early = generated(tab, "continue-prompt")
    wait_until_over(tab, "continue")
    text = generated(tab, "continue-prompt")
    assert len(early) < len(text)
    assert text.startswith("    "), "the indentation after the line break is the model's"
    assert "ibonacci" in text
    expect(status(tab, "continue")).to_contain_text("tokens/s")
    assert code_in(tab, "continue-prompt") == PROMPT + text


def test_infill_writes_the_middle_through_the_familys_tokens(tab: Page) -> None:
    open_tab(tab, "Infill")
    type_code(tab, "infill-prefix", "def area(width, height):\n    return ")
    type_code(tab, "infill-suffix", "\n\nprint(area(2, 3))\n")
    setting(tab, "infill", "temperature").fill("0")
    setting(tab, "infill", "max_new_tokens").fill("32")
    tab.click("#infill-run")
    wait_until_over(tab, "infill")
    whole = tab.locator("#infill-result code").text_content() or ""
    assert "def area" in whole
    assert "print(area(2, 3))" in whole
    expect(status(tab, "infill")).to_contain_text("ended by itself")


def test_chat_answers_and_remembers(tab: Page) -> None:
    open_tab(tab, "Chat")
    setting(tab, "chat", "temperature").fill("0")
    setting(tab, "chat", "max_new_tokens").fill("24")
    for count, question in enumerate(("Say hello.", "Say it again."), start=1):
        tab.locator("#chat-message textarea").fill(question)
        tab.click("#chat-run")
        expect(tab.locator(REPLIES)).to_have_count(count, timeout=TIMEOUT)
        wait_until_over(tab, "chat")
    assert all(reply.strip() for reply in tab.locator(REPLIES).all_text_contents())
    expect(status(tab, "chat")).to_contain_text("reused")


def test_stop_while_decoding_leaves_the_engine_idle_within_one_token(
    tab: Page, app: RealApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    with PassCounter(app.model(), monkeypatch) as passes:
        generate(tab, "import os\n\ndef walk(folder):\n", 400)
        wait_for_generated(tab, "continue-prompt", 8)
        tab.click("#continue-stop")
        expect(status(tab, "continue")).to_contain_text("stopped by you", timeout=TIMEOUT)
    assert app.num_running() == 0
    assert passes.num_at_cancel is not None
    assert passes.num_passes <= passes.num_at_cancel + 1
    assert generated(tab, "continue-prompt")


def test_stop_while_the_prompt_is_read_leaves_the_engine_idle_within_one_chunk(
    tab: Page, app: RealApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    with PassCounter(app.model(), monkeypatch) as passes:
        generate(tab, LONG_PROMPT, 10)
        expect(status(tab, "continue")).to_contain_text("Reading the prompt", timeout=TIMEOUT)
        tab.click("#continue-stop")
        expect(status(tab, "continue")).to_contain_text("stopped by you", timeout=TIMEOUT)
    assert passes.num_at_cancel is not None
    assert passes.num_passes <= passes.num_at_cancel + 1
    assert app.num_running() == 0


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (RuntimeError("kernel failure"), "The model failed"),
        (torch.OutOfMemoryError("CUDA out of memory"), "ran out of memory"),
    ],
    ids=["fault", "out of memory"],
)
def test_a_fault_inside_forward_is_shown_and_the_next_request_works(
    tab: Page, app: RealApp, error: Exception, says: str
) -> None:
    with Fault(app.model(), error, at=6):
        generate(tab, PROMPT, 40)
        expect(status(tab, "continue")).to_contain_text(says, timeout=TIMEOUT)
    assert "kernel failure" not in (status(tab, "continue").text_content() or "")
    # What came before the fault stays.
    assert code_in(tab, "continue-prompt") == PROMPT + generated(tab, "continue-prompt")
    generate(tab, PROMPT, 12)
    wait_until_over(tab, "continue")
    assert generated(tab, "continue-prompt")


def test_after_a_reload_in_the_middle_the_app_is_sane(tab: Page, app: RealApp) -> None:
    generate(tab, "import sys\n\ndef main():\n", 400)
    wait_for_generated(tab, "continue-prompt", 5)
    tab.reload()
    open_page(tab, app.url)
    generate(tab, PROMPT, 12)
    wait_until_over(tab, "continue")
    assert generated(tab, "continue-prompt")
    assert app.num_running() == 0


def test_closing_the_tab_frees_the_model(
    browser: Browser, app: RealApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = browser.new_context()
    page = context.new_page()
    open_page(page, app.url)
    with PassCounter(app.model(), monkeypatch) as passes:
        generate(page, "import re\n\ndef tokenize(text):\n", 2000)
        wait_for_generated(page, "continue-prompt", 5)
        context.close()
        with httpx.Client() as client:
            for _ in range(600):
                if client.get(f"{app.url}/health").json()["num_running"] == 0:
                    break
        assert app.num_running() == 0
    assert passes.num_at_cancel is not None


def test_two_sessions_never_see_each_others_text(browser: Browser, app: RealApp) -> None:
    pages = []
    for name in ("alpha", "beta"):
        page = browser.new_context().new_page()
        open_page(page, app.url)
        generate(page, f"{name} = '{name}'\nprint({name})\n", 12)
        pages.append((name, page))
    for name, page in pages:
        wait_until_over(page, "continue")
        other = {"alpha": "beta", "beta": "alpha"}[name]
        assert other not in (page.locator("body").text_content() or "")
        page.context.close()


def test_the_second_in_line_sees_its_place(browser: Browser, app: RealApp) -> None:
    first, second = (browser.new_context().new_page() for _ in range(2))
    for page in (first, second):
        open_page(page, app.url)
    generate(first, TABLE, 400)
    wait_for_generated(first, "continue-prompt", 5)
    generate(second, PROMPT, 8)
    expect(status(second, "continue")).to_contain_text("in line", timeout=TIMEOUT)
    first.click("#continue-stop")
    wait_until_over(second, "continue")
    assert generated(second, "continue-prompt")
    for page in (first, second):
        page.context.close()
