"""A training stops and goes on as if it had not, here on a tiny model."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from model.tokenization import load_tokenizer
from tests.checkpoints import write_embedded_base
from training.batches import BatchMaker, Mix
from training.lora import add_adapter, load_untouched, trainable
from training.pieces import Piece
from training.state import Progress, read_progress, restore_state
from training.train import Options, Schedule, Trainer

# PEFT reads an attribute that transformers has renamed.
pytestmark = pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing:FutureWarning")

PIECES = [
    Piece(kind, "p", "p.py", "", f"def f{n}(a):\n    b = a + {n}\n    return b\n", "")
    for n in range(5)
    for kind in ("function", "chunk")
]


class Bench:
    """A tiny model, and trainers on it."""

    def __init__(self, folder: Path) -> None:
        self.base = write_embedded_base(folder / "base")
        self.run = folder / "run"
        self.batches = BatchMaker(PIECES, load_tokenizer(self.base), seed=3)

    def trainer(self, progress: Progress, steps: int) -> Trainer:
        torch.manual_seed(0)
        base = load_untouched(self.base, torch.float32, "eager")
        model = add_adapter(base, None, rank=2, first_layer=1)
        return Trainer(
            model,
            self.batches,
            [self.batches.example(index) for index in range(4)],
            self.run,
            progress,
            Schedule(peak=1e-2, warmup_steps=1, seconds=3600),
            Options(batch_size=3, max_steps=steps),
        )


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_the_same_place_gives_the_same_examples_whoever_asks(bench: Bench) -> None:
    again = BatchMaker(PIECES, load_tokenizer(bench.base), seed=3)
    bench.batches.batch(0, 40)
    assert again.batch(12, 3) == bench.batches.batch(12, 3)


def test_a_fifth_of_the_examples_are_plain_and_gaps_have_either_order(bench: Bench) -> None:
    kinds = [example.kind for example in bench.batches.batch(0, 400)]
    assert 0.1 < kinds.count("plain") / 400 < 0.3
    assert min(kinds.count("psm"), kinds.count("spm")) > 400 * 0.05
    no_gaps = BatchMaker(PIECES, load_tokenizer(bench.base), seed=3, mix=Mix(infill=0))
    assert {example.kind for example in no_gaps.batch(0, 20)} == {"plain"}


def test_a_few_steps_lower_the_loss_and_leave_the_base_alone(bench: Bench) -> None:
    trainer = bench.trainer(Progress(), steps=8)
    frozen = {n: w.clone() for n, w in trainer.model.named_parameters() if not w.requires_grad}
    trainer.run()
    first, last = trainer.progress.curve
    assert last["plain"] < first["plain"]
    assert all(
        torch.equal(w, frozen[n]) for n, w in trainer.model.named_parameters() if n in frozen
    )


def test_a_stopped_training_goes_on_where_it_was(bench: Bench) -> None:
    through = bench.trainer(Progress(), steps=0)
    for _ in range(3):
        through.take_step(1e-2)
    stopped = bench.trainer(Progress(), steps=2)
    stopped.run()
    resumed = bench.trainer(read_progress(bench.run), steps=0)
    restore_state(bench.run, resumed.model, resumed.optimiser)
    assert resumed.progress.step == 2
    assert resumed.progress.examples == 6
    # The first two steps' rates differ (a session has its schedule): compare what is restored.
    for name, weight in trainable(stopped.model).items():
        assert torch.equal(weight, trainable(resumed.model)[name])
    one, other = stopped.take_step(1e-2), resumed.take_step(1e-2)
    assert one == other
    for name, weight in trainable(stopped.model).items():
        assert torch.equal(weight, trainable(resumed.model)[name])


def test_a_checkpoint_to_hand_on_is_small_and_loads(bench: Bench) -> None:
    trainer = bench.trainer(Progress(), steps=1)
    trainer.run()
    folder = bench.run.with_name("checkpoint")
    trainer.publish(folder)
    assert sorted(path.name for path in folder.iterdir()) == [
        "adapter_config.json",
        "adapter_model.safetensors",
        "state.json",
    ]
    base = load_untouched(bench.base, torch.float32, "eager")
    loaded = trainable(add_adapter(base, folder, rank=2, first_layer=1))
    for name, weight in trainable(trainer.model).items():
        assert torch.equal(weight.half().float(), loaded[name].float())


def test_the_rate_rises_stays_and_falls() -> None:
    schedule = Schedule(peak=1.0, warmup_steps=10, seconds=100, level=0.5)
    rates = [schedule.rate(0, 0), schedule.rate(20, 40), schedule.rate(99, 100)]
    assert rates == pytest.approx([0.1, 1.0, 0.05])
