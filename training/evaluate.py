"""The evaluation: the judge's gaps and plain code, for three models, in one table.

    python -m training.evaluate --gaps 400

Models: the untouched one (prefix alone), the adapter that the project ships, and the one that is
trained, each in an order that it learned. Answers are kept in <cache>/training/evaluation, so a
stopped or larger run goes on; the figures go to training/results.json and training/results.md.
"""

from __future__ import annotations

import argparse
import json
import logging
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel

from model.loading.embedded import RECIPE, prepare_embedded
from model.prompts.infill import SMOLLM2, InfillOrder
from model.tokenization import ModelTokenizer, load_tokenizer
from training.data import data_folder, read_pieces
from training.fim import Example
from training.gaps import HeldOutGap, choose_gaps
from training.judge import Answer, BaselineJudge, InfillJudge
from training.lora import ADAPTER_FILE, load_untouched
from training.losses import example_losses
from training.report import write_report
from training.sources import read_package, read_pins
from training.train import CHECKPOINT, file_sha256

logger = logging.getLogger(__name__)

SEED = 11
BATCH_SIZE = 16
NUM_PLAIN = 200
MAX_PLAIN_TOKENS = 300


@dataclass(frozen=True, slots=True)
class Contender:
    """A model to be judged.

    Attributes:
        title: in the table.
        adapter: its adapter's folder; None for the untouched model.
        order: of its prompts.
    """

    title: str
    adapter: Path | None
    order: InfillOrder = "psm"

    @property
    def key(self) -> str:
        """The same weights, the same key."""
        return "untouched" if self.adapter is None else file_sha256(self.adapter / ADAPTER_FILE)


class Evaluation:
    """Answers of contenders, made where they are missing and kept in `folder`."""

    def __init__(self, folder: Path, dtype: torch.dtype) -> None:
        self._folder = folder
        self._dtype = dtype
        self._base = prepare_embedded("chat", lambda _: None)
        self.tokenizer: ModelTokenizer = load_tokenizer(prepare_embedded("base", lambda _: None))

    def answers(self, contender: Contender, gaps: Sequence[HeldOutGap]) -> list[Answer]:
        """The contender's answer to each gap."""
        path = self._path(contender, f"{contender.order}-gaps")
        kept = {row["name"]: Answer(**row) for row in _read_rows(path)}
        missing = [gap for gap in gaps if gap.name not in kept]
        if missing:
            model = self.load(contender)
            judge = (
                BaselineJudge(model, self.tokenizer)
                if contender.adapter is None
                else InfillJudge(model, self.tokenizer, contender.order)
            )
            for batch in _alike(missing, lambda gap: len(gap.prefix) + len(gap.suffix)):
                start = time.monotonic()
                answers = judge.answer(batch)
                _append_rows(path, [asdict(answer) for answer in answers])
                kept |= {answer.name: answer for answer in answers}
                seconds = time.monotonic() - start
                logger.info("%s: %d answers, %.0f s a batch", contender.title, len(kept), seconds)
        return [kept[gap.name] for gap in gaps]

    def plain_losses(self, contender: Contender, texts: Sequence[str]) -> list[tuple[float, int]]:
        """Summed loss and number of tokens of each held-out text."""
        path = self._path(contender, "plain")
        kept = {row["text"]: (row["loss"], row["tokens"]) for row in _read_rows(path)}
        missing = [text for text in texts if text not in kept]
        if missing:
            model = self.load(contender)
            for batch in _alike(missing, len):
                rows = [self.tokenizer.encode_text(text)[:MAX_PLAIN_TOKENS] for text in batch]
                with torch.inference_mode():
                    losses = example_losses(model, [Example(ids, ids, "plain") for ids in rows])
                for text, loss in zip(batch, losses, strict=True):
                    kept[text] = (loss.total.item(), loss.num_tokens)
                    row = {"text": text, "loss": kept[text][0], "tokens": kept[text][1]}
                    _append_rows(path, [row])
            logger.info("%s: %d plain texts", contender.title, len(kept))
        return [kept[text] for text in texts]

    def load(self, contender: Contender) -> Any:
        """The model, merged with its adapter."""
        model = load_untouched(self._base, torch.float32)
        if contender.adapter is not None:
            model = PeftModel.from_pretrained(model, contender.adapter).merge_and_unload()
        return model.to(self._dtype).eval()

    def _path(self, contender: Contender, what: str) -> Path:
        precision = str(self._dtype).removeprefix("torch.")
        return self._folder / f"{contender.key[:12]}-{precision}-{what}.jsonl"


def _alike(items: Sequence[Any], length: Callable[[Any], int]) -> Iterator[list[Any]]:
    """Batches whose members are of similar lengths, hundreds apart, so that a stopped run has
    judged a fair part of the gaps."""
    for start in range(0, len(items), 100):
        ordered = sorted(items[start : start + 100], key=length)
        for first in range(0, len(ordered), BATCH_SIZE):
            yield ordered[first : first + BATCH_SIZE]


def _read_rows(path: Path) -> Iterator[dict[str, Any]]:
    if path.is_file():
        with path.open(encoding="utf-8") as lines:
            yield from map(json.loads, lines)


def _append_rows(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def trained_adapter() -> Path | None:
    """A copy of what is being trained, so that it stays what it was; else the checkpoint."""
    run = data_folder() / "run"
    if not (run / ADAPTER_FILE).is_file():
        return CHECKPOINT if CHECKPOINT.is_dir() else None
    copy = data_folder() / "judged"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(run, copy)
    return copy


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--gaps", type=int, default=400)
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--only", nargs="*", default=[], help="titles: untouched shipped trained")
    parser.add_argument("--order", choices=("psm", "spm"), default="spm", help="of the trained one")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stdout)
    torch.set_num_threads(arguments.threads)
    pins = read_pins()
    packages = [read_package(pin, data_folder() / "wheels") for pin in pins.held_out]
    gaps = choose_gaps(packages, arguments.gaps, SEED)
    chunks = [p for p in read_pieces(data_folder() / "held_out.jsonl") if p.kind == "chunk"]
    texts = [piece.code for piece in chunks[:: max(1, len(chunks) // NUM_PLAIN)][:NUM_PLAIN]]
    contenders = [
        Contender("untouched", None),
        Contender("shipped", RECIPE.adapter, SMOLLM2.orders[0]),
    ]
    adapter = trained_adapter()
    if adapter and file_sha256(adapter / ADAPTER_FILE) != RECIPE.adapter_sha256:
        contenders.append(Contender("trained", adapter, arguments.order))
    if arguments.only:
        contenders = [each for each in contenders if each.title in arguments.only]
    evaluation = Evaluation(data_folder() / "evaluation", getattr(torch, arguments.precision))
    answers = {each.title: evaluation.answers(each, gaps) for each in contenders}
    plain = {each.title: evaluation.plain_losses(each, texts) for each in contenders}
    keys = {each.title: each.key for each in contenders}
    write_report(answers, plain, {"precision": arguments.precision, "models": keys})


if __name__ == "__main__":
    main()
