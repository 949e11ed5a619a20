"""The converter: on a tiny GGUF of our own, and what it made of the real one."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy
import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM
from transformers.convert_slow_tokenizer import bytes_to_unicode

from model.engine.base import LoadProgress
from model.engine.generation import Slot
from model.loading.convert import INFILL_TOKENS, convert
from model.loading.embedded import prepare_embedded

# peft 0.21 asks transformers by an old name.
pytestmark = pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing:FutureWarning")

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *INFILL_TOKENS.values()]
VOCABULARY = [*SPECIAL, *sorted(bytes_to_unicode().values()), "ab"]
HIDDEN = 8


def write_gguf(path: Path) -> None:
    """A llama of one layer with a byte-level vocabulary and random weights."""
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(64)
    writer.add_embedding_length(HIDDEN)
    writer.add_feed_forward_length(2 * HIDDEN)
    writer.add_block_count(1)
    writer.add_head_count(2)
    writer.add_head_count_kv(2)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10_000.0)
    writer.add_vocab_size(len(VOCABULARY))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(VOCABULARY)
    writer.add_token_types([3] * len(SPECIAL) + [1] * (len(VOCABULARY) - len(SPECIAL)))
    writer.add_token_merges(["a b"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_pad_token_id(2)
    writer.add_chat_template("{{ messages }}")
    random = numpy.random.default_rng(0)
    shapes = {"token_embd": (len(VOCABULARY), HIDDEN), "output_norm": (HIDDEN,)}
    shapes |= {f"blk.0.attn_{name}": (HIDDEN, HIDDEN) for name in ("q", "k", "v", "output")}
    shapes |= {f"blk.0.ffn_{name}": (2 * HIDDEN, HIDDEN) for name in ("gate", "up")}
    shapes |= {"blk.0.ffn_down": (HIDDEN, 2 * HIDDEN)}
    shapes |= {f"blk.0.{name}_norm": (HIDDEN,) for name in ("attn", "ffn")}
    for name, shape in shapes.items():
        writer.add_tensor(f"{name}.weight", random.normal(size=shape).astype(numpy.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_adapter(folder: Path) -> None:
    """A LoRA adapter that changes the down projection."""
    config = LlamaConfig(
        vocab_size=len(VOCABULARY) + len(INFILL_TOKENS),
        hidden_size=HIDDEN,
        intermediate_size=2 * HIDDEN,
        num_hidden_layers=1,
        num_attention_heads=2,
        tie_word_embeddings=True,
    )
    lora = LoraConfig(r=2, target_modules=["down_proj"], init_lora_weights=False)
    get_peft_model(LlamaForCausalLM(config), lora).save_pretrained(folder)


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("convert")
    write_gguf(folder / "tiny.gguf")
    write_adapter(folder / "adapter")
    convert(folder / "tiny.gguf", folder / "adapter", folder)
    return folder


def weights_of(folder: Path) -> dict[str, torch.Tensor]:
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    weights: dict[str, torch.Tensor] = model.state_dict()
    return weights


def test_the_chat_folder_keeps_the_weights_and_the_template(converted: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(converted / "chat")
    assert len(tokenizer) == len(VOCABULARY)
    assert tokenizer.eos_token == "<|im_end|>"
    assert tokenizer.chat_template == "{{ messages }}"
    stored = gguf.GGUFReader(converted / "tiny.gguf")
    down = next(t.data for t in stored.tensors if t.name == "blk.0.ffn_down.weight")
    read = weights_of(converted / "chat")["model.layers.0.mlp.down_proj.weight"]
    torch.testing.assert_close(read, torch.tensor(down), atol=2e-3, rtol=1e-3)


def test_the_base_folder_has_the_adapter_merged_and_nothing_else_changed(converted: Path) -> None:
    chat, base = weights_of(converted / "chat"), weights_of(converted / "base")
    assert chat.keys() == base.keys()
    changed = {
        name
        for name, tensor in chat.items()
        if not torch.equal(tensor, base[name][: tensor.shape[0]])
    }
    assert changed == {"model.layers.0.mlp.down_proj.weight"}


def test_the_infill_tokens_are_special_and_start_as_the_rows_they_were_trained_on(
    converted: Path,
) -> None:
    tokenizer = AutoTokenizer.from_pretrained(converted / "base")
    rows = weights_of(converted / "base")["model.embed_tokens.weight"]
    for position, (new, old) in enumerate(INFILL_TOKENS.items()):
        assert tokenizer.encode(new) == [len(VOCABULARY) + position]
        assert torch.equal(
            rows[tokenizer.convert_tokens_to_ids(new)], rows[tokenizer.convert_tokens_to_ids(old)]
        )
    apart = AutoTokenizer.from_pretrained(converted / "base", split_special_tokens=True)
    assert apart.decode(apart.encode("<fim_prefix>"), skip_special_tokens=True) == "<fim_prefix>"


def test_the_base_model_ends_at_end_of_text_and_has_no_turns(converted: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(converted / "base")
    model = AutoModelForCausalLM.from_pretrained(converted / "base")
    assert tokenizer.eos_token == "<|endoftext|>"
    assert tokenizer.chat_template is None
    assert model.config.eos_token_id == model.generation_config.eos_token_id == 0
    assert not hasattr(model.config, "quantization_config")


def reply(slot: Slot, prompt: str, num_tokens: int) -> str:
    """What the real embedded model of `slot` says to `prompt`, greedily."""

    def ignore(progress: LoadProgress) -> None:
        """A reader that looks away."""

    folder = prepare_embedded(slot, ignore)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    ids = tokenizer(prompt, return_tensors="pt").input_ids
    output = model.generate(ids, max_new_tokens=num_tokens, do_sample=False)
    text: str = tokenizer.decode(output[0, ids.shape[1] :])
    return text


@pytest.mark.real
@pytest.mark.timeout(600)
def test_the_real_chat_model_answers_and_ends_its_turn() -> None:
    prompt = "<|im_start|>user\nWhat is the capital of France?<|im_end|>\n<|im_start|>assistant\n"
    text = reply("chat", prompt, 60)
    assert "Paris" in text
    assert text.endswith("<|im_end|>")


@pytest.mark.real
@pytest.mark.timeout(600)
def test_the_real_base_model_fills_in_the_middle_and_ends() -> None:
    prompt = "<fim_prefix><fim_suffix>\n<fim_middle>def add(a, b):\n    return"
    text = reply("base", prompt, 20)
    assert "a + b" in text
    assert text.endswith("<|endoftext|>")
