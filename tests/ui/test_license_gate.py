from __future__ import annotations

from collections.abc import AsyncIterator

import gradio as gr
import pytest_asyncio

from model.licenses import APACHE_2, OPENRAIL_M, License
from ui.license_gate import LicenseGate


class Page:
    """A gate, and the licences of the models on the page."""

    def __init__(self) -> None:
        self.licenses: list[License | None] = []
        self.gate = LicenseGate(lambda: self.licenses)
        with gr.Column() as work:
            gr.Markdown("what the visitor came for")
        self.gate.bind(work)

    def visible(self, accepted: list[str] | None) -> tuple[bool, bool]:
        """Whether the gate is, and whether the work is."""
        updates = self.gate._look(accepted)
        return updates[self.gate._gate]["visible"], updates[self.gate._work]["visible"]


@pytest_asyncio.fixture
async def page() -> AsyncIterator[Page]:
    with gr.Blocks(analytics_enabled=False):
        yield Page()


async def test_restrictions_stand_before_the_work_until_they_were_agreed_to(page: Page) -> None:
    page.licenses = [OPENRAIL_M, APACHE_2, OPENRAIL_M]
    assert page.visible([]) == (True, False)
    assert page.visible(None) == (True, False)
    assert page.visible([OPENRAIL_M.name]) == (False, True)
    text = page.gate._look(None)[page.gate._text]
    assert text.count("<h2>") == 1
    assert text.count("<li>") == len(OPENRAIL_M.restrictions)
    assert OPENRAIL_M.url in text


async def test_a_licence_without_restrictions_stands_in_nobodys_way(page: Page) -> None:
    page.licenses = [APACHE_2, None]
    assert page.visible([]) == (False, True)
    assert page.gate.updates() == {page.gate.required: ""}


async def test_the_gate_is_told_of_licences_and_not_of_what_was_agreed_to_once(page: Page) -> None:
    """A model that loads for an hour must not ask again whoever has agreed meanwhile."""
    page.licenses = [OPENRAIL_M]
    assert page.gate.updates() == {page.gate.required: OPENRAIL_M.name}


async def test_what_was_agreed_to_is_remembered_with_what_was_before(page: Page) -> None:
    gate = page.gate
    updates = gate._accepted_now(["Other"], (OPENRAIL_M.name,))
    assert updates[gate._accepted] == sorted(["Other", OPENRAIL_M.name])
    assert updates[gate._work]["visible"]
