"""The training step: goes on where it, or the committed checkpoint, stands.

    nice -n 19 python -m training.train --minutes 80

Keeps its state in <cache>/training/run and saves it every few minutes and when it is asked to
stop (Ctrl-C, SIGTERM). `--publish` writes the adapter in half precision to training/checkpoint,
from which a fresh machine goes on.
"""

from __future__ import annotations

import argparse
import hashlib
import logging
import signal
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Any

import torch

from model.loading.embedded import RECIPE, prepare_embedded
from model.tokenization import load_tokenizer
from training.batches import BatchMaker, Mix
from training.data import data_folder, read_pieces
from training.fim import Example
from training.lora import add_adapter, load_untouched, trainable
from training.losses import END, example_losses, mean_losses, split_batch
from training.state import Progress, read_progress, restore_state, save_state

logger = logging.getLogger(__name__)

CHECKPOINT = Path(__file__).parent / "checkpoint"
NUM_VALIDATION = 160
# A token of one kind against one of a middle, of which there are ten times fewer. What surrounds a
# gap does not count, as it does in StarCoder's training: a quarter of the time for little.
# The end counts more: to see that the suffix comes next is what the model is slowest to learn.
WEIGHTS = {"plain": 0.15, END: 4.0}
# The curve's examples: the judge's contexts, and the same ones whatever is learned from.
VALIDATION = Mix(
    infill=0.6,
    spm=0.85,
    shapes=(("characters", 0.1), ("lines", 0.75), ("end", 0.15)),
    needy=0.0,
    short=0.0,
    alone=0.35,
    chunks=0.35,
)


@dataclass(frozen=True, slots=True)
class Schedule:
    """Learning rate over one session: up in a few steps, level, then down to a tenth at its end.

    Attributes:
        peak: the level part's.
        warmup_steps: after each start, as the optimiser's moments may be missing.
        seconds: the session's length.
        level: the share of the session before it goes down.
    """

    peak: float = 3e-4
    warmup_steps: int = 20
    seconds: float = 4800.0
    level: float = 0.6

    def rate(self, steps: int, seconds: float) -> float:
        """The rate after so many steps and seconds of this session."""
        warm = min(1.0, (steps + 1) / self.warmup_steps)
        elapsed = min(1.0, seconds / self.seconds)
        down = (elapsed - self.level) / (1 - self.level)
        return self.peak * min(warm, 1.0 - 0.95 * max(0.0, down))


@dataclass(frozen=True, slots=True)
class Options:
    """Attributes:
    batch_size: examples per step.
    max_tokens: per forward pass, padding included: it bounds the memory.
    save_seconds: between two saved states.
    validate_seconds: between two points of the curve.
    """

    batch_size: int = 12
    max_tokens: int = 1200
    save_seconds: float = 180.0
    validate_seconds: float = 900.0
    max_steps: int = 1_000_000


class Trainer:
    """Takes steps, and says and saves how far it is.

    Args:
        model: with an adapter on it.
        batches: what is learned.
        validation: examples for the curve.
        folder: where the state is kept.
    """

    def __init__(
        self,
        model: Any,
        batches: BatchMaker,
        validation: list[Example],
        folder: Path,
        progress: Progress,
        schedule: Schedule,
        options: Options,
    ) -> None:
        self.model = model
        self._batches = batches
        self._validation = validation
        self._folder = folder
        self.progress = progress
        self._schedule = schedule
        self._options = options
        self._should_stop = False
        self.optimiser = torch.optim.AdamW(
            trainable(model).values(), lr=schedule.peak, betas=(0.9, 0.99), weight_decay=0.0
        )

    def stop(self, _signal: int = 0, _frame: FrameType | None = None) -> None:
        """End after the step that is under way."""
        self._should_stop = True

    def run(self) -> None:
        """Train until the schedule's time is over or `stop` is called; then save."""
        start = last_save = last_validation = time.monotonic()
        first_step, last_tokens, means = self.progress.step, self.progress.tokens, _Means()
        self.validate()
        while not self._should_stop and self.progress.step - first_step < self._options.max_steps:
            now = time.monotonic()
            if now - start >= self._schedule.seconds:
                break
            rate = self._schedule.rate(self.progress.step - first_step, now - start)
            means.add(self.take_step(rate))
            if now - last_save >= self._options.save_seconds:
                speed = (self.progress.tokens - last_tokens) / (now - last_save)
                left = (self._schedule.seconds - (now - start)) / 60
                logger.info(
                    "step %d · %d tokens · %s · rate %.1e · %.0f tokens/s · %.0f min left",
                    *(self.progress.step, self.progress.tokens, means, rate, speed, left),
                )
                save_state(self._folder, self.model, self.optimiser, self.progress)
                last_save, last_tokens, means = now, self.progress.tokens, _Means()
            if now - last_validation >= self._options.validate_seconds:
                self.validate()
                last_validation = now
        self.validate()
        save_state(self._folder, self.model, self.optimiser, self.progress)

    def take_step(self, rate: float) -> dict[str, tuple[float, int]]:
        """One optimiser step; gives the summed loss and the number of tokens by kind."""
        examples = self._batches.batch(self.progress.examples, self._options.batch_size)
        weight = sum(map(_weight, examples))
        seen: dict[str, tuple[float, int]] = {}
        for part in split_batch(examples, self._options.max_tokens):
            with torch.autocast("cpu", torch.bfloat16):
                losses = example_losses(self.model, part, in_parts=True)
            weighted = [WEIGHTS.get(loss.kind, 1.0) * loss.total for loss in losses]
            torch.autograd.backward(torch.stack(weighted).sum() / weight)
            for loss in losses:
                total, count = seen.get(loss.kind, (0.0, 0))
                seen[loss.kind] = (total + loss.total.item(), count + loss.num_tokens)
        torch.nn.utils.clip_grad_norm_(trainable(self.model).values(), 1.0)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.step()
        self.optimiser.zero_grad()
        self.progress.step += 1
        self.progress.examples += len(examples)
        self.progress.tokens += sum(len(example.ids) for example in examples)
        return seen

    def validate(self) -> None:
        """Add a point to the curve."""
        with torch.autocast("cpu", torch.bfloat16):
            losses = mean_losses(self.model, self._validation, self._options.max_tokens)
        row = {kind: round(loss, 4) for kind, loss in losses.items()}
        done = {"examples": self.progress.examples, "tokens": self.progress.tokens}
        self.progress.curve.append({**done, **row})
        logger.info("validation at %d examples: %s", self.progress.examples, row)

    def publish(self, folder: Path) -> None:
        """Write a checkpoint to hand on: the adapter in half precision and how far it is."""
        save_state(folder, self.model, None, self.progress, dtype=torch.float16)


class _Means:
    """Losses by kind since the last progress line."""

    def __init__(self) -> None:
        self._sums: dict[str, tuple[float, int]] = {}

    def add(self, seen: dict[str, tuple[float, int]]) -> None:
        for kind, (total, count) in seen.items():
            old_total, old_count = self._sums.get(kind, (0.0, 0))
            self._sums[kind] = (old_total + total, old_count + count)

    def __str__(self) -> str:
        return " ".join(
            f"{kind} {total / max(1, count):.3f}"
            for kind, (total, count) in sorted(self._sums.items())
        )


def _weight(example: Example) -> float:
    """What an example's tokens, all but the first, weigh together."""
    asked = sum(label >= 0 for label in example.labels[1:])
    if example.kind == "plain":
        return WEIGHTS["plain"] * asked
    return (asked - 1) + WEIGHTS[END]


def file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def build_trainer(arguments: argparse.Namespace) -> Trainer:
    """Everything put together; the state is taken from the run, the checkpoint or the start."""
    folder = data_folder() / arguments.name
    train_file = data_folder() / "train.jsonl"
    digest = file_sha256(train_file)
    saved = next((place for place in (folder, CHECKPOINT) if place.is_dir()), None)
    if saved is None:
        progress = Progress(seed=arguments.seed, data_sha256=digest)
    else:
        progress = read_progress(saved)
        logger.info("going on from %s at step %d", saved, progress.step)
    if progress.data_sha256 != digest:
        logger.info("the data changed: another order of examples from here")
        progress = replace(progress, seed=progress.seed + 1, data_sha256=digest)
    start = None if arguments.start == "nothing" else RECIPE.adapter
    untouched = load_untouched(prepare_embedded("chat", lambda _: None), torch.bfloat16, "eager")
    model = add_adapter(untouched, start, rank=32, first_layer=8)
    tokenizer = load_tokenizer(prepare_embedded("base", lambda _: None))
    options = Options()
    mix = Mix(infill=arguments.infill)
    pieces = read_pieces(train_file)
    batches = BatchMaker(pieces, tokenizer, progress.seed, mix)
    maker = BatchMaker(read_pieces(data_folder() / "validation.jsonl"), tokenizer, 0, VALIDATION)
    validation = [maker.example(index) for index in range(NUM_VALIDATION)]
    schedule = Schedule(peak=arguments.rate, seconds=arguments.minutes * 60)
    trainer = Trainer(model, batches, validation, folder, progress, schedule, options)
    if saved is not None:
        restore_state(saved, model, trainer.optimiser)
    return trainer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=80.0, help="length of this session")
    parser.add_argument("--rate", type=float, default=Schedule().peak, help="learning rate")
    parser.add_argument("--infill", type=float, default=Mix().infill, help="share of gaps")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--name", default="run", help="folder of the state, in the cache")
    parser.add_argument("--start", choices=("adapter", "nothing"), default="adapter")
    parser.add_argument("--publish", action="store_true", help="only write training/checkpoint")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stdout)
    torch.set_num_threads(1)
    trainer = build_trainer(arguments)
    if arguments.publish:
        trainer.publish(CHECKPOINT)
        return
    signal.signal(signal.SIGTERM, trainer.stop)
    signal.signal(signal.SIGINT, trainer.stop)
    trainer.run()


if __name__ == "__main__":
    main()
