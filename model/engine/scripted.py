"""An engine without a model: it types a script, for fast tests and work on the page.

The prompt can ask for something particular, by a line in what the user wrote:

    SAY: text    type exactly what follows, up to the end of that segment
    FAIL         raise in the middle of decoding
    OOM          the same, out of memory
"""

from __future__ import annotations

import codecs
import math
import random
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from model.engine.base import (
    Capabilities,
    Health,
    LoadProgress,
    ReportProgress,
    ResidentModel,
)
from model.engine.events import Alternative, Finished, FinishReason, Prefill, Timings, Token, Usage
from model.engine.generation import Generation, GenerationRequest, Slot
from model.engine.worker import Worker
from model.errors import GenerationError, OutOfMemoryError
from model.loading.memory_plan import (
    MemoryBudget,
    MemoryPlan,
    PrecisionPlan,
    Quantization,
    QuantizationWish,
)
from model.presets import ModelPreset
from model.prompts.dialogue import detect_dialogue
from model.prompts.infill import detect_infill
from model.stopping import StopMatcher

END_OF_TEXT = "<|endoftext|>"
SPECIAL_TOKENS = (
    END_OF_TEXT,
    "<fim_prefix>",
    "<fim_middle>",
    "<fim_suffix>",
    "<|system|>",
    "<|user|>",
    "<|assistant|>",
    "<|end|>",
    *("<reponame>", "<filename>", "<gh_stars>"),
    *("<commit_before>", "<commit_msg>", "<commit_after>"),
    *("<jupyter_start>", "<jupyter_text>", "<jupyter_code>", "<jupyter_output>"),
    "<empty_output>",
)
NUM_BYTES = 256
CONTEXT_LENGTH = 8192
MODEL_BYTES = 1_000_000_000
PREFILL_CHUNK = 512

CODE_SCRIPT = '''    """Return the n-th Fibonacci number."""
    previous, current = 0, 1
    for _ in range(n):
        previous, current = current, previous + current
    return previous
'''
CHAT_SCRIPT = """Here is a function that does it:

```python
def fibonacci(n: int) -> int:
    previous, current = 0, 1
    for _ in range(n):
        previous, current = current, previous + current
    return previous
```

It runs in `O(n)` time and keeps two numbers.
"""


class ByteDecoder:
    """Incremental UTF-8 decoder over byte ids; special ids are silent."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def step(self, token_id: int) -> str:
        return self._decoder.decode(bytes([token_id])) if token_id < NUM_BYTES else ""

    def flush(self) -> str:
        return self._decoder.decode(b"", final=True)


class ByteTokenizer:
    """One token per byte of UTF-8, and the special tokens above them."""

    def encode_text(self, text: str) -> list[int]:
        return list(text.encode("utf-8"))

    def special_id(self, token: str) -> int | None:
        return NUM_BYTES + SPECIAL_TOKENS.index(token) if token in SPECIAL_TOKENS else None

    def decode(self, ids: Sequence[int]) -> str:
        decoder = self.decoder()
        return "".join(map(decoder.step, ids)) + decoder.flush()

    def decoder(self) -> ByteDecoder:
        return ByteDecoder()

    def token_text(self, token_id: int) -> str:
        if token_id < NUM_BYTES:
            return self.decode([token_id])
        return "".join(SPECIAL_TOKENS[token_id - NUM_BYTES :][:1])

    def read_file(self) -> None:
        return None


class ScriptedEngine:
    """Types a script at a set speed through the same door and events as a real engine.

    Args:
        max_waiting: bound of the line.
        tokens_per_second: bytes typed per second; 0 types without pause.
        load_seconds: how long each load takes.
        room: models that fit into its make-believe memory at once; None for any number.
        context_length: in tokens, which are bytes here.
    """

    capabilities = Capabilities(alternatives=True)

    def __init__(
        self,
        *,
        max_waiting: int = 32,
        tokens_per_second: float = 0,
        load_seconds: float = 0,
        room: int | None = None,
        context_length: int = CONTEXT_LENGTH,
    ) -> None:
        self._context_length = context_length
        self._pause = 1 / tokens_per_second if tokens_per_second else 0
        self._load_seconds = load_seconds
        self._room = room
        # Changed on the worker's thread only.
        self._resident_slots: set[Slot] = set()
        self._tokenizer = ByteTokenizer()
        self._worker = Worker(self._run, max_waiting)

    @property
    def health(self) -> Health:
        return self._worker.health

    def plan(
        self,
        slot: Slot,
        preset: ModelPreset,
        folder: Path | None,
        wish: QuantizationWish = "auto",
        *,
        without: Collection[Slot] = (),
    ) -> MemoryPlan | None:
        if self._room is None:
            return None
        staying = self._resident_slots - set(without)
        free = max(0, self._room - len(staying)) * MODEL_BYTES
        budget = MemoryBudget("cpu", free, (free,))
        row = PrecisionPlan("float32", MODEL_BYTES, 0, 0, 0)
        return MemoryPlan(preset.title, (row,), budget, 1, 1, 0, self._context_length)

    def unload(self, slot: Slot) -> None:
        self._worker.call(self._resident_slots.discard, slot)

    def load(
        self,
        slot: Slot,
        preset: ModelPreset,
        folder: Path | None,
        report: ReportProgress,
        quantization: Quantization | None = None,
    ) -> ResidentModel:
        return self._worker.call(self._load, slot, preset, report)

    def _load(self, slot: Slot, preset: ModelPreset, report: ReportProgress) -> ResidentModel:
        steps = 10
        for step in range(steps):
            report(LoadProgress("loading the script", step / steps))
            time.sleep(self._load_seconds / steps)
        self._resident_slots.add(slot)
        end_of_text = self._tokenizer.special_id(END_OF_TEXT)
        assert end_of_text is not None
        return ResidentModel(
            preset=preset,
            tokenizer=self._tokenizer,
            context_length=self._context_length,
            device="cpu",
            precision="scripted",
            infill=detect_infill(self._tokenizer.special_id),
            dialogue=detect_dialogue(self._tokenizer.special_id),
            stop_token_ids=(end_of_text,),
        )

    def submit(self, request: GenerationRequest, client: str) -> Generation:
        return self._worker.submit(request)

    def close(self) -> None:
        self._worker.close()

    def _run(self, generation: Generation) -> None:
        _Typist(generation, self._tokenizer, self._pause).run()


def _after_reply(script: str, last: str) -> str:
    """What of `script` is still to be typed where the prompt ends within the reply, `last`."""
    said, _, begun = script.partition("\n\nAssistant: ")  # the Tech Assistant's, in one text
    reply = begun or last.removeprefix("\n")
    return said.removeprefix(reply) if reply and said.startswith(reply) else script


class _Typist:
    """Types one generation."""

    def __init__(self, generation: Generation, tokenizer: ByteTokenizer, pause: float) -> None:
        self._generation = generation
        self._request = generation.request
        self._tokenizer = tokenizer
        self._pause = pause
        self._started_at = time.monotonic()
        self._first_token_at: float | None = None
        self._num_tokens = 0

    def run(self) -> None:
        script, fault = self._read_prompt()
        for done in range(0, len(self._request.prompt_ids), PREFILL_CHUNK):
            if self._generation.should_stop:
                return self._finish(self._stop_reason())
            self._generation.publish(Prefill(done, len(self._request.prompt_ids)))
            self._sleep(20)
        return self._finish(self._type(script, fault))

    def _read_prompt(self) -> tuple[str, Callable[[], Exception] | None]:
        """What to type, and what to raise half-way."""
        segments = self._user_segments()
        script = CHAT_SCRIPT if self._request.slot == "chat" else CODE_SCRIPT
        for text in reversed(segments):
            if "SAY:" in text:
                return _after_reply(text.rpartition("SAY:")[2].lstrip(" "), segments[-1]), None
            if "FAIL" in text.split():
                return script, lambda: GenerationError("The script failed.", "It was told to.")
            if "OOM" in text.split():
                return script, lambda: OutOfMemoryError(
                    "The device ran out of memory.", "Shorten the prompt."
                )
        return script, None

    def _user_segments(self) -> list[str]:
        segments: list[list[int]] = [[]]
        for token_id in self._request.prompt_ids:
            if token_id >= NUM_BYTES:
                segments.append([])
            else:
                segments[-1].append(token_id)
        return [self._tokenizer.decode(segment) for segment in segments]

    def _type(self, script: str, fault: Callable[[], Exception] | None) -> FinishReason:
        params = self._request.params
        matcher = StopMatcher(params.stop)
        decoder = self._tokenizer.decoder()
        ids = [*self._tokenizer.encode_text(script), NUM_BYTES + SPECIAL_TOKENS.index(END_OF_TEXT)]
        reason = FinishReason.EOS_TOKEN
        for index, token_id in enumerate(ids):
            if self._generation.should_stop:
                reason = self._stop_reason()
                break
            if index == params.max_new_tokens:
                reason = FinishReason.LENGTH
                break
            if fault is not None and index == len(ids) // 2:
                raise fault()
            self._sleep(1)
            self._say(token_id, matcher.feed(decoder.step(token_id)))
            if matcher.matched is not None:
                return FinishReason.STOP_SEQUENCE
        self._say_rest(decoder.flush() + matcher.flush())
        return reason

    def _say(self, token_id: int, text: str) -> None:
        self._num_tokens += 1
        self._first_token_at = self._first_token_at or time.monotonic()
        self._generation.publish(Token(token_id, text, *self._score(token_id)))

    def _score(self, token_id: int) -> tuple[float, tuple[Alternative, ...]] | tuple[()]:
        """Make-believe: half a chance for what is typed, half as much for the next id."""
        num_alternatives = self._request.params.logprobs
        if num_alternatives is None:
            return ()
        num_ids = NUM_BYTES + len(SPECIAL_TOKENS)
        ranked = [(token_id + rank) % num_ids for rank in range(num_alternatives)]
        logprobs = [-(rank + 1) * math.log(2) for rank in range(num_alternatives + 1)]
        alternatives = tuple(
            Alternative(id_, self._tokenizer.token_text(id_), logprob)
            for id_, logprob in zip(ranked, logprobs, strict=False)
        )
        return logprobs[0], alternatives

    def _say_rest(self, text: str) -> None:
        if text:
            self._generation.publish(Token(None, text))

    def _sleep(self, num_steps: int) -> None:
        if self._pause:
            time.sleep(self._pause * num_steps)

    def _stop_reason(self) -> FinishReason:
        cancelled = self._generation.is_cancelled
        return FinishReason.CANCELLED if cancelled else FinishReason.DEADLINE

    def _finish(self, reason: FinishReason) -> None:
        now = time.monotonic()
        first = self._first_token_at
        seed = self._request.params.seed
        self._generation.publish(
            Finished(
                reason,
                Usage(len(self._request.prompt_ids), 0, self._num_tokens),
                Timings(
                    queued=self._started_at - self._generation.submitted_at,
                    time_to_first_token=None if first is None else first - self._started_at,
                    total=now - self._started_at,
                ),
                seed if seed is not None else random.randrange(2**31),
            )
        )
