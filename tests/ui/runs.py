"""Made-up events for tests of the page."""

from __future__ import annotations

from model.engine.events import Finished, FinishReason, Timings, Usage
from model.engine.generation import GenerationRequest
from model.engine.scripted import ByteTokenizer
from model.fitting import FittedRequest
from model.sampling import SamplingParams
from model.trimming import Dropped


def fitted(
    num_tokens: int = 3, dropped: tuple[Dropped, ...] = (), context_length: int = 8192
) -> FittedRequest:
    """A request of `num_tokens` prompt tokens, ready to run."""
    request = GenerationRequest("base", (1,) * num_tokens, SamplingParams(), (0,))
    return FittedRequest(request, (), dropped, context_length, ByteTokenizer())


def finished(
    reason: FinishReason = FinishReason.EOS_TOKEN,
    *,
    prompt_tokens: int = 428,
    reused_tokens: int = 0,
    completion_tokens: int = 84,
) -> Finished:
    """84 tokens at 20 tokens/s, the first after 0.4 s, with seed 7."""
    total = 0.4 + (completion_tokens - 1) / 20
    usage = Usage(prompt_tokens, reused_tokens, completion_tokens)
    return Finished(reason, usage, Timings(0.0, 0.4, total), 7)
