from __future__ import annotations

from collections.abc import AsyncIterator

import gradio as gr
import pytest_asyncio

from model.licenses import APACHE_2, OPENRAIL_M
from ui.license_gate import LicenseGate


@pytest_asyncio.fixture
async def gate() -> AsyncIterator[LicenseGate]:
    with gr.Blocks(analytics_enabled=False):
        gate = LicenseGate()
        with gr.Column() as work:
            gr.Markdown("what the visitor came for")
        gate.bind(work)
        yield gate


def visible(gate: LicenseGate, licenses: list, accepted: list[str] | None) -> tuple[bool, bool]:
    """Whether the gate is, and whether the work is."""
    updates = gate.updates(licenses, accepted)
    return updates[gate._gate]["visible"], updates[gate._work]["visible"]


async def test_restrictions_stand_before_the_work_until_they_were_agreed_to(
    gate: LicenseGate,
) -> None:
    assert visible(gate, [OPENRAIL_M, APACHE_2], []) == (True, False)
    assert visible(gate, [OPENRAIL_M], [OPENRAIL_M.name]) == (False, True)
    text = gate.updates([OPENRAIL_M, OPENRAIL_M], None)[gate._text]
    assert text.count("<h2>") == 1
    assert text.count("<li>") == len(OPENRAIL_M.restrictions)
    assert OPENRAIL_M.url in text


async def test_a_licence_without_restrictions_stands_in_nobodys_way(gate: LicenseGate) -> None:
    assert visible(gate, [APACHE_2, None], []) == (False, True)


async def test_what_was_agreed_to_is_remembered_with_what_was_before(gate: LicenseGate) -> None:
    updates = gate._accepted_now(["Other"], (OPENRAIL_M.name,))
    assert updates[gate.accepted] == sorted(["Other", OPENRAIL_M.name])
    assert updates[gate._work]["visible"]
