"""Export and import of the conversation: the files' way between the page and the disk.

Nothing is kept on the server: the browser makes a file of the text that it is sent, and sends the
text of the file that is chosen.
"""

from __future__ import annotations

import json
from typing import Any

import gradio as gr

from model.errors import InvalidInputError
from ui.actions import INSTANT, Updates, build_button
from ui.chat_view import TAB, ChatView, Kept
from ui.conversation_file import ConversationFile, ConversationFileError, read_conversation_file
from ui.notices import error_notice
from ui.status import say

# Below what a public server reads of one request, with the conversation that is sent beside it.
MAX_FILE_BYTES = 500_000

_DOWNLOAD = """(text) => {
    if (!text) return;
    const file = JSON.parse(text);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([file.text], { type: file.type }));
    link.download = file.name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}"""
# A file that is too long for Python to take is not sent.
_CHOOSE = """(_, ...rest) => new Promise((resolve) => {
    const input = document.createElement("input");
    input.type = "file";
    input.accept = ".json,application/json";
    input.oncancel = () => resolve(["", ...rest]);
    input.onchange = async () => {
        const file = input.files[0];
        const isLong = file.size > MAX_BYTES;
        resolve([JSON.stringify({ text: isLong ? "" : await file.text(), isLong }), ...rest]);
    };
    input.click();
})""".replace("MAX_BYTES", str(MAX_FILE_BYTES))


class ChatFiles:
    """Builds the buttons where it is called."""

    def __init__(self, view: ChatView) -> None:
        self._view = view
        with view.side, gr.Accordion("Export and import", open=False, elem_classes="pg-files"):
            with gr.Row(elem_classes="pg-actions"):
                self._markdown = build_button("Markdown", f"{TAB}-export-markdown")
                self._json = build_button("JSON", f"{TAB}-export-json")
                self._import = build_button("Import JSON", f"{TAB}-import")
            self._file = gr.Textbox(
                label="File", visible="hidden", max_lines=1, elem_id=f"{TAB}-file"
            )

    def wire(self, restored: list[Any]) -> list[Any]:
        """The events that change the conversation. `restored` is what Restore changes."""
        view = self._view
        for button, kind in ((self._markdown, "markdown"), (self._json, "json")):
            exported = button.click(
                self._exporter(kind), view.given, [self._file, view.status], **INSTANT
            )
            exported.then(None, self._file, None, js=_DOWNLOAD, **INSTANT)
        imported = self._import.click(
            self._read, [self._file, *view.given], restored, js=_CHOOSE, **INSTANT
        )
        return [imported]

    def _exporter(self, kind: str) -> Any:
        def export(*values: Any) -> Updates:
            given = self._view.read_given(values)
            if not given.conversation.turns:
                return {self._file: "", self._view.status: say("There is nothing to export yet")}
            file = ConversationFile(given.conversation, given.system, given.begin, given.settings)
            if kind == "json":
                made = {"name": "conversation.json", "type": "application/json"}
                made["text"] = file.to_json()
            else:
                made = {"name": "conversation.md", "type": "text/markdown"}
                made["text"] = file.to_markdown()
            return {self._file: json.dumps(made), self._view.status: say(f"Saved {made['name']}")}

        return export

    def _read(self, chosen: str, *values: Any) -> Updates:
        """Restore brings back what stood before: conversation, system prompt and settings."""
        view = self._view
        if not chosen:
            return {view.restore: gr.skip()}
        try:
            text = _text_of(chosen)
            file, problem = read_conversation_file(text)
        except InvalidInputError as error:
            return {view.status: error_notice(error)}
        given = view.read_given(values)
        note = f"Imported · Restore brings back what stood before{problem and '; '}{problem}"
        kept = Kept(given.conversation, (given.system, given.begin, *given.settings))
        return (
            view.pair.close()
            | view.show(file.branches)
            | view.show_around((file.system, file.begin, *(file.settings or given.settings)))
            | {
                view.cleared: kept,
                view.restore: gr.update(visible=True),
                view.status: say(note),
            }
        )


def _text_of(chosen: str) -> str:
    """The text of the file that the browser sent.

    Raises:
        ConversationFileError: it was too long to send.
    """
    data = json.loads(chosen)
    if data["isLong"]:
        raise ConversationFileError(f"The file is over {MAX_FILE_BYTES:,} bytes long.")
    return str(data["text"])
