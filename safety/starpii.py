"""StarPII, BigCode's model for personal data in code, behind the detectors' seam.

Windows, the merging of labels and the conditions for an entity are those of BigCode's pipeline
(`bigcode-project/bigcode-dataset`, `pii/ner`); docs/decisions/0028 says where not, and why.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from safety.entities import TokenLabel, kind_of, merge
from safety.entity_filters import is_somebodys
from safety.spans import Span, without_overlaps
from safety.windows import Window, split

if TYPE_CHECKING:
    from model.loading.token_classifier import TokenClassifier

STARPII = "bigcode/starpii"
# From its page, https://huggingface.co/bigcode/starpii; the wording there counts.
TERMS = """\
StarPII is not free software. Whoever uses it agrees to its terms of use:

  1. The model is used for nothing but detecting personal data in order to remove it from datasets.
  2. Neither the model nor a modified version of it is shared, for whatever purpose.
  3. It comes as it is, without warranty or liability: whoever uses it decides whether that is
     appropriate, and bears the risk.

This is a summary. The terms themselves stand at https://huggingface.co/bigcode/starpii, where the
account that fetches it has to accept them too. They hold for a copy in a folder as well.
"""
# Tokens. BigCode scanned with the first; with the second each has 64 before and behind it.
WINDOW = 512
OVERLAP = 128
BATCH = 8
# Half a character, which no tokenizer takes.
SURROGATE = re.compile("[\ud800-\udfff]")


class StarPii:
    """Finds names, user names, passwords, e-mail addresses, keys and IP addresses.

    Time and memory grow with the text, so long ones are read in blocks (`safety.files`). Use it
    on one thread.
    """

    def __init__(self, classifier: TokenClassifier, *, batch: int = BATCH) -> None:
        """
        Raises:
            CheckpointError: it labels no kind of personal data.
        """
        self._classifier = classifier
        self._batch = batch
        if not any(kind_of(label) for label in classifier.labels):
            from model.errors import CheckpointError

            raise CheckpointError(
                "This model's labels name no kind of personal data.",
                "Its config.json must have them in id2label, such as B-NAME and I-NAME.",
            )

    def find(self, text: str) -> list[Span]:
        # A character for a character: places stay.
        ids, places = self._classifier.tokenize(SURROGATE.sub("\ufffd", text))
        size = min(WINDOW, self._classifier.window)
        windows = split(len(ids), size, min(OVERLAP, size // 4))
        labels = self._classifier.labels
        tokens = [
            TokenLabel(*place, labels[label], probability)
            for place, (label, probability) in zip(
                places, self._classified(ids, windows), strict=True
            )
        ]
        return without_overlaps(filter(is_somebodys, merge(text, tokens)))

    def _classified(self, ids: list[int], windows: list[Window]) -> Iterator[tuple[int, float]]:
        """Label and probability of each token."""
        for begin in range(0, len(windows), self._batch):
            batch = windows[begin : begin + self._batch]
            rows = self._classifier.classify([ids[one.start : one.end] for one in batch])
            for window, row in zip(batch, rows, strict=True):
                yield from row[window.first - window.start : window.last - window.start]


def load_starpii(name: str, device: str, report: Callable[[str], object]) -> StarPii:
    """The detector of the checkpoint `name`: a folder, or a repository of the hub, which may end
    in "@" and a revision. torch and transformers are imported here.

    Args:
        device: as for `load_token_classifier`.
        report: told each stage once.

    Raises:
        ModelLoadError: with the next step; a HubError where the hub did not hand it out.
    """
    from model.loading.token_classifier import load_token_classifier

    folder = Path(name).expanduser()
    if not folder.is_dir():
        folder = _fetch(name, report)
    report(f"loading {name}")
    return StarPii(load_token_classifier(folder, device))


def _fetch(name: str, report: Callable[[str], object]) -> Path:
    from model.loading.hub import HubCheckpoint
    from model.loading.job import LoadJob

    told: list[str] = []

    def tell(stage: str) -> None:
        if stage not in told:
            told.append(stage)
            report(stage)

    # No revision of StarPII is known here whose weights could be looked at, so none is pinned.
    repo_id, _, revision = name.partition("@")
    checkpoint = HubCheckpoint(repo_id, revision or None)
    return checkpoint.fetch(LoadJob(lambda progress: tell(progress.stage)))
