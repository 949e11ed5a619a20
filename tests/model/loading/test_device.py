from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, PreTrainedModel

from model.errors import ModelLoadError
from model.loading import device
from model.loading.device import (
    CpuPlan,
    calibrate_cpu,
    choose_cuda_precision,
    choose_device,
    compute_precision,
    full_precisions,
)
from tests import checkpoints

CPU = torch.device("cpu")
BOTH = ["float32", "bfloat16"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> PreTrainedModel:
    folder = checkpoints.write_llama(tmp_path_factory.mktemp("llama"))
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


@pytest.fixture(autouse=True)
def _same_threads_afterwards():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def give_cores(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr(device.os, "sched_getaffinity", lambda pid: set(range(count)))


def give_bfloat16(monkeypatch: pytest.MonkeyPatch, can: bool) -> None:
    capabilities = {"avx512_bf16": can, "cpu_name": "Test CPU"}
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)


def test_what_the_operator_chose_is_taken_without_a_trial(
    model: PreTrainedModel, tmp_path: Path
) -> None:
    assert calibrate_cpu(model, ["bfloat16"], 3, tmp_path) == CpuPlan("bfloat16", 3)
    assert not list(tmp_path.iterdir())


def test_a_processor_without_bfloat16_runs_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    give_bfloat16(monkeypatch, can=False)
    assert full_precisions("auto", CPU, 1_000) == ["float32"]
    assert compute_precision("auto", CPU) == "float32"


def test_a_processor_with_bfloat16_tries_it_on_small_models_and_takes_it_for_large_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    give_bfloat16(monkeypatch, can=True)
    assert full_precisions("auto", CPU, 1_000) == ["float32", "bfloat16"]
    assert full_precisions("auto", CPU, 2_000_000_000) == ["bfloat16"]
    assert full_precisions("float32", CPU, 2_000_000_000) == ["float32"]
    assert compute_precision("auto", CPU) == "bfloat16"
    assert compute_precision("float32", CPU) == "float32"


def test_the_threads_of_a_model_that_cannot_be_cast_are_tried_on_itself(
    model: PreTrainedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_cores(monkeypatch, 2)
    trials = []

    def time_request(trial: PreTrainedModel) -> float:
        trials.append(trial)
        return 1.0 / torch.get_num_threads()

    monkeypatch.setattr(device, "_time_request", time_request)
    assert calibrate_cpu(model, ["8-bit"], 0, tmp_path) == CpuPlan("8-bit", 2)
    assert calibrate_cpu(model, ["4-bit"], 0, tmp_path) == CpuPlan("4-bit", 2)
    assert all(trial is model for trial in trials)
    assert len(trials) == 4, "8-bit and 4-bit have a trial each"


def test_the_fastest_plan_is_found_by_trial_and_kept(
    model: PreTrainedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_cores(monkeypatch, 2)
    speeds = {("float32", 1): 4.0, ("float32", 2): 3.0, ("bfloat16", 1): 1.0, ("bfloat16", 2): 2.0}
    trials = []

    def time_request(trial: PreTrainedModel) -> float:
        trials.append((str(trial.dtype).removeprefix("torch."), torch.get_num_threads()))
        return speeds[trials[-1]]

    monkeypatch.setattr(device, "_time_request", time_request)
    assert calibrate_cpu(model, BOTH, 0, tmp_path) == CpuPlan("bfloat16", 1)
    assert sorted(trials) == sorted(speeds)
    assert calibrate_cpu(model, BOTH, 0, tmp_path) == CpuPlan("bfloat16", 1)
    assert len(trials) == len(speeds), "the second start tried again"


def test_a_trial_leaves_the_weights_as_they_were(model: PreTrainedModel, tmp_path: Path) -> None:
    before = model.lm_head.weight.clone()
    calibrate_cpu(model, BOTH, 1, tmp_path)
    assert model.dtype == torch.float32
    assert torch.equal(model.lm_head.weight, before)


def test_a_damaged_record_of_trials_means_a_new_trial(
    model: PreTrainedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_cores(monkeypatch, 2)
    file = tmp_path / "cpu-calibration.json"
    file.write_text('{"x": 3')
    plan = calibrate_cpu(model, ["float32"], 0, tmp_path)
    (row,) = json.loads(file.read_text()).values()
    assert row == {"precision": "float32", "threads": plan.threads}


def test_a_wished_device_that_is_not_there_is_refused_with_a_way_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto") == torch.device("cpu")
    with pytest.raises(ModelLoadError, match="--device cpu"):
        choose_device("cuda")


@pytest.mark.parametrize(("has_bfloat16", "expected"), [(True, "bfloat16"), (False, "float16")])
def test_on_a_card_the_precision_is_bfloat16_where_it_has_it(
    monkeypatch: pytest.MonkeyPatch, has_bfloat16: bool, expected: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: has_bfloat16)
    assert choose_cuda_precision("auto") == expected
    assert choose_cuda_precision("float32") == "float32"
