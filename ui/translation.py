"""The page in other languages than English, which is what the code is written in.

An English text is its own key. A catalogue, `ui/translations/<locale>.json`, maps each to its
translation; what varies stands in braces, under the same name in both. Labels go through
Gradio's own I18n; everything else that the page says is HTML, from the server or from a script,
and `ui/translation.js` puts the translation in its place before it is painted. So neither
handlers nor errors know of languages, and the API stays English.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.i18n import I18nData

FOLDER = Path(__file__).parent / "translations"
# What a reader sees of a component that Gradio draws itself.
LABELS = ("label", "info", "placeholder")
# Begins the keys of Gradio's own catalogue. A component that is drawn late has each of its strings
# looked up there, its value too (gradio 6.31), and a choice is sent back as it was shown.
MARK = "label: "

Translations = dict[str, str]


@cache
def read_catalogues() -> dict[str, Translations]:
    """By locale."""
    return {
        path.stem: json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(FOLDER.glob("*.json"))
    }


def build_i18n(blocks: gr.Blocks) -> gr.I18n:
    """For `gr.mount_gradio_app`: the labels that `mark_labels` marked."""
    texts = sorted({text for *_, text in find_labels(blocks)})
    catalogues: dict[str, Translations] = {"en": {}} | read_catalogues()
    return gr.I18n(
        **{
            locale: {MARK + text: catalogue.get(text, text) for text in texts}
            for locale, catalogue in catalogues.items()
        }
    )


def build_script() -> str:
    """The catalogues for `ui/translation.js`."""
    text = json.dumps(read_catalogues(), ensure_ascii=False).replace("</", "<\\/")
    return f"window.playgroundCatalogues = {text};"


def mark_labels(blocks: gr.Blocks) -> None:
    """Have the browser look up what Gradio draws of the components of `blocks`."""
    for component, name, text in find_labels(blocks):
        setattr(component, name, I18nData(MARK + text))


def find_labels(blocks: gr.Blocks) -> Iterator[tuple[Any, str, str]]:
    """Component, attribute and English text of all that Gradio draws itself."""
    for component in blocks.blocks.values():
        names = (*LABELS, "value") if isinstance(component, gr.Button) else LABELS
        for name in names:
            text = getattr(component, name, None)
            if isinstance(text, I18nData):
                text = text.key.removeprefix(MARK)
            if isinstance(text, str) and text:
                yield component, name, text
