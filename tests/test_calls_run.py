"""The calls that the three tabs hand out, run as they are copied: the engine gets what the page
would make it run, to the last setting."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from app import build_service
from model.engine.base import ResidentModel
from model.engine.generation import Generation, GenerationRequest
from model.fitting import fit
from model.loading.slot import Ready
from model.prompts.dialogue import Message
from model.prompts.metadata import Header, NotebookCell
from model.requests import (
    AssistantRequest,
    ChatRequest,
    CompletionRequest,
    EditRequest,
    InfillRequest,
    NotebookRequest,
    PlaygroundRequest,
    slot_of,
)
from model.sampling import SamplingParams
from model.served import served_id
from settings import load_settings
from tests.servers import app_in_thread
from ui.calls import FORMS, KEY_VARIABLE, REFUSAL, Asked, build_call
from ui.controls import CHAT_DEFAULTS, CONTINUE_DEFAULTS, INFILL_DEFAULTS

SECRET = "a-key-of-ours"
RUN_SECONDS = 90

# What a shell, JSON, Python, the routes or a terminal could each misread.
AWKWARD = (
    "'it''s' \"so\" \\ \\n $HOME $(touch x) `y` !! %s {{z}} \t tab\n"
    "EOF\n'EOF'\n\n<fim_middle> <|end|> <fim_prefix> 😀 é \u200b\u202e\x1b[31m\x7f\r\n  "
)
UNUSUAL = SamplingParams(
    temperature=0.75,
    top_p=0.9,
    top_k=7,
    min_p=0.05,
    repetition_penalty=1.1,
    max_new_tokens=40,
    stop=("'\"\n\\", "$x"),
    seed=2**63,
)
TURNS = (Message("user", AWKWARD), Message("assistant", AWKWARD + "."), Message("user", AWKWARD))

HEADER = Header("src/it's.py", "me/it", "250")
CELLS = (NotebookCell("output", ""), NotebookCell("text", AWKWARD), NotebookCell("code", AWKWARD))

REQUESTS: dict[str, PlaygroundRequest] = {
    "continue": CompletionRequest(AWKWARD, UNUSUAL),
    "continue as it comes": CompletionRequest("def f():\n", CONTINUE_DEFAULTS),
    "continue, too long": CompletionRequest("é" * 6000, UNUSUAL),
    "continue, with a header": CompletionRequest("x = 1\n", UNUSUAL, HEADER),
    "continue, an exercise": CompletionRequest("def f():\n", UNUSUAL, Header(is_exercise=True)),
    "continue, nothing but stars": CompletionRequest("", UNUSUAL, Header(stars="0")),
    "continue, with a header, awkward": CompletionRequest(AWKWARD, UNUSUAL, HEADER),
    "continue, with a header, too long": CompletionRequest("é" * 6000, UNUSUAL, HEADER),
    "infill": InfillRequest(AWKWARD, AWKWARD, UNUSUAL),
    "infill as it comes": InfillRequest("def f(", ")\n", INFILL_DEFAULTS),
    "infill, suffix first": InfillRequest("def f(", ")\n", UNUSUAL, "spm"),
    "infill before nothing": InfillRequest(AWKWARD, "", UNUSUAL),
    "infill, too long": InfillRequest("x" * 9000, "y" * 9000, UNUSUAL),
    "chat": ChatRequest(AWKWARD, TURNS, UNUSUAL),
    "chat as it comes": ChatRequest("", (Message("user", "Hi"),), CHAT_DEFAULTS),
    "chat, too long": ChatRequest("Short.", (Message("user", "a" * 8000), *TURNS[1:]), UNUSUAL),
}


@dataclass
class Target:
    """A running app whose engine notes what it is asked to run."""

    address: str
    residents: dict[str, ResidentModel]
    needs_key: bool
    submitted: list[GenerationRequest] = field(default_factory=list)

    def asked(self, request: PlaygroundRequest) -> Asked:
        resident = self.residents[slot_of(request)]
        fitted = fit(request, resident, overflow="trim")
        model = served_id(resident.preset, slot_of(request))
        return Asked(request, fitted, resident, self.address, model, self.needs_key)

    def run(self, form: str, *calls: Asked) -> list[tuple[str, GenerationRequest]]:
        """What each call prints, and what it made the engine run."""
        codes = [build_call(form, asked).code for asked in calls]
        self.submitted.clear()
        printed = list(map(run_shell, codes)) if form == "curl" else run_python(codes)
        return list(zip(printed, self.submitted, strict=True))


def run_shell(code: str) -> str:
    """The text in what a call's answer."""
    (choice,) = json.loads(run(["sh"], code))["choices"]
    text: str = choice["message"]["content"] if "message" in choice else choice["text"]
    return text


def run_python(codes: list[str]) -> list[str]:
    """What each prints, in one process: importing their libraries takes most of the time."""
    printed: list[str] = json.loads(run([sys.executable, "-c", RUNNER], json.dumps(codes)))
    return printed


RUNNER = """
import contextlib, io, json, sys
def run(code):
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(code, {"__name__": "__main__"})
    return printed.getvalue()
print(json.dumps([run(code) for code in json.load(sys.stdin)]))
"""


def run(command: list[str], code: str) -> str:
    environment = {**os.environ, KEY_VARIABLE: SECRET, "PYTHONIOENCODING": "utf-8"}
    environment |= {"GRADIO_ANALYTICS_ENABLED": "False", "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        command,
        input=code.encode(),
        capture_output=True,
        timeout=RUN_SECONDS,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


@pytest.fixture(scope="module", params=["open", "with a key"])
def target(request: pytest.FixtureRequest) -> Iterator[Target]:
    flags = ["--engine", "scripted", "--scripted-speed", "100000", "--scripted-load-seconds", "0"]
    needs_key = request.param != "open"
    settings = load_settings([*flags, "--api-key", SECRET] if needs_key else flags)
    service = build_service(settings)
    submit = service.engine.submit
    submitted: list[GenerationRequest] = []

    def noting(generation: GenerationRequest, client: str) -> Generation:
        submitted.append(generation)
        return submit(generation, client)

    service.engine.submit = noting  # type: ignore[method-assign]
    with app_in_thread(settings, service) as address:
        residents = {}
        for slot in ("base", "chat"):
            status = service.residency.status(slot)  # type: ignore[arg-type]
            assert isinstance(status, Ready)
            residents[slot] = status.resident
        yield Target(address, residents, needs_key, submitted)


def essence(generation: GenerationRequest) -> dict[str, Any]:
    """Without what each run has of its own, and the order in which its ends were named."""
    stops = tuple(sorted(generation.stop_token_ids))
    plain = replace(generation, deadline=None, stop_token_ids=stops, request_id="")
    return {name: getattr(plain, name) for name in plain.__slots__}


@pytest.mark.parametrize("form", FORMS)
def test_copied_calls_make_the_engine_run_what_the_page_runs(target: Target, form: str) -> None:
    calls = [target.asked(request) for request in REQUESTS.values()]
    for name, asked, (printed, submitted) in zip(
        REQUESTS, calls, target.run(form, *calls), strict=True
    ):
        assert essence(submitted) == essence(asked.fitted.generation), name
        assert printed, name


@pytest.mark.parametrize("form", FORMS)
def test_what_is_printed_is_the_text_to_the_last_character(target: Target, form: str) -> None:
    params = replace(CONTINUE_DEFAULTS, max_new_tokens=1000)
    asked = target.asked(CompletionRequest(f"SAY: {AWKWARD}", params))
    ((printed, _),) = target.run(form, asked)
    assert printed == AWKWARD + ("\n" if form == "gradio-client" else "")


@pytest.mark.parametrize(
    "request_",
    [
        AssistantRequest(TURNS, UNUSUAL),
        EditRequest(AWKWARD, AWKWARD, UNUSUAL),
        NotebookRequest(CELLS, "text", UNUSUAL),
        NotebookRequest(CELLS, None, UNUSUAL),
    ],
)
def test_what_openai_has_no_words_for_is_asked_through_gradio_alone(
    target: Target, request_: PlaygroundRequest
) -> None:
    asked = target.asked(request_)
    for form in ("curl", "openai"):
        assert build_call(form, asked).refusal == REFUSAL
        assert not build_call(form, asked).code
    ((_, submitted),) = target.run("gradio-client", asked)
    assert essence(submitted) == essence(asked.fitted.generation)


@pytest.mark.parametrize("form", FORMS)
def test_a_key_is_named_and_never_written_out(target: Target, form: str) -> None:
    code = build_call(form, target.asked(REQUESTS["continue"])).code
    assert SECRET not in code
    assert (KEY_VARIABLE in code) == (target.needs_key and form != "gradio-client")
