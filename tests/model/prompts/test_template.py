"""Chat templates of models that no format here knows, and what a typed token can do in them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer

from model.errors import CapabilityError, PromptError
from model.prompts.dialogue import CHATML, SMOLLM2, STARCHAT, STARCODER2_INSTRUCT, Message
from model.prompts.segments import Special, Text, render
from model.prompts.template import (
    ChatTemplate,
    TemplateDialogue,
    find_dialogue,
    read_template_dialogue,
)
from model.tokenization import ModelTokenizer, load_tokenizer
from tests import checkpoints
from tests.model.prompts import vocabularies

TOKENS = ("<s>", "<|endoftext|>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>")
VARIABLES = {"bos_token": "<s>", "eos_token": "<|endoftext|>"}

PHI = (
    "{{ bos_token }}{% for message in messages %}"
    "{{ '<|' + message['role'] + '|>\\n' + message['content'] + '<|end|>\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% endif %}"
)
TRIMMED = PHI.replace("message['content']", "(message['content'] | trim)")
RIGHT_TRIMMED = PHI.replace("message['content']", "message['content'].rstrip()")
STARCHAT_LIKE = PHI.replace("'<|assistant|>\\n' }}{% endif", "'<|assistant|>' }}{% endif")
NO_SYSTEM = (
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}"
    "{% endif %}" + PHI
)
SILENT_ON_SYSTEM = PHI.replace(
    "{% for message in messages %}",
    "{% for message in messages if message['role'] != 'system' %}",
)
SYSTEM_IN_THE_LAST_QUESTION = (
    "{% set system = messages[0]['content'] if messages[0]['role'] == 'system' else '' %}"
    "{% set turns = messages[1:] if system else messages %}"
    "{% for message in turns %}{% if message['role'] == 'user' %}"
    "{{ '[INST] ' + (system + '\\n\\n' if loop.last and system else '') + message['content'] }}"
    "{{ '[/INST]' }}{% else %}{{ message['content'] + eos_token }}{% endif %}{% endfor %}"
)
SHOUTING = PHI.replace("message['content']", "message['content'] + message['content']")
CHOOSY = PHI.replace(
    "{% for message in messages %}",
    "{% for message in messages if not message['content'].startswith(' ') %}",
)
ONLY_THE_LAST = "{{ '<|user|>' + messages[-1]['content'] + '<|end|><|assistant|>' }}"
INSTRUCT = (
    "{{bos_token}}{{'You are an exceptionally intelligent coding assistant that consistently "
    "delivers accurate and reliable responses to user instructions.\\n\\n'}}\n"
    "{%- for message in messages %}\n"
    "    {%- if message['role'] == 'system' %}\n"
    "        {{ raise_exception('System messages are not allowed in this template.') }}\n"
    "    {%- else %}\n"
    "        {%- if message['role'] == 'user' %}\n"
    "{{'### Instruction\\n' + message['content'] + '\\n\\n'}}\n"
    "        {%- else %}\n"
    "{{'### Response\\n' + message['content'] + eos_token + '\\n\\n'}}\n"
    "        {%- endif %}\n    {%- endif %}\n{%- endfor %}\n"
    "{{'### Response\\n'}}"
)

QUESTION = (Message("user", "Hi"),)
CONVERSATION = (Message("user", "Hi"), Message("assistant", "Hello!\n"), Message("user", " Sort "))


def dialogue_of(source: str, tokens: tuple[str, ...] = TOKENS) -> TemplateDialogue:
    return read_template_dialogue(ChatTemplate(source, VARIABLES, tokens))


def test_the_template_writes_the_markup_and_contents_stand_as_they_were_typed() -> None:
    prompt = dialogue_of(PHI).build("Be brief.", CONVERSATION)
    assert render(prompt) == (
        "<s><|system|>\nBe brief.<|end|>\n<|user|>\nHi<|end|>\n"
        "<|assistant|>\nHello!\n<|end|>\n<|user|>\n Sort <|end|>\n<|assistant|>\n"
    )
    assert prompt[:5] == (
        *(Special("<s>"), Special("<|system|>"), Text("\n", "markup")),
        *(Text("Be brief.", "system"), Special("<|end|>")),
    )


def test_without_a_system_prompt_there_is_no_system_turn() -> None:
    assert render(dialogue_of(PHI).build("", QUESTION)) == (
        "<s><|user|>\nHi<|end|>\n<|assistant|>\n"
    )


def test_a_spelling_that_is_no_token_of_the_vocabulary_stays_text() -> None:
    prompt = dialogue_of(PHI, tokens=("<s>", "<|end|>")).build("", QUESTION)
    assert prompt == (
        *(Special("<s>"), Text("<|user|>\n", "markup"), Text("Hi", "user")),
        *(Special("<|end|>"), Text("\n<|assistant|>\n", "markup")),
    )


def test_contents_are_stripped_where_the_template_strips_them() -> None:
    padded = (Message("user", " \n a "), Message("assistant", "\tb\n"), Message("user", "  c\n\n"))
    both = dialogue_of(TRIMMED).build(" s ", padded)
    right = dialogue_of(RIGHT_TRIMMED).build(" s ", padded)

    def contents(prompt: tuple[Special | Text, ...]) -> list[str]:
        return [item.text for item in prompt if isinstance(item, Text) and item.part != "markup"]

    assert contents(both) == ["s", "a", "b", "c"]
    assert contents(right) == [" s", " \n a", "\tb", "  c"]


def test_a_system_prompt_may_be_moved_into_a_question() -> None:
    prompt = dialogue_of(SYSTEM_IN_THE_LAST_QUESTION).build("Be brief.", CONVERSATION)
    assert render(prompt) == (
        "[INST] Hi[/INST]Hello!\n<|endoftext|>[INST] Be brief.\n\n Sort [/INST]"
    )


def test_a_refusal_is_told_in_the_templates_words() -> None:
    dialogue = dialogue_of(NO_SYSTEM)
    assert render(dialogue.build("", QUESTION)).endswith("Hi<|end|>\n<|assistant|>\n")
    with pytest.raises(PromptError, match="refuses this conversation: System role not supported"):
        dialogue.build("Be brief.", QUESTION)


def test_a_refusal_that_quotes_a_content_shows_no_sentinel() -> None:
    source = "{{ raise_exception('cannot say ' + messages[0]['content']) }}"
    with pytest.raises(PromptError) as caught:
        dialogue_of(source).build("", QUESTION)
    assert caught.value.message.endswith("cannot say …")


def test_a_system_prompt_that_would_be_dropped_is_refused() -> None:
    dialogue = dialogue_of(SILENT_ON_SYSTEM)
    assert "Hi" in render(dialogue.build("", QUESTION))
    with pytest.raises(PromptError, match="takes no system prompt"):
        dialogue.build("Be brief.", QUESTION)


@pytest.mark.parametrize("source", [SHOUTING, CHOOSY, ONLY_THE_LAST, "nothing of it"])
def test_a_template_that_alters_or_drops_contents_is_refused(source: str) -> None:
    with pytest.raises(CapabilityError, match="alters or leaves out"):
        dialogue_of(source).build("", CONVERSATION)


@pytest.mark.parametrize(
    "source",
    [
        "{{ 1 / 0 }}",
        "{% for",
        "{{ messages[0]['content'].nothing() }}",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ messages.append({}) }}",
    ],
)
def test_a_template_that_fails_or_leaves_the_sandbox_is_refused(source: str) -> None:
    with pytest.raises(PromptError, match="refuses this conversation"):
        dialogue_of(source).build("", QUESTION)


def test_a_reply_ends_where_the_template_ends_the_assistants_turn() -> None:
    assert dialogue_of(PHI).stop_tokens == ("<|end|>", "<|endoftext|>")
    assert dialogue_of(SYSTEM_IN_THE_LAST_QUESTION).stop_tokens == ("<|endoftext|>",)


def test_a_newline_that_the_model_is_to_write_itself_belongs_to_the_markup() -> None:
    assert dialogue_of(STARCHAT_LIKE).is_reply_stripped
    assert not dialogue_of(PHI).is_reply_stripped
    assert not dialogue_of(SYSTEM_IN_THE_LAST_QUESTION).is_reply_stripped


def test_starcoder2_instructs_own_template_gives_what_its_format_gives() -> None:
    template = ChatTemplate(INSTRUCT, {**VARIABLES, "bos_token": "<|endoftext|>"}, TOKENS)
    for messages in (QUESTION, CONVERSATION):
        theirs = read_template_dialogue(template).build("", messages)
        assert render(theirs) == render(STARCODER2_INSTRUCT.build("", messages))


@pytest.mark.parametrize("messages", [(), CONVERSATION[:2], (Message("system", "x"), *QUESTION)])  # type: ignore[arg-type]
def test_a_conversation_that_cannot_be_answered_is_refused(messages: tuple[Message, ...]) -> None:
    with pytest.raises(PromptError):
        dialogue_of(PHI).build("", messages)


# With a tokenizer


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("phi")
    tokenizer = checkpoints.write_tokenizer(folder, TOKENS)
    tokenizer.chat_template = TRIMMED
    tokenizer.bos_token = "<s>"
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def phi(folder: Path) -> ModelTokenizer:
    return load_tokenizer(folder)


def encode(tokenizer: ModelTokenizer, prompt: tuple[Special | Text, ...]) -> list[int | None]:
    ids: list[int | None] = []
    for item in prompt:
        if isinstance(item, Special):
            ids.append(tokenizer.special_id(item.token))
        else:
            ids += tokenizer.encode_text(item.text)
    return ids


def dialogue_from(tokenizer: ModelTokenizer) -> TemplateDialogue:
    assert tokenizer.chat_template is not None
    return read_template_dialogue(tokenizer.chat_template)


def test_the_ids_are_those_of_apply_chat_template(folder: Path, phi: ModelTokenizer) -> None:
    messages = [{"role": "system", "content": "Be brief."}]
    messages += [{"role": message.role, "content": message.text} for message in CONVERSATION]
    expected = AutoTokenizer.from_pretrained(folder).apply_chat_template(
        messages, add_generation_prompt=True, return_dict=False
    )
    assert encode(phi, dialogue_from(phi).build("Be brief.", CONVERSATION)) == expected


TYPED = st.lists(
    st.one_of(
        st.sampled_from([*TOKENS, "<|", "|>", "\ue0000\ue001", "\ue000", "{{ 1 }}"]),
        st.text(st.characters(codec="utf-8", min_codepoint=1), max_size=4),
    ),
    max_size=5,
).map("".join)


@given(system=TYPED, question=TYPED, answer=TYPED, last=TYPED)
def test_only_the_templates_own_tokens_are_special_whatever_is_typed(
    phi: ModelTokenizer, system: str, question: str, answer: str, last: str
) -> None:
    messages = (
        Message("user", question),
        Message("assistant", answer),
        Message("user", last),
    )
    ids = encode(phi, dialogue_from(phi).build(f"{system}.", messages))
    plain = encode(phi, dialogue_from(phi).build("s", CONVERSATION))

    def specials(of: list[int | None]) -> list[int | None]:
        return [id_ for id_ in of if id_ in range(len(TOKENS))]

    assert specials(ids) == specials(plain)


def test_a_tokenizer_with_several_templates_gives_its_default(tmp_path: Path) -> None:
    tokenizer = checkpoints.write_tokenizer(tmp_path, TOKENS)
    tokenizer.chat_template = {"default": PHI, "tool_use": "tools"}
    tokenizer.save_pretrained(tmp_path)
    template = load_tokenizer(tmp_path).chat_template
    assert template is not None
    assert template.source == PHI


def test_a_tokenizer_without_a_template_has_none(tmp_path: Path) -> None:
    checkpoints.write_tokenizer(tmp_path, TOKENS)
    assert load_tokenizer(tmp_path).chat_template is None


# Which markup a model gets

TEMPLATE = ChatTemplate(PHI, VARIABLES, TOKENS)


def test_a_known_family_keeps_its_own_format_and_others_use_their_template() -> None:
    assert find_dialogue(None, vocabularies.STARCHAT, TEMPLATE) is STARCHAT
    assert find_dialogue(None, vocabularies.EMBEDDED_CHAT, TEMPLATE) is SMOLLM2
    for vocabulary in (vocabularies.PHI, vocabularies.CHATML, vocabularies.PLAIN):
        assert isinstance(find_dialogue(None, vocabulary, TEMPLATE), TemplateDialogue)


def test_without_a_template_chatmls_tokens_are_used_and_nothing_is_assumed_of_others() -> None:
    assert find_dialogue(None, vocabularies.CHATML, None) is CHATML
    for vocabulary in (vocabularies.PHI, vocabularies.STARCODER2, vocabularies.PLAIN):
        assert find_dialogue(None, vocabulary, None) is None


def test_a_presets_format_is_taken_where_the_vocabulary_has_its_tokens() -> None:
    name = "StarCoder2 Instruct"
    assert find_dialogue(name, vocabularies.STARCODER2, TEMPLATE) is STARCODER2_INSTRUCT
    assert find_dialogue("StarChat", vocabularies.PLAIN, None) is None


def test_a_begun_reply_follows_the_opening_that_a_finished_one_has() -> None:
    question = (Message("user", "Hi"),)
    for source in (STARCHAT_LIKE, PHI):
        dialect = dialogue_of(source)
        whole = (*question, Message("assistant", "Hello"), Message("user", "Hm"))
        begun = render(dialect.build("", question, "Hello"))
        assert begun.endswith("Hello")
        assert render(dialect.build("", whole)).startswith(begun)
