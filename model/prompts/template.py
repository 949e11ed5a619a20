"""Dialogues of models that no format here knows: their own chat template says how.

The template is foreign code. It runs in transformers' sandbox and never sees what was typed: it is
rendered with sentinels in place of the contents, and what it wrote around them is encoded apart
from them. So the spelling of a special token is a special token only where the template put it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from model.errors import CapabilityError, PromptError
from model.prompts.dialogue import (
    CHATML,
    DIALOGUES,
    Dialogue,
    Message,
    check_conversation,
    detect_dialogue,
    has_chatml,
)
from model.prompts.segments import (
    END_OF_TEXT,
    FindSpecial,
    Part,
    Prompt,
    Segment,
    Special,
    Text,
    render,
)

# Private-use characters around a number; no template writes them.
_SENTINEL = "\ue000{}\ue001"
_SENTINEL_PATTERN = re.compile("\ue000(\\d+)\ue001")
# Put around each sentinel to see whether the template strips contents.
_BEFORE, _AFTER = " \n", "\n "


@dataclass(frozen=True)
class ChatTemplate:
    """A tokenizer's chat template.

    Attributes:
        source: in Jinja.
        variables: what it may name besides the messages: "bos_token" and its like.
        special_tokens: spellings that become special tokens where the template writes them.
    """

    source: str
    variables: Mapping[str, str]
    special_tokens: tuple[str, ...]

    def render(self, messages: Sequence[Mapping[str, str]]) -> str:
        """What the template makes of `messages` (role, content), up to the assistant's reply.

        Raises:
            PromptError: it refuses them, in words of its own, or fails.
        """
        # Imported here: it takes seconds, and this module is read before the page can answer.
        from transformers.utils.chat_template_utils import render_jinja_template

        try:
            rendered, _ = render_jinja_template(
                conversations=[[dict(message) for message in messages]],
                chat_template=self.source,
                add_generation_prompt=True,
                **self.variables,
            )
        # A template is foreign code and can raise anything.
        except Exception as error:
            raise PromptError(
                f"The model's chat template refuses this conversation: {_words(error)}",
                "Change the system prompt or the order of the messages.",
            ) from error
        return str(rendered[0])

    def split(self, text: str) -> Prompt:
        """`text` of the template's own, with its special tokens told apart."""
        longest_first = sorted(filter(None, self.special_tokens), key=len, reverse=True)
        pattern = "|".join(map(re.escape, longest_first)) or "(?!)"
        segments: list[Segment] = []
        for index, piece in enumerate(re.split(f"({pattern})", text)):
            if piece:
                segments.append(Special(piece) if index % 2 else Text(piece, "markup"))
        return tuple(segments)


@dataclass(frozen=True)
class TemplateDialogue:
    """The dialogue markup that a model's own chat template writes; see `read_template_dialogue`.

    Contents stand in the prompt as they were typed, without the white space around them where the
    template strips it. A template that alters them in another way is refused.

    `reply_opening` is what of a reply's opening is left to the model: a newline, for StarChat.
    """

    template: ChatTemplate
    stop_tokens: tuple[str, ...]
    is_reply_stripped: bool
    reply_opening: str = ""
    name: str = "the model's own chat template"
    default_system: str = ""
    stop_strings: tuple[str, ...] = ()

    def build(self, system: str, messages: Sequence[Message], reply: str = "") -> Prompt:
        check_conversation(messages)
        contents = [Text(message.text, message.role) for message in messages]
        if system:
            contents.insert(0, Text(system, "system"))
        layout = _read_layout(self.template, [content.part for content in contents])
        segments = list(self.template.split(layout.gaps[0].text))
        for index, before, after in zip(layout.order, layout.gaps, layout.gaps[1:], strict=False):
            text = contents[index].text
            text = text.lstrip() if before.is_next_stripped else text
            text = text.rstrip() if after.is_last_stripped else text
            segments += [Text(text, contents[index].part), *self.template.split(after.text)]
        if reply and self.reply_opening:
            segments.append(Text(self.reply_opening, "markup"))
        if reply:
            segments.append(Text(reply, "assistant"))
        return tuple(segments)


@dataclass(frozen=True, slots=True)
class _Gap:
    """What a template writes between two contents, before the first or after the last."""

    text: str
    is_last_stripped: bool
    is_next_stripped: bool


@dataclass(frozen=True, slots=True)
class _Layout:
    """Which content a template puts where, and the gaps around them, one more than contents."""

    order: tuple[int, ...]
    gaps: tuple[_Gap, ...]


def _read_layout(template: ChatTemplate, parts: Sequence[Part]) -> _Layout:
    """What `template` makes of a conversation of `parts`, whatever they say.

    Raises:
        PromptError: it refuses such a conversation.
        CapabilityError: it leaves contents out, repeats or alters them.
    """
    sentinels = [_SENTINEL.format(index) for index in range(len(parts))]
    order, plain = _split_at_sentinels(template, parts, sentinels)
    padded_order, padded = _split_at_sentinels(
        template, parts, [f"{_BEFORE}{sentinel}{_AFTER}" for sentinel in sentinels]
    )
    if "system" in parts and 0 not in order:
        raise PromptError("The model's chat template takes no system prompt.", "Leave it empty.")
    if sorted(order) != list(range(len(parts))) or padded_order != order:
        raise _unusable()
    ends = len(plain) - 1
    gaps = (
        _compare(text, wide, is_first=index == 0, is_end=index == ends)
        for index, (text, wide) in enumerate(zip(plain, padded, strict=True))
    )
    return _Layout(tuple(order), tuple(gaps))


def _split_at_sentinels(
    template: ChatTemplate, parts: Sequence[Part], contents: Sequence[str]
) -> tuple[list[int], list[str]]:
    messages = [
        {"role": part, "content": content} for part, content in zip(parts, contents, strict=True)
    ]
    pieces = _SENTINEL_PATTERN.split(template.render(messages))
    return [int(number) for number in pieces[1::2]], pieces[::2]


def _compare(text: str, wide: str, *, is_first: bool, is_end: bool) -> _Gap:
    """A gap's `text`, and what of the padding around it the template left in `wide`."""
    for after in ("",) if is_first else (_AFTER, ""):
        for before in ("",) if is_end else (_BEFORE, ""):
            if wide == after + text + before:
                return _Gap(text, is_last_stripped=not after, is_next_stripped=not before)
    raise _unusable()


def _unusable() -> CapabilityError:
    return CapabilityError(
        "The model's chat template alters or leaves out what the messages say, so it cannot be "
        "used safely.",
        "Load another chat model.",
    )


def _words(error: Exception) -> str:
    """What a template says, in which a sentinel may stand for a content."""
    return _SENTINEL_PATTERN.sub("…", str(error).strip()) or type(error).__name__


def read_template_dialogue(template: ChatTemplate) -> TemplateDialogue:
    """The dialogue of `template`, and what ends a reply in it.

    Where it cannot be used, `build` says why.
    """
    try:
        layout = _read_layout(template, ("user", "assistant", "user"))
    except (PromptError, CapabilityError):
        return TemplateDialogue(template, (END_OF_TEXT,), is_reply_stripped=False)
    _, opening, closing, reply = (template.split(gap.text) for gap in layout.gaps)
    ends = [item.token for item in closing if isinstance(item, Special)][:1]
    # What the model is to write of a reply's opening itself: StarChat's newline, for one.
    rest = render(opening).removeprefix(render(reply))
    is_reply_stripped = rest != render(opening) and bool(rest) and not rest.strip("\r\n")
    return TemplateDialogue(
        template,
        tuple(dict.fromkeys((*ends, END_OF_TEXT))),
        is_reply_stripped,
        rest if is_reply_stripped else "",
    )


def find_dialogue(
    name: str | None, special_id: FindSpecial, template: ChatTemplate | None
) -> Dialogue | None:
    """How a model's dialogues are marked up; None for one that was not tuned on any.

    Args:
        name: of the format in its preset, if it has one.
        special_id: of its vocabulary, by which a known family is told.
        template: its own; asked where no family is known.
    """
    known = DIALOGUES[name] if name is not None else detect_dialogue(special_id)
    if known is not None and special_id(known.stop_tokens[0]) is None:
        known = None  # a repository of that name, but not with that tokenizer
    if known is not None:
        return known
    if template is not None:
        return read_template_dialogue(template)
    return CHATML if has_chatml(special_id) else None
