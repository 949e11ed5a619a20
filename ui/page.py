"""The page: header, three tabs, and the end points beside them. Built once, for all sessions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from model.engine.generation import SLOTS
from model.loading.slot import LoadFailed, Loading
from model.service import GenerationService
from ui.actions import INSTANT, STREAMING, Updates, build_button, build_html
from ui.chat_tab import ChatTab
from ui.continue_tab import ContinueTab
from ui.endpoints import Endpoints
from ui.header import TITLE, render_failures, render_header, render_stand_in
from ui.infill_tab import InfillTab
from ui.runs import Runs
from ui.theme import build_theme, read_css, read_head

WATCH_SECONDS = 0.5

# On a narrow screen the settings stand below the work, closed.
OPEN_WHERE_WIDE = """() => Array(%d).fill(
    {__type__: "update", open: window.matchMedia("(min-width: 1024px)").matches})"""


@dataclass(frozen=True)
class Page:
    """The Blocks, and what goes with them to `gr.mount_gradio_app`: Gradio 6 takes it there."""

    blocks: gr.Blocks
    theme: gr.themes.Base
    css: str
    js: str | None
    head: str


def build_page(service: GenerationService, *, is_public: bool, deadline: float | None) -> Page:
    """The page over `service`. Nothing runs until a browser opens it.

    Args:
        is_public: strangers see it: no advice that only the owner can follow, no Retry.
        deadline: seconds after which a generation is cut off; None is never.
    """
    runs = Runs(service, deadline)
    with gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=True) as blocks:
        top = _Top(service, is_public=is_public)
        with gr.Tabs(elem_classes="pg-tabs"):
            with gr.Tab("Continue", id="continue", elem_id="continue-tab"):
                continue_tab = ContinueTab(runs)
            with gr.Tab("Infill", id="infill", elem_id="infill-tab"):
                infill_tab = InfillTab(service, runs)
            with gr.Tab("Chat", id="chat", elem_id="chat-tab"):
                chat_tab = ChatTab(service, runs)
        settings = [tab.settings for tab in (continue_tab, infill_tab, chat_tab)]
        blocks.load(None, None, settings, js=OPEN_WHERE_WIDE % len(settings), **INSTANT)
        top.watch(blocks, infill_tab, chat_tab)
        Endpoints(runs)

        def close_session(request: gr.Request) -> None:
            runs.close(str(request.session_hash))

        blocks.unload(close_session)
    return Page(blocks, build_theme(), read_css(), None, read_head())


class _Top:
    """What stands above the tabs: the models' state, and a way to load them again."""

    def __init__(self, service: GenerationService, *, is_public: bool) -> None:
        self._residency = service.residency
        self._is_public = is_public
        self._presets = {slot: service.residency.preset(slot) for slot in SLOTS}
        self._header = build_html(self._render(), "header")
        build_html(render_stand_in(self._presets, is_public=is_public), "stand-in")
        self._failures = build_html("", "failures")
        self._retry = build_button("Retry loading", "retry-loading", visible=False)

    def watch(self, blocks: gr.Blocks, infill_tab: InfillTab, chat_tab: ChatTab) -> None:
        """Show how loading goes, from the page's opening, and from each Retry, to its end."""
        outputs = [self._header, self._failures, self._retry]
        outputs += infill_tab.outputs + chat_tab.outputs

        async def show() -> AsyncGenerator[Updates, None]:
            is_loading = True
            while is_loading:
                statuses = self._statuses()
                is_loading = any(isinstance(status, Loading) for status in statuses.values())
                yield (
                    self._updates()
                    | infill_tab.updates_for(statuses["base"])
                    | chat_tab.updates_for(statuses["chat"])
                )
                if is_loading:
                    await asyncio.sleep(WATCH_SECONDS)

        opened = blocks.load(show, None, outputs, **STREAMING)
        again = self._retry.click(self._load_again, None, None, **INSTANT)
        watched_again = again.then(show, None, outputs, **STREAMING)
        for event in (opened, watched_again):
            chat_tab.fill_system_prompt(event)

    def _updates(self) -> Updates:
        statuses = self._statuses()
        has_failed = any(isinstance(status, LoadFailed) for status in statuses.values())
        return {
            self._header: self._render(),
            self._failures: render_failures(statuses),
            self._retry: gr.update(visible=has_failed and not self._is_public),
        }

    async def _load_again(self) -> None:
        # Async, and so on the event loop, where residency lives.
        for slot in SLOTS:
            self._residency.retry(slot)

    def _statuses(self) -> dict[Any, Any]:
        return {slot: self._residency.status(slot) for slot in SLOTS}

    def _render(self) -> str:
        return render_header(self._presets, self._statuses())
