"""Prompts that a client has put together itself, infill and file tokens spelt out in them.

Editor plug-ins build the whole prompt and send it as one string (llm-ls does on every backend), so
there, and only there, these spellings are tokens. Dialogue markup never is.
"""

from __future__ import annotations

import re
from functools import lru_cache

from model.prompts.segments import END_OF_TEXT, FindSpecial, Part, Prompt, Segment, Special, Text

_NAMES = ("fim_prefix", "fim_suffix", "fim_middle", "fim_pad")

# Of all families; what the resident model's vocabulary lacks stays text.
RAW_TOKENS = (
    *(f"<{name}>" for name in _NAMES),
    *(f"<{name.replace('_', '-')}>" for name in _NAMES),
    *("<repo_name>", "<file_sep>", "<filename>", "<reponame>", "<gh_stars>"),
    *("<issue_start>", "<issue_comment>", "<issue_closed>"),
    *("<jupyter_start>", "<jupyter_text>", "<jupyter_code>", "<jupyter_output>"),
    *("<commit_before>", "<commit_msg>", "<commit_after>", "<empty_output>"),
    END_OF_TEXT,
)


# What the text after a token is, so that one that is too long is cut where it matters least. After
# `<fim_middle>` stands nothing, or the prefix of a prompt whose suffix comes first.
_PARTS: dict[str, Part] = {
    **dict.fromkeys(("<fim_prefix>", "<fim-prefix>"), "prefix"),
    **dict.fromkeys(("<fim_suffix>", "<fim-suffix>"), "suffix"),
    **dict.fromkeys(("<fim_middle>", "<fim-middle>"), "prefix"),
    **dict.fromkeys(("<repo_name>", "<file_sep>"), "context"),
}


def parse_raw(text: str, special_id: FindSpecial) -> Prompt:
    """`text` as segments, the spellings of `RAW_TOKENS` that the vocabulary has as tokens.

    Put together again, the segments are `text`.
    """
    known = tuple(token for token in RAW_TOKENS if special_id(token) is not None)
    if not known:
        return (Text(text, "prompt"),)
    segments: list[Segment] = []
    part: Part = "prompt"
    for piece in _splitter(known).split(text):
        if piece in known:
            segments.append(Special(piece))
            part = _PARTS.get(piece, "prompt")
        elif piece:
            segments.append(Text(piece, part))
    return tuple(segments)


def is_infill(prompt: Prompt) -> bool:
    """Whether it asks for a middle."""
    return Special("<fim_middle>") in prompt or Special("<fim-middle>") in prompt


def spells_gap(text: str) -> bool:
    """Whether `text` asks for a middle in the tokens of any family, known to the model or not."""
    return all(re.search(f"<fim[_-]{name}>", text) for name in ("prefix", "middle"))


@lru_cache(maxsize=16)
def _splitter(tokens: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("(" + "|".join(map(re.escape, tokens)) + ")")
