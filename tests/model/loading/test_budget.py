from __future__ import annotations

from pathlib import Path

import psutil
import pytest
import torch

from model.errors import ModelLoadError
from model.loading.budget import free_main_memory, measure_budget

MEGABYTE = 1 << 20


def write(folder: Path, **numbers: int | str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in numbers.items():
        (folder / name.replace("__", ".")).write_text(f"{value}\n")


def own_group(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "own"
    file.write_text(text)
    return file


def test_without_a_limit_it_is_what_the_machine_has(tmp_path: Path) -> None:
    write(tmp_path / "groups", memory__max="max", memory__current=MEGABYTE)
    free = free_main_memory(tmp_path / "groups", own_group(tmp_path, "0::/\n"))
    assert free == pytest.approx(psutil.virtual_memory().available, rel=0.2)


def test_a_containers_limit_bounds_it(tmp_path: Path) -> None:
    write(
        tmp_path / "groups",
        memory__max=100 * MEGABYTE,
        memory__current=30 * MEGABYTE,
        memory__stat=f"anon 5\ninactive_file {10 * MEGABYTE}",
    )
    # Inside a container the path is often the host's, which does not exist here.
    own = own_group(tmp_path, "0::/docker/abc\n")
    assert free_main_memory(tmp_path / "groups", own) == 80 * MEGABYTE


def test_the_tightest_limit_on_the_way_up_counts(tmp_path: Path) -> None:
    groups = tmp_path / "groups"
    write(groups / "user", memory__max=60 * MEGABYTE, memory__current=50 * MEGABYTE)
    write(groups / "user" / "app", memory__max=40 * MEGABYTE, memory__current=10 * MEGABYTE)
    own = own_group(tmp_path, "0::/user/app\n")
    assert free_main_memory(groups, own) == 10 * MEGABYTE


def test_the_older_kind_of_limit_counts_too(tmp_path: Path) -> None:
    write(
        tmp_path / "groups" / "memory" / "box",
        memory__limit_in_bytes=50 * MEGABYTE,
        memory__usage_in_bytes=20 * MEGABYTE,
        memory__stat=f"total_inactive_file {5 * MEGABYTE}",
    )
    write(tmp_path / "groups" / "memory", memory__limit_in_bytes=2**63 - 4096)
    own = own_group(tmp_path, "5:cpu:/x\n4:memory:/box\n")
    assert free_main_memory(tmp_path / "groups", own) == 35 * MEGABYTE


def test_a_group_that_is_over_its_limit_has_nothing_left(tmp_path: Path) -> None:
    write(tmp_path / "groups", memory__max=MEGABYTE, memory__current=2 * MEGABYTE)
    assert free_main_memory(tmp_path / "groups", own_group(tmp_path, "0::/\n")) == 0


def test_without_cgroups_it_is_what_the_machine_has(tmp_path: Path) -> None:
    assert free_main_memory(tmp_path / "none", tmp_path / "none") > 0


def test_a_cpu_has_one_figure_and_nothing_to_offload_to() -> None:
    budget = measure_budget("cpu")
    assert budget.device == "cpu"
    assert budget.free_by_card == (budget.free,)
    assert budget.free_offload == 0


def test_a_card_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ModelLoadError, match="No CUDA device"):
        measure_budget("cuda")


def test_several_cards_are_counted_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    free = {0: (10 * MEGABYTE, 0), 1: (20 * MEGABYTE, 0)}
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "mem_get_info", free.__getitem__)
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda card: 3 * MEGABYTE)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda card: MEGABYTE)
    budget = measure_budget("cuda")
    assert budget.device == "2 GPUs"
    # What torch holds and does not use is free for us.
    assert budget.free_by_card == (12 * MEGABYTE, 22 * MEGABYTE)
    assert budget.free == 34 * MEGABYTE
    assert budget.free_offload > 0
    assert measure_budget("cuda:1").device == "cuda:1"
    assert measure_budget("cuda:1").free == 22 * MEGABYTE
