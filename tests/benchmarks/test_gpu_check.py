"""`make gpu-check` at toy size, as it runs where there is no card."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from benchmarks.gpu_check import (
    NUM_NEW,
    QUANTIZATIONS,
    TOY,
    Measurement,
    Refused,
    check,
    checkpoint_bytes,
    count_bytes_per_token,
    main,
    measure_bandwidth,
    missing_disk,
    starcoder_shape,
    write_random_checkpoint,
)
from model.loading.checkpoint import DevicePlan, load_checkpoint
from model.loading.footprint import config_of

SMALL = replace(TOY, num_layers=2, hidden_size=64, intermediate_size=128, context_length=384)


@pytest.fixture(autouse=True)
def _own_cache_and_no_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "checkpoint"
    write_random_checkpoint(folder, config_of(SMALL), "cpu", shard_bytes=50_000)
    return folder


def test_each_precision_is_loaded_filled_and_measured_against_its_plan(folder: Path) -> None:
    results = list(check(folder, config_of(SMALL), "cpu"))
    assert len(results) == len(QUANTIZATIONS)
    for quantization, result in zip(QUANTIZATIONS, results, strict=True):
        assert isinstance(result, Measurement)
        assert result.plan.quantization == quantization
        assert result.weights == result.plan.weights
        # All positions but the last token's, which is not fed back.
        assert result.cache == result.plan.kv_cache * 383 // 384
        assert result.first > 0
        assert result.tokens_per_second > 0
        assert result.peak is None
    sizes = [result.weights for result in results if isinstance(result, Measurement)]
    assert sizes == sorted(sizes, reverse=True)


def test_the_checkpoint_is_written_in_several_files_of_the_size_it_announces(folder: Path) -> None:
    files = list(folder.glob("*.safetensors"))
    assert len(files) > 2
    size = sum(file.stat().st_size for file in files)
    assert size == pytest.approx(checkpoint_bytes(config_of(SMALL)), rel=0.1)


def test_a_precision_that_cannot_be_loaded_is_told_and_the_others_go_on(folder: Path) -> None:
    (folder / "model-00001.safetensors").unlink()
    results = list(check(folder, config_of(SMALL), "cpu"))
    assert [type(result) for result in results] == [Refused] * 3
    assert all("model-00001.safetensors" in result.reason for result in results)


def test_a_token_reads_all_matrices_and_the_cache_but_no_embedding(
    folder: Path, tmp_path: Path
) -> None:
    loaded = load_checkpoint(folder, DevicePlan("cpu", "float32", 1), tmp_path)
    unread = loaded.model.transformer.wpe.weight.nbytes
    masks = sum(buffer.nbytes for buffer in loaded.model.buffers())
    assert count_bytes_per_token(loaded, 1000) == loaded.footprint - unread - masks + 1000


def test_the_output_says_plainly_that_it_was_a_toy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["--folder", str(tmp_path)])
    output = capsys.readouterr().out
    assert "TOY SIZE ON THE CPU" in output
    assert f"512 positions, {NUM_NEW} of them generated" in output
    assert output.count("| cpu |") == 3
    assert not list(tmp_path.glob("gpu-check-*"))


def test_a_disk_without_room_is_said_so_with_the_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = config_of(starcoder_shape())
    usage = shutil.disk_usage(tmp_path)._replace(free=20 * 10**9)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    lack = missing_disk(config, tmp_path)
    assert "32.1 GB" in lack
    assert "20.0 GB free" in lack
    assert "--folder" in lack
    assert missing_disk(config_of(SMALL), tmp_path) == ""


def test_bandwidth_is_some_gigabytes_a_second() -> None:
    assert 10**8 < measure_bandwidth("cpu") < 10**13
