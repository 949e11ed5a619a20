"""What stood in the tabs when the page was closed, brought back by the browser that kept it.

The browser has the values of a tab's components by name, as `WorkTab.draft` gives them; here they
become the tab's `Work` again. `ui/kept_drafts.js` says when they are written and asked for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import gradio as gr

from model.errors import InvalidInputError
from model.prompts.texts import check_texts
from ui.actions import EACH_TIME, INSTANT, Updates, build_button
from ui.answerers import Answerer
from ui.branches import Branches
from ui.chat_tab import ChatTab
from ui.controls import FIELDS
from ui.conversation import read_chatbot
from ui.edit_form import FORMS
from ui.fields import Fields
from ui.gap_request import ORDERS
from ui.keeper import WorkTab
from ui.notebook_form import read_next_cell
from ui.work import (
    FORMAT,
    VERSION,
    ChatContent,
    InfillContent,
    Tab,
    Work,
    WorkError,
    read_work,
)

_UNUSABLE = re.compile("[\0\ud800-\udfff]")


def read_draft(tab: Tab, data: object, authors: Mapping[Answerer, str]) -> Work:
    """The work that the values of a tab's components are.

    Args:
        data: by name, as the browser kept them.
        authors: the names that answers get that were on their way.

    Raises:
        InvalidInputError: they are not what the tab's components hold.
    """
    try:
        fields = Fields(_mend(data), "What was kept")
        content = {"continue": _continue, "infill": _infill, "chat": _chat}[tab](fields)
        written = {
            "format": FORMAT,
            "version": VERSION,
            "tab": tab,
            "language": "" if tab == "chat" else fields.text("language"),
            "settings": {name: fields.get(name) for name in FIELDS if name in fields.keys},
            "content": content,
        }
        if tab == "chat":
            written["seed"] = fields.get("drawn") or None
        work = read_work(json.dumps(written))
        if isinstance(work.content, ChatContent):
            work = replace(work, content=_with_answers(work.content, fields, authors))
            check_texts(work.content.texts)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise WorkError(f"What was kept cannot be read: {error}") from None
    return work


def _mend(data: Any) -> Any:
    """Without what no model takes and no file may hold: the rest is worth having."""
    if isinstance(data, dict):
        return {name: _mend(value) for name, value in data.items()}
    if isinstance(data, list):
        return [_mend(value) for value in data]
    return _UNUSABLE.sub("\ufffd", data) if isinstance(data, str) else data


def _continue(fields: Fields) -> dict[str, Any]:
    content = {"text": _json(fields, "text")}
    if "samples" in fields.keys:  # of an older page there is none
        content["samples"] = fields.number("samples")
    if fields.get("candidates"):
        content["candidates"] = _json(fields, "candidates")
        coming = {"note": "Cut off by a reload", "seed": None}
        content["candidates"]["texts"] += [each | coming for each in fields.get("live") or []]
    content["header"] = {
        "path": fields.get("file_name") or "",
        "repository": fields.get("repository") or "",
        "stars": fields.get("stars") or "",
        "exercise": bool(fields.get("exercise")),
    }
    content["edit"] = {
        "form": FORMS.get(str(fields.get("form")), "text"),
        "instruction": fields.get("instruction") or "",
        "proposal": _json(fields, "proposal") if "proposal" in fields.keys else None,
    }
    content["next_cell"] = read_next_cell(fields.get("next_cell"))
    return content


def _infill(fields: Fields) -> dict[str, Any]:
    live = fields.get("live")
    middle = _json(fields, "middle") if not live else {"text": live, "cut": "", "samples": []}
    return {
        "prefix": _json(fields, "prefix"),
        "suffix": _json(fields, "suffix"),
        "middle": middle,
        "order": ORDERS.get(str(fields.get("order"))),
        "samples": fields.number("samples"),
        "repository": {
            "path": fields.get("file_name") or "",
            "name": fields.get("repository") or "",
            "files": _json(fields, "files") if "files" in fields.keys else [],
        },
    }


def _chat(fields: Fields) -> dict[str, Any]:
    return {
        **{name: fields.get(name) or "" for name in ("system", "begin", "draft")},
        "answered_by": fields.get("answered_by"),
        "conversation": _json(fields, "branches"),
    }


def _json(fields: Fields, name: str) -> Any:
    """The JSON that a component holds, whose text may need mending again."""
    return _mend(json.loads(fields.text(name)))


def _with_answers(
    content: ChatContent, fields: Fields, authors: Mapping[Answerer, str]
) -> ChatContent:
    """With what the page showed of replies that were not kept yet."""
    talk = content.conversation
    # Of a conversation that rests the list keeps it once: as its branches.
    value = fields.get("conversation")
    shown = talk.messages if value is None else read_chatbot(value)
    is_coming = len(shown) == len(talk.path) + 1 and shown[-1].role == "assistant"
    if is_coming and content.answered_by != "both":
        author = authors[content.answered_by]
        talk = talk.graft(shown[:-1]).add("assistant", shown[-1].text, author=author, is_cut=True)
    else:
        talk = talk.graft(shown)
    answers = {
        author: "".join(message.text for message in read_chatbot(fields.get(f"answer_{name}")))
        for name, author in authors.items()
    }
    is_asked = bool(talk.path) and talk.path[-1].role == "user"
    if is_asked:
        talk = talk.offer({author: text for author, text in answers.items() if text})
    return replace(content, conversation=talk)


class Drafts:
    """Builds the line that says what is back, where it is called."""

    def __init__(self) -> None:
        self._line = gr.HTML(
            "",
            html_template="",
            js_on_load="playgroundKept.showReturn(element, {props, watch, trigger})",
            apply_default_css=False,
            elem_id="returned",
            elem_classes="pg-html",
        )

    def wire(self, tabs: Mapping[Tab, WorkTab], chat: ChatTab, after: Mapping[str, Any]) -> None:
        """Have the browser keep what stands in `tabs`, and bring it back.

        Args:
            chat: knows who answers.
            after: the events, by the names in `ui/kept_drafts.js`, at whose end a model's own
                values stand there, which would otherwise take the place of what was kept.
        """
        for part, event in after.items():
            ready = f"() => {{ playgroundKept.ready('{part}'); }}"
            event.then(None, None, None, js=ready, **INSTANT)
        sizes = {name: len(tab.work_inputs) for name, tab in tabs.items()}
        inputs = [component for tab in tabs.values() for component in tab.work_inputs]
        outputs = [component for tab in tabs.values() for component in tab.work_outputs]

        def split(values: tuple[Any, ...]) -> dict[Tab, tuple[Any, ...]]:
            parts, start = {}, 0
            for name, size in sizes.items():
                parts[name] = values[start : start + size]
                start += size
            return parts

        async def bring_back(event: gr.EventData, *values: Any) -> Updates:
            updates: Updates = {}
            problems, is_back = [], False
            for name, held in split(values).items():
                if name not in event.tabs:
                    continue
                try:
                    work = read_draft(name, event.tabs[name], chat.authors)
                except InvalidInputError as error:
                    problems.append(f"{name.capitalize()}: {error.message}")
                else:
                    is_back = is_back or bool(work)
                    updates |= await tabs[name].show_work(work, *held)
                    if name == "chat" and (talk := event.tabs[name].get("talk")):
                        updates |= chat.name_talk(str(talk))  # it is still the same one
            answer = {"is_back": is_back, "problems": problems}
            return updates | {self._line: json.dumps(answer)}

        async def start_empty(*values: Any) -> Updates:
            updates: Updates = {}
            for name, held in split(values).items():
                work = tabs[name].read_work(*held)
                if work:
                    updates |= await tabs[name].show_work(_emptied(work), *held)
            return updates

        self._line.select(bring_back, inputs, [*outputs, self._line], **INSTANT)
        self._line.clear(start_empty, inputs, outputs, **INSTANT)


def note_changes(name: Tab, tab: WorkTab) -> None:
    """Tell the page's script of each change in `tab`. It costs the server nothing, and waits for
    nothing where it is wired before what does: the page goes from one listener to the next."""
    names, components = list(tab.draft), list(tab.draft.values())
    noting: dict[str, Any] = {
        "fn": None,
        "inputs": components,
        "outputs": None,
        "js": f"(...values) => {{ playgroundKept.note('{name}', {json.dumps(names)}, values); }}",
        **EACH_TIME,
    }
    often = tab.shown_while_it_comes
    gr.on([each.change for each in components if each not in often], **noting)
    # To gather all the values at each step of a stream costs the browser more than to show the step
    # (gradio 6.31 looks each one up in the whole page): the script asks for them once in a while.
    button = build_button("Note", f"{name}-note", visible="hidden")
    button.click(**noting)
    stir = f"() => {{ playgroundKept.stir('{name}'); }}"
    changes = [component.change for component in often]
    if changes:
        gr.on(changes, None, None, None, js=stir, **EACH_TIME)


def _emptied(work: Work) -> Work:
    """Without what was written, and with what is set."""
    content = work.content
    if isinstance(content, ChatContent):
        return replace(work, content=replace(content, conversation=Branches(), draft=""))
    if isinstance(content, InfillContent):
        empty = InfillContent(order=content.order, samples=content.samples)
        return replace(work, content=empty)
    return replace(work, content=type(content)())
