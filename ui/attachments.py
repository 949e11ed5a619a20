"""Files that go with the next message: chosen or dropped, shown with their tokens, and then part of
its text."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from model.errors import InvalidInputError
from model.loading.residency import Residency
from model.loading.slot import Ready
from model.prompts.texts import check_texts
from ui.actions import EACH_TIME, Updates, build_html
from ui.file_language import language_of_file
from ui.languages import language_of
from ui.notices import error_notice, notice
from ui.picked_files import (
    MAX_PICKED_BYTES,
    PickedFile,
    PickedFileError,
    picking_script,
    read_picked,
)

NAME = "chat-attachments"
SCRIPT = Path(__file__).with_name("attachments.js")
PLAIN = "text"

Files = tuple[PickedFile, ...]

_BACKTICKS = re.compile("`+")


class Attachments:
    """Builds the chips where it is called; `build_button` puts the button to its own place."""

    def __init__(self, residency: Residency) -> None:
        self._residency = residency
        self.files = gr.State(())
        self._chips = gr.HTML(
            "",
            elem_id=NAME,
            elem_classes="pg-html",
            js_on_load=picking_script(SCRIPT),
            apply_default_css=False,
        )
        self._chips.upload(self._take, self.files, self.outputs, **EACH_TIME)
        self._chips.delete(self._remove, self.files, self.outputs, **EACH_TIME)

    def build_button(self) -> None:
        build_html('<button type="button" data-attach>Attach</button>', f"{NAME}-button")

    @property
    def changed(self) -> Any:
        """The event that other files are there. A `gr.State` has none outside of Gradio's queue."""
        return self._chips.change

    @property
    def outputs(self) -> list[Any]:
        """The components that `show` changes."""
        return [self.files, self._chips]

    async def show(self, files: Files, problem: str = "") -> Updates:
        """
        Args:
            problem: HTML of what else there is to say.
        """
        counts = await asyncio.to_thread(self._count, files)
        return {self.files: files, self._chips: render_chips(files, counts) + problem}

    def _count(self, files: Files) -> list[int | None]:
        """By the chat model's tokenizer, once that is there."""
        status = self._residency.status("chat")
        if not isinstance(status, Ready):
            return [None] * len(files)
        tokenizer = status.resident.tokenizer
        return [len(tokenizer.encode_text(fenced(file))) for file in files]

    async def _take(self, event: gr.EventData, files: Files) -> Updates:
        try:
            picked, problem = read_picked(event.files)
            names = {file.name for file in picked}
            taken = (*(file for file in files if file.name not in names), *picked)
            _check(taken)
        except InvalidInputError as error:
            return await self.show(files, error_notice(error))
        return await self.show(taken, notice("error", problem) if problem else "")

    async def _remove(self, event: gr.EventData, files: Files) -> Updates:
        return await self.show((*files[: event.index], *files[event.index + 1 :]))


def with_files(text: str, files: Sequence[PickedFile]) -> str:
    """The message as it is sent: the files, and below them what was written."""
    return "\n\n".join([*map(fenced, files), *([text] if text.strip() else [])]) or text


def fenced(file: PickedFile) -> str:
    """Its name, and its text in a fence that nothing in it closes."""
    title = language_of_file(file.name)
    lexer = language_of(title).lexer if title else PLAIN
    fence = _longer_than_any("``", file.text)
    end = "" if file.text.endswith("\n") else "\n"
    info = "" if lexer == PLAIN else lexer
    return f"{_code_span(file.name)}\n\n{fence}{info}\n{file.text}{end}{fence}"


def render_chips(files: Sequence[PickedFile], counts: Sequence[int | None]) -> str:
    if not files:
        return ""
    chips = "".join(
        f'<li><span translate="no">{escape(file.name)}</span>{_tokens(num_tokens)}'
        f'<button type="button" data-index="{index}" '
        f'aria-label="Remove {escape(file.name)}" title="Remove">×</button>'
        "</li>"
        for index, (file, num_tokens) in enumerate(zip(files, counts, strict=True))
    )
    version = f"{hash(tuple(files)):x}"
    return f'<ul class="pg-attached" aria-label="Attached" data-version="{version}">{chips}</ul>'


def _tokens(num_tokens: int | None) -> str:
    return "" if num_tokens is None else f"<small>{num_tokens:,} tokens</small>"


def _check(files: Files) -> None:
    """
    Raises:
        InvalidInputError: they are too long together, or no model can take one.
    """
    num_bytes = sum(len(file.text.encode("utf-8", "surrogatepass")) for file in files)
    if num_bytes > MAX_PICKED_BYTES:
        raise PickedFileError(
            f"The attached files would have {num_bytes:,} bytes together; "
            f"{MAX_PICKED_BYTES:,} can go with a message.",
            "Attach fewer, or paste the part that matters.",
        )
    check_texts([(f"file {file.name}", file.text) for file in files])


def _code_span(name: str) -> str:
    """Else Markdown takes the underscores of `__init__.py` for its own."""
    name = " ".join(name.splitlines())
    if "`" not in name:
        return f"`{name}`"
    ticks = _longer_than_any("", name)
    return f"{ticks} {name} {ticks}"


def _longer_than_any(least: str, text: str) -> str:
    """A run of backticks that is longer than `least` and than any in `text`."""
    return f"{max([least, *_BACKTICKS.findall(text)], key=len)}`"
