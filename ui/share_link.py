"""Links that carry a tab's work in the address's fragment, which no browser sends to a server.

`#work=` and, in base64url, the raw deflate of what `ui.work.Work.to_json` gives. `ui/share.js`
makes them and reads them; decision 0019 says why they are as they are.
"""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from ui.actions import INSTANT
from ui.work_files import MAX_BYTES

SCRIPT = Path(__file__).with_name("share.js")


def render_share_button() -> str:
    """For above the tabs: it makes a link of the one that is shown."""
    return (
        '<button type="button" class="pg-opens" data-shares '
        'title="Share this tab’s work as a link">Share</button>'
    )


class ShareLinks:
    """Builds where it is called what the buttons of `ui.work_files` rest on. It is not seen.

    Args:
        space_id: owner and name of the Space that the page is on. There it stands in a frame, and
            the address to share is that of the page around it, which hands the fragment on.
    """

    def __init__(self, space_id: str) -> None:
        address = f"https://huggingface.co/spaces/{space_id}" if space_id else ""
        self._component = gr.HTML(
            f'<div data-address="{escape(address)}" data-max-bytes="{MAX_BYTES}"></div>',
            elem_id="share",
            elem_classes="pg-html",
            js_on_load=SCRIPT.read_text(encoding="utf-8"),
            apply_default_css=False,
        )

    def follow_on(self, load: Any) -> None:
        """Have a link that the page was opened with shown after this event. Call it last: what
        other listeners show at the same event then does not take the work's place."""
        load(lambda: None, None, None, **INSTANT).then(
            None, None, None, js="() => playgroundShare.follow()", **INSTANT
        )
