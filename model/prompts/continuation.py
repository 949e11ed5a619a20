"""Plain continuation: the text as it is, with no token before it."""

from __future__ import annotations

from model.prompts.segments import END_OF_TEXT, Prompt, Text

# StarCoder 2 goes on with the next file of an invented repository unless `<file_sep>` ends the
# text (bigcode-project/starcoder#154, starcoder2#13). The others open a document too.
CONTINUATION_STOP_TOKENS = (
    *(END_OF_TEXT, "<file_sep>", "<repo_name>", "<filename>", "<reponame>"),
    *("<fim_prefix>", "<fim_middle>", "<fim_suffix>", "<fim_pad>"),
    *("<fim-prefix>", "<fim-middle>", "<fim-suffix>", "<fim-pad>"),
)

# White space that healing can make a text begin with.
HEALABLE = " \t\n\r"


def build_continuation(text: str) -> Prompt:
    return (Text(text, "prompt"),)


def split_trailing_space(text: str) -> tuple[str, str]:
    """`text` without its trailing white space, and that white space; see `model.healing`."""
    kept = text.rstrip(HEALABLE)
    return kept, text[len(kept) :]
