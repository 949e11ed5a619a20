"""The page: header, three tabs, and the end points beside them. Built once, for all sessions."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from model.loading.assistant_prompt import AssistantPromptSource
from model.loading.catalogue import Catalogue
from model.remote import RemoteModel
from model.service import GenerationService
from ui.actions import INSTANT, build_html
from ui.chat_tab import ChatTab
from ui.continue_tab import ContinueTab
from ui.drafts import Drafts, note_changes
from ui.endpoints import Endpoints
from ui.header import TITLE
from ui.infill_tab import InfillTab
from ui.keeper import WorkTab
from ui.runs import Runs
from ui.send_code import SendCode
from ui.setting_presets import PresetShelf
from ui.share_link import ShareLinks, render_share_button
from ui.shortcuts import render_help, render_help_button
from ui.talks import wire_talks
from ui.theme import build_theme, read_css, read_head
from ui.top import Top
from ui.translation import build_i18n, mark_labels
from ui.work import Tab
from ui.work_files import WorkFiles

# On a narrow screen the settings stand below the work, closed.
OPEN_WHERE_WIDE = """() => Array(%d).fill(
    {__type__: "update", open: window.matchMedia("(min-width: 1024px)").matches})"""


@dataclass(frozen=True)
class Page:
    """The Blocks, and what goes with them to `gr.mount_gradio_app`: Gradio 6 takes it there."""

    blocks: gr.Blocks
    theme: gr.themes.Base
    css: str
    head: str
    i18n: gr.I18n


def build_page(
    service: GenerationService,
    prompts: AssistantPromptSource,
    *,
    is_public: bool,
    deadline: float | None,
    catalogue: Catalogue | None = None,
    needs_key: bool = False,
    space_id: str = "",
    remote: RemoteModel | None = None,
) -> Page:
    """The page over `service`. Nothing runs until a browser opens it.

    Args:
        prompts: where the Tech Assistant's prompt comes from.
        is_public: strangers see it: no advice that only the owner can follow, no Retry.
        deadline: seconds after which a generation is cut off; None is never.
        catalogue: the models that the page offers; None where they cannot be changed from it.
        needs_key: the API's clients have to send a key, which the page never knows.
        remote: a model on another machine that Continue offers beside its own; None offers none.
        space_id: owner and name of the Hugging Face Space that the page is on; "" elsewhere.
    """
    runs = Runs(service, deadline, remote)
    with gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=True) as blocks:
        # First of all, as Gradio's client looks its components up from here on, one by one.
        unseen = gr.Column(elem_classes="pg-unseen")
        top = Top(service.residency, is_public=is_public, catalogue=catalogue, needs_key=needs_key)
        drafts = Drafts()
        with gr.Column(elem_classes="pg-all") as work:
            build_html(render_share_button() + render_help_button() + render_help(), "tools")
            continue_tab, infill_tab, chat_tab = tabs = _build_tabs(service, runs, prompts)
        shelf = PresetShelf(service.residency, [tab.presets for tab in tabs])
        links = ShareLinks(space_id)
        WorkFiles(continue_tab, "continue")
        WorkFiles(infill_tab, "infill")
        chat_tab.follow_conversation_at(WorkFiles(chat_tab, "chat").opened)
        chat_tab.follow_conversation_at(wire_talks(chat_tab))
        settings = [*(tab.settings for tab in tabs), chat_tab.talks.panel]
        blocks.load(None, None, settings, js=OPEN_WHERE_WIDE % len(settings), **INSTANT)
        top.watch(blocks, work, infill_tab, chat_tab)
        named = _keep_changes(*tabs)
        for tab in tabs:
            with unseen:
                tab.measure_on(blocks.load, top.changed)
            tab.explain_on(top.changed, needs_key=needs_key)
        own = {
            "system prompt": chat_tab.fill_system_prompt_on(blocks.load, top.changed),
            "settings": chat_tab.recommend_on(blocks.load, top.changed),
        }
        drafts.wire(named, chat_tab, after=own)
        shelf.follow(blocks.load, top.changed)
        links.follow_on(blocks.load)
        Endpoints(service, runs, prompts)

        def close_session(request: gr.Request) -> None:
            runs.close(str(request.session_hash))

        blocks.unload(close_session)
    mark_labels(blocks)
    return Page(blocks, build_theme(), read_css(), read_head(), build_i18n(blocks))


def _build_tabs(
    service: GenerationService, runs: Runs, prompts: AssistantPromptSource
) -> tuple[ContinueTab, InfillTab, ChatTab]:
    with gr.Tabs(elem_classes="pg-tabs"):
        with gr.Tab("Continue", id="continue", elem_id="continue-tab"):
            continue_tab = ContinueTab(service.residency, runs)
        with gr.Tab("Infill", id="infill", elem_id="infill-tab"):
            infill_tab = InfillTab(service, runs)
        with gr.Tab("Chat", id="chat", elem_id="chat-tab"):
            chat_tab = ChatTab(service, runs, prompts)
            code = SendCode()
    continue_tab.take_code_on(code.to_continue)
    infill_tab.take_code_on(code.to_infill)
    return continue_tab, infill_tab, chat_tab


def _keep_changes(
    continue_tab: WorkTab, infill_tab: WorkTab, chat_tab: WorkTab
) -> dict[Tab, WorkTab]:
    """The tabs by their names. From here on the browser keeps what changes in them."""
    named: dict[Tab, WorkTab]
    named = {"continue": continue_tab, "infill": infill_tab, "chat": chat_tab}
    for name, tab in named.items():
        note_changes(name, tab)
    return named
