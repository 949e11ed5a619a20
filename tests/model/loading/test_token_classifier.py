"""A token classifier is read from its folder, or it is said what is wrong with that."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForTokenClassification

from model.errors import CheckpointError, ModelLoadError
from model.loading.token_classifier import load_token_classifier
from tests import checkpoints
from tests.token_classifiers import LABELS, change_config, write_random


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_random(tmp_path_factory.mktemp("random"))


def test_labels_and_window_are_the_configs(folder: Path, tmp_path: Path) -> None:
    classifier = load_token_classifier(folder)
    assert classifier.labels == list(LABELS)
    assert classifier.window == 1022, "1,024 positions without those of <cls> and <sep>"
    assert load_token_classifier(write_random(tmp_path, positions=64)).window == 62


def test_each_token_has_the_models_likeliest_label_and_its_probability(folder: Path) -> None:
    classifier = load_token_classifier(folder)
    ids, _ = classifier.tokenize("name = 'Eva Berg'")
    reference = AutoModelForTokenClassification.from_pretrained(folder).eval()
    framed = torch.tensor([[1, *ids, 2]])  # <cls> and <sep>
    with torch.no_grad():
        probabilities = reference(input_ids=framed).logits[0, 1:-1].softmax(-1)
    (told,) = classifier.classify([ids])
    assert [label for label, _ in told] == probabilities.argmax(-1).tolist()
    assert [one for _, one in told] == pytest.approx(probabilities.max(-1).values.tolist())


def test_windows_of_one_batch_do_not_touch_each_other(folder: Path) -> None:
    classifier = load_token_classifier(folder)
    rows = [classifier.tokenize(text)[0] for text in ("Eva Berg", "hunter22")]
    together = classifier.classify(rows)
    for row, labelled in zip(rows, together, strict=True):
        (alone,) = classifier.classify([row])
        assert [label for label, _ in labelled] == [label for label, _ in alone]


def test_places_are_in_characters_and_a_special_tokens_spelling_is_text(folder: Path) -> None:
    classifier = load_token_classifier(folder)
    text = "é<sep>\r\n漢"
    ids, places = classifier.tokenize(text)
    assert len(ids) == len(text.encode())
    assert places[:3] == [(0, 1), (0, 1), (1, 2)]
    assert places[-1] == (8, 9)


def test_a_folder_without_a_checkpoint_is_told(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"holds no config\.json"):
        load_token_classifier(tmp_path)


def test_a_model_that_continues_texts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="GPTBigCodeForCausalLM, which does not label"):
        load_token_classifier(checkpoints.write_gpt_bigcode(tmp_path))


def test_an_encoder_without_the_layer_is_refused(tmp_path: Path) -> None:
    write_random(tmp_path)
    change_config(tmp_path, architectures=["BertModel"])
    with pytest.raises(CheckpointError, match="BertModel, which does not label"):
        load_token_classifier(tmp_path)


def test_weights_without_the_layer_are_refused(tmp_path: Path) -> None:
    model = AutoModelForTokenClassification.from_pretrained(write_random(tmp_path))
    model.bert.save_pretrained(tmp_path)
    change_config(tmp_path, architectures=["BertForTokenClassification"])
    with pytest.raises(CheckpointError, match=r"lack 2 of .*classifier\.bias"):
        load_token_classifier(tmp_path)


def test_pickles_are_not_read(tmp_path: Path) -> None:
    write_random(tmp_path)
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match=r"pickles \(pytorch_model\.bin\)"):
        load_token_classifier(tmp_path)


def test_damaged_files_are_told(tmp_path: Path) -> None:
    write_random(tmp_path)
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match="cut off"):
        load_token_classifier(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{")
    write_random(tmp_path / "other")
    (tmp_path / "other" / "model.safetensors").replace(weights)
    with pytest.raises(CheckpointError, match="tokenizer"):
        load_token_classifier(tmp_path)


def test_a_tokenizer_of_another_model_is_refused(tmp_path: Path) -> None:
    write_random(tmp_path)
    checkpoints.write_tokenizer(tmp_path, [f"<{number}>" for number in range(20)])
    with pytest.raises(CheckpointError, match="has 277 tokens, and the model knows 260"):
        load_token_classifier(tmp_path)


def test_a_device_that_is_not_there_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ModelLoadError, match="No CUDA device"):
        load_token_classifier(folder, "cuda:0")
    with pytest.raises(ModelLoadError, match="no device 'meta'"):
        load_token_classifier(folder, "meta")
    assert load_token_classifier(folder, "auto").labels
