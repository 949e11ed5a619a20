"""What an update costs the browser and the server, early in a long text and late.

    python -m benchmarks.page [--tabs continue infill chat] [--chars 14000] [--tokens]

The scripted engine types source code as fast as a good GPU; the whole app runs in this process and
a real Chromium shows it. A token of code is about 3.5 characters, so 14,000 characters are the
4,000 tokens of the aim, and 350 are the 100 that it is compared with. In both places a window of
updates is measured: the browser's main thread by its own account (CPU time of tasks, DevTools), its
tasks over 50 ms (Long Tasks), what a key waits for its paint (Event Timing), and this process's
CPU time less that of the thread that drives the browser. With `--tokens` each token is told with
its probability and five more; a token is a character then, so 4,000 of them are `--chars 4000`.
"""

from __future__ import annotations

import argparse
import inspect
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import CDPSession, Page, sync_playwright

import model.fitting
import model.trimming
from model.engine.scripted import ScriptedEngine
from model.loading.residency import Residency
from model.loading.slot import ModelSource
from model.presets import ModelPreset
from model.service import GenerationService
from settings import Settings
from tests.browser.chromium import find_or_install
from tests.browser.conftest import ARGUMENTS
from tests.browser.tabs import open_page, open_section, open_tab, setting, status, type_code
from tests.servers import app_in_thread

TABS = ("continue", "infill", "chat")
CHARS_PER_TOKEN = 3.5
CHARS_PER_SECOND = 350
EARLY_TOKENS = 100
WINDOW_SECONDS = 4
NUM_KEYS = 12
CONTEXT_LENGTH = 65_536
LONG_TASK_MS = 50

# An update changes the status line: its count of tokens, or its speed.
WATCH = """(tab) => {
    window.seen = { updates: 0, longTasks: [], keys: [] };
    new MutationObserver(() => { seen.updates++; }).observe(
        document.getElementById(`${tab}-status`),
        { childList: true, subtree: true, characterData: true, attributes: true });
    new PerformanceObserver((list) => seen.longTasks.push(
        ...list.getEntries().map((entry) => entry.duration))).observe({ type: "longtask" });
    new PerformanceObserver((list) => seen.keys.push(
        ...list.getEntries().filter((entry) => entry.name === "keydown")
            .map((entry) => entry.duration)))
        .observe({ type: "event", durationThreshold: 16 });
}"""
TAKE = """() => {
    const taken = window.seen;
    window.seen = { updates: 0, longTasks: [], keys: [] };
    return taken;
}"""


@dataclass(frozen=True, slots=True)
class Window:
    """Some seconds of a stream.

    Attributes:
        num_chars: how many had been generated when it began.
        browser_ms: of the main thread, for each update.
        server_ms: of CPU time, for each update.
        longest_ms: the longest task of the main thread; 0 where none was over `LONG_TASK_MS`.
        key_ms: the longest wait from a key to its paint; 0 where none was over 16 ms.
    """

    num_chars: int
    num_updates: int
    browser_ms: float
    server_ms: float
    longest_ms: float
    key_ms: float


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.page", description=__doc__)
    parser.add_argument("--tabs", nargs="+", choices=TABS, default=list(TABS))
    parser.add_argument("--chars", type=int, default=14_000)
    parser.add_argument("--tokens", action="store_true", help="with token probabilities")
    options = parser.parse_args(argv)
    script = ModelPreset("scripted", "Script without a model")
    engine = ScriptedEngine(tokens_per_second=CHARS_PER_SECOND, context_length=CONTEXT_LENGTH)
    sources = {slot: ModelSource(script, lambda report: None) for slot in ("base", "chat")}
    residency = Residency(engine, sources, may_swap=False, tells_reasons=True)
    service = GenerationService(residency, engine)
    print("| tab | characters | browser, ms an update | longest task | key to paint | server |")
    print("| --- | --- | --- | --- | --- | --- |")
    with (
        app_in_thread(Settings(engine="scripted"), service) as url,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=find_or_install(), args=ARGUMENTS)
        for tab in options.tabs:
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            open_page(page, url)
            if options.tokens:
                open_tab(page, tab.title())
                page.locator(f"#{tab}-probabilities input").check()
            early, late = measure_tab(page, tab, options.chars)
            page.close()
            print_windows(tab, early, late)
        browser.close()
    engine.close()


def measure_tab(page: Page, tab: str, num_chars: int) -> tuple[Window, Window]:
    """A window after `EARLY_TOKENS`, and one after `num_chars`, of one run."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    start_run(page, tab, text_for(tab, num_chars + 3 * WINDOW_SECONDS * CHARS_PER_SECOND))
    page.evaluate(WATCH, tab)
    windows = []
    for wanted in (EARLY_TOKENS * CHARS_PER_TOKEN, num_chars):
        wait_for_chars(page, tab, int(wanted))
        windows.append(measure_window(page, session, tab))
    return windows[0], windows[1]


def text_for(tab: str, num_chars: int) -> str:
    """Real source code, of that length; for Chat in one fence, the hardest case there."""
    code = inspect.getsource(model.fitting) + inspect.getsource(model.trimming)
    text = (code * (num_chars // len(code) + 1))[:num_chars]
    return f"Here it is:\n\n```python\n{text}\n```\n" if tab == "chat" else text


def start_run(page: Page, tab: str, code: str) -> None:
    open_tab(page, tab.title())
    setting(page, tab, "max_new_tokens").fill("60000")
    if tab == "chat":
        open_section(page, "System prompt")
        page.locator("#chat-system textarea").fill(f"SAY: {code}")
        page.locator("#chat-message textarea").fill("Write it.")
        page.locator("#chat-message textarea").press("Enter")
    else:
        type_code(page, "continue-prompt" if tab == "continue" else "infill-prefix", f"SAY:{code}")
        page.locator(f"#{tab}-run").click()


def wait_for_chars(page: Page, tab: str, num_chars: int) -> None:
    """The scripted engine's tokens are characters."""
    page.wait_for_function(
        "([id, size]) => Number(document.getElementById(id).textContent"
        ".match(/^\\s*([\\d,]+) tokens/)?.[1].replaceAll(',', '') ?? 0) >= size",
        arg=[f"{tab}-status", num_chars],
        timeout=600_000,
        polling=200,
    )


def measure_window(page: Page, session: CDPSession, tab: str) -> Window:
    num_chars = int(status(page, tab).inner_text().split(" ")[0].replace(",", ""))
    page.evaluate(TAKE)
    tasks, server = task_seconds(session), server_seconds()
    page.wait_for_timeout(WINDOW_SECONDS * 1000)
    browser_s, server_s = task_seconds(session) - tasks, server_seconds() - server
    seen = page.evaluate(TAKE)
    type_keys(page, tab)
    keys = page.evaluate(TAKE)["keys"]
    return Window(
        num_chars=num_chars,
        num_updates=seen["updates"],
        browser_ms=1000 * browser_s / seen["updates"],
        server_ms=1000 * server_s / seen["updates"],
        longest_ms=max(seen["longTasks"], default=0),
        key_ms=max(keys, default=0),
    )


def type_keys(page: Page, tab: str) -> None:
    """Where a user would type while the text comes."""
    if tab == "chat":
        page.locator("#chat-message textarea").click()
    else:
        box = "continue-prompt" if tab == "continue" else "infill-suffix"
        page.locator(f"#{box} .cm-content").click(position={"x": 5, "y": 5})
    for _ in range(NUM_KEYS):
        page.keyboard.press("x", delay=20)
        page.wait_for_timeout(60)


def task_seconds(session: CDPSession) -> float:
    """What the page's main thread has worked so far."""
    metrics: list[dict[str, Any]] = session.send("Performance.getMetrics")["metrics"]
    return float(next(one["value"] for one in metrics if one["name"] == "TaskDuration"))


def server_seconds() -> float:
    """This process's CPU time without this thread's, which drives the browser."""
    return time.process_time() - time.thread_time()


def print_windows(tab: str, early: Window, late: Window) -> None:
    for window in (early, late):
        ratio = f" ({late.server_ms / early.server_ms:.2f} of the early)" if window is late else ""
        longest = f"{window.longest_ms:.0f} ms" if window.longest_ms else f"under {LONG_TASK_MS} ms"
        key = f"{window.key_ms:.0f} ms" if window.key_ms else "under 16 ms"
        print(
            f"| {tab} | {window.num_chars:,} | {window.browser_ms:.1f} "
            f"({window.num_updates} updates) | {longest} | {key} "
            f"| {window.server_ms:.1f} ms{ratio} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
