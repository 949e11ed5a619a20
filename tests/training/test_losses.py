"""What an example asks for and what it gives are counted apart, on a tiny model."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.nn import functional

from tests.checkpoints import write_embedded_base
from training.fim import IGNORED, Example
from training.lora import load_untouched
from training.losses import END, example_losses, mean_losses

GAP = Example([5, 6, 7, 8, 9], [IGNORED, IGNORED, IGNORED, 8, 9], "spm")
PLAIN = Example([5, 6, 7], [5, 6, 7], "plain")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> torch.nn.Module:
    folder: Path = write_embedded_base(tmp_path_factory.mktemp("base"))
    return load_untouched(folder, torch.float32, "eager").eval()


def token_losses(model: torch.nn.Module, ids: list[int]) -> torch.Tensor:
    """Of each token after the first, by the whole model."""
    logits = model(torch.tensor([ids])).logits[0, :-1]
    return functional.cross_entropy(logits, torch.tensor(ids[1:]), reduction="none")


def test_only_what_is_asked_for_counts(model: torch.nn.Module) -> None:
    [gap, plain] = example_losses(model, [GAP, PLAIN])
    assert (gap.kind, gap.num_tokens, plain.num_tokens) == ("spm", 2, 2)
    assert gap.total.item() == pytest.approx(token_losses(model, GAP.ids)[-2:].sum().item(), 1e-4)
    assert plain.total.item() == pytest.approx(token_losses(model, PLAIN.ids).sum().item(), 1e-4)


def test_an_end_is_counted_apart(model: torch.nn.Module) -> None:
    end, middle, plain = example_losses(model, [GAP, PLAIN], in_parts=True)
    assert [loss.kind for loss in (end, middle, plain)] == [END, "spm", "plain"]
    assert [loss.num_tokens for loss in (end, middle, plain)] == [1, 1, 2]
    by_hand = token_losses(model, GAP.ids)
    assert end.total.item() == pytest.approx(by_hand[-1].item(), 1e-4)
    assert middle.total.item() == pytest.approx(by_hand[-2].item(), 1e-4)


def test_means_are_per_token_and_by_kind(model: torch.nn.Module) -> None:
    means = mean_losses(model, [GAP, GAP, PLAIN], max_tokens=5)
    assert means == {
        "plain": pytest.approx(token_losses(model, PLAIN.ids).mean().item(), 1e-4),
        "spm": pytest.approx(token_losses(model, GAP.ids)[-2].item(), 1e-4),
        "end": pytest.approx(token_losses(model, GAP.ids)[-1].item(), 1e-4),
    }
