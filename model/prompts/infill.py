"""Fill-in-the-middle: prefix and suffix to a prompt whose continuation is the middle.

The strings are those of the StarCoder card, of the BigCode evaluation harness (SantaCoder), of
Megatron-LM's `permute` (suffix first) and of the StarCoder 2 paper, section 5.1 (repository).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from model.errors import CapabilityError, PromptError
from model.prompts.segments import END_OF_TEXT, FindSpecial, Prompt, Segment, Special, Text

InfillOrder = Literal["psm", "spm"]

FILL_MARKER = "<FILL_HERE>"

# Where a middle ends besides end-of-text: models are known to run on into the next file or the
# next example, and no middle holds these.
_FILE_TOKENS = ("<repo_name>", "<file_sep>", "<filename>", "<reponame>")


@dataclass(frozen=True, slots=True)
class RepositoryFile:
    """Another file of the same repository, shown to the model before the one to fill."""

    path: str
    text: str

    @property
    def prompt_text(self) -> str:
        """What of it goes into a prompt, after the token before each file."""
        return f"{self.path}\n{self.text}" if self.path else self.text


@dataclass(frozen=True, slots=True)
class InfillFormat:
    """A family's infill dialect.

    Attributes:
        name: "StarCoder", "StarCoder 2", "SantaCoder".
        stop_tokens: special tokens that end the middle.
        orders: the orders it was trained on, the one it does better in first: prefix, suffix,
            middle or suffix, prefix, middle.
        is_prefix_healed: with the suffix first, it learned to spell the white space that the
            prefix ends in together with the middle, as in any text; see `model.healing`.
        repo_name: the token before a repository's name; None where paths, names and other files
            cannot be told to the model.
        file_sep: the token before each file; None together with `repo_name`.
    """

    name: str
    prefix: str
    suffix: str
    middle: str
    stop_tokens: tuple[str, ...]
    orders: tuple[InfillOrder, ...] = ("psm", "spm")
    is_prefix_healed: bool = False
    repo_name: str | None = None
    file_sep: str | None = None


_UNDERSCORES = ("<fim_prefix>", "<fim_suffix>", "<fim_middle>")
_UNDERSCORE_STOPS = (END_OF_TEXT, *_UNDERSCORES, "<fim_pad>", *_FILE_TOKENS)
_HYPHENS = ("<fim-prefix>", "<fim-suffix>", "<fim-middle>")

STARCODER = InfillFormat("StarCoder", *_UNDERSCORES, _UNDERSCORE_STOPS)
STARCODER2 = InfillFormat(
    "StarCoder 2",
    *_UNDERSCORES,
    _UNDERSCORE_STOPS,
    repo_name="<repo_name>",
    file_sep="<file_sep>",
)
SANTACODER = InfillFormat(
    "SantaCoder", *_HYPHENS, (END_OF_TEXT, *_HYPHENS, "<fim-pad>", *_FILE_TOKENS)
)
# The embedded model's adapter learned the suffix first above all, and nothing of repositories.
SMOLLM2 = InfillFormat(
    "SmolLM2",
    *_UNDERSCORES,
    _UNDERSCORE_STOPS,
    orders=("spm", "psm"),
    is_prefix_healed=True,
)

INFILL_FORMATS = {dialect.name: dialect for dialect in (STARCODER, STARCODER2, SANTACODER, SMOLLM2)}


def detect_infill(special_id: FindSpecial) -> InfillFormat | None:
    """The dialect whose tokens the vocabulary has; None where it cannot fill in."""

    def has(*tokens: str) -> bool:
        return all(special_id(token) is not None for token in tokens)

    if has(*_HYPHENS):
        return SANTACODER
    if not has(*_UNDERSCORES):
        return None
    if has("<repo_name>", "<reponame>"):  # SmolLM2 alone has the file tokens of both families.
        return SMOLLM2
    return STARCODER2 if has("<repo_name>", "<file_sep>") else STARCODER


def build_infill(
    dialect: InfillFormat,
    prefix: str,
    suffix: str,
    *,
    begun: str = "",
    order: InfillOrder | None = None,
    path: str = "",
    repo_name: str = "",
    context: tuple[RepositoryFile, ...] = (),
) -> Prompt:
    """The prompt whose continuation stands between `prefix` and `suffix`.

    Args:
        begun: what the middle begins with. In either order the prompt ends in it, and it is a text
            of its own: middles are encoded apart from prefixes in training.
        order: "spm" puts the suffix first; the model then reads the prefix last. None takes the
            dialect's first.
        path: of the file to fill; StarCoder 2 reads it as the prefix's first line.
        repo_name: "owner/name"; may be empty where `context` is not.
        context: other files of the repository, the most telling last.

    Raises:
        CapabilityError: the dialect lacks the order, or has no tokens for paths, a repository's
            name or other files.
    """
    order = order or dialect.orders[0]
    if order not in dialect.orders:
        raise CapabilityError(
            f"{dialect.name} was not trained to read the suffix first.",
            "Choose the order prefix, suffix, middle.",
        )
    head = _repository_head(dialect, path, repo_name, context)
    before: tuple[Segment, ...] = (Text(prefix, "prefix"),)
    if path:
        before = (Text(f"{path}\n", "context"), *before)
    after = Text(suffix, "suffix")
    start: tuple[Segment, ...] = (Text(begun, "middle"),) if begun else ()
    prefix_token, suffix_token = Special(dialect.prefix), Special(dialect.suffix)
    middle_token = Special(dialect.middle)
    if order == "psm":
        return (*head, prefix_token, *before, suffix_token, after, middle_token, *start)
    return (*head, prefix_token, suffix_token, after, middle_token, *before, *start)


def _repository_head(
    dialect: InfillFormat, path: str, repo_name: str, context: tuple[RepositoryFile, ...]
) -> Prompt:
    if not (path or repo_name or context):
        return ()
    if dialect.repo_name is None or dialect.file_sep is None:
        raise CapabilityError(
            f"{dialect.name} has no infill form with a path, a repository or other files.",
            "Leave them out, or load a StarCoder 2 model.",
        )
    segments: list[Segment] = []
    if repo_name:
        segments += [Special(dialect.repo_name), Text(repo_name, "context")]
    for file in context:
        segments += [Special(dialect.file_sep), Text(file.prompt_text, "context")]
    return (*segments, Special(dialect.file_sep))


def split_fill_marker(text: str) -> tuple[str, str]:
    """What stands before and after the one `<FILL_HERE>` in `text`, unchanged.

    Raises:
        PromptError: there is no marker, or more than one.
    """
    num_markers = text.count(FILL_MARKER)
    if num_markers == 0:
        raise PromptError(
            f"The text holds no {FILL_MARKER}.",
            f"Add {FILL_MARKER} where the model shall write.",
        )
    if num_markers > 1:
        raise PromptError(
            f"The text holds {num_markers} {FILL_MARKER} markers; one gap can be filled at a time.",
            "Leave one of them.",
        )
    prefix, _, suffix = text.partition(FILL_MARKER)
    return prefix, suffix
