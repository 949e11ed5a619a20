"""Runs requests on one loaded checkpoint. Everything here happens on the models' thread.

prefill in chunks → `generate` over the filled cache → streamer → events
"""

from __future__ import annotations

import contextlib
import random
import time
from dataclasses import dataclass

import torch
from transformers import (
    GenerationConfig,
    LogitsProcessorList,
    PreTrainedModel,
    StoppingCriteria,
    StoppingCriteriaList,
)

from model.engine.events import Finished, FinishReason, Prefill, Timings, Token, Usage
from model.engine.generation import Generation, GenerationRequest
from model.engine.logprobs import LogprobReader
from model.engine.lookup import PromptLookup
from model.engine.prefix_cache import CachedPrefix, PrefixCache
from model.errors import ContextLengthError, PromptError
from model.healing import WhitespaceHealer
from model.sampling import SamplingParams
from model.streaming import TokenStreamer
from model.tokenization import PromptTokenizer


class Interrupt(StoppingCriteria):
    """Ends `generate` before its next forward pass: cancelled, out of time or at a stop string."""

    def __init__(self, generation: Generation, streamer: TokenStreamer) -> None:
        self._generation = generation
        self._streamer = streamer

    def __call__(
        self, input_ids: torch.Tensor, scores: torch.Tensor | None, **kwargs: object
    ) -> torch.Tensor:
        should_stop = self._streamer.is_stopped or self._generation.should_stop
        return torch.full((input_ids.shape[0],), should_stop, device=input_ids.device)


@dataclass
class Stopwatch:
    """When things happened to one generation, on the monotonic clock."""

    submitted_at: float
    started_at: float
    first_token_at: float | None = None

    def timings(self) -> Timings:
        first = self.first_token_at
        return Timings(
            queued=self.started_at - self.submitted_at,
            time_to_first_token=None if first is None else first - self.started_at,
            total=time.monotonic() - self.started_at,
        )


class ModelRunner:
    """One checkpoint with the cache it keeps.

    Args:
        model: a causal language model, on its device, in evaluation mode.
        tokenizer: its tokenizer.
        context_length: positions the model has; not one more reaches it.
        chunk: tokens per forward pass of prefill; between two, a request can be stopped.
        threads: intra-op threads on a CPU; None leaves them as they are.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PromptTokenizer,
        context_length: int,
        chunk: int,
        threads: int | None = None,
    ) -> None:
        self._model = model
        self._threads = threads
        self._tokenizer = tokenizer
        self._context_length = context_length
        self._prefixes = PrefixCache(model.config, chunk)
        self._lookup = PromptLookup(model)
        self._healer = WhitespaceHealer(tokenizer, model.get_output_embeddings().out_features)

    @property
    def num_cached_bytes(self) -> int:
        """Of the keys and values that are kept between requests."""
        return self._prefixes.num_bytes

    @property
    def can_heal(self) -> bool:
        return self._healer.can_heal

    def run(self, generation: Generation) -> None:
        """Run to the `Finished` event.

        Raises:
            PromptError, ContextLengthError: ids that would break the model.
            Exception: whatever the model raises; what was kept is dropped then.
        """
        request = generation.request
        self._check(request)
        if self._threads is not None:
            torch.set_num_threads(self._threads)  # the other slot's model may want another number
        watch = Stopwatch(generation.submitted_at, time.monotonic())
        params = request.params
        seed = params.seed if params.seed is not None else random.randrange(2**31)
        with torch.inference_mode(), contextlib.ExitStack() as on_failure:
            on_failure.callback(self._prefixes.clear)
            prefix = self._prefixes.take(
                request.prompt_ids,
                is_reproducible=params.seed is not None,
                num_pinned=request.num_pinned,
            )
            num_reused = len(prefix.ids)
            is_complete = self._prefill(generation, prefix)
            num_new, reason = 0, _interruption(generation)
            if is_complete:
                torch.manual_seed(seed)
                num_new, reason = self._decode(generation, prefix, watch)
            on_failure.pop_all()
        self._prefixes.keep(prefix)
        usage = Usage(len(request.prompt_ids), num_reused, num_new)
        generation.publish(Finished(reason, usage, watch.timings(), seed))

    def _check(self, request: GenerationRequest) -> None:
        """Learned positions and embeddings are tables: past their end lies an IndexError on a CPU
        and a poisoned context on CUDA."""
        room = self._context_length - request.params.max_new_tokens
        if len(request.prompt_ids) > room:
            raise ContextLengthError(len(request.prompt_ids), max(room, 0))
        num_embeddings = self._model.get_input_embeddings().num_embeddings
        if not request.prompt_ids or min(request.prompt_ids) < 0:
            raise PromptError("The prompt holds no tokens.", "Type something first.")
        if max(request.prompt_ids) >= num_embeddings:
            raise PromptError(
                "The prompt holds token ids that the model does not have.",
                f"Ids go from 0 to {num_embeddings - 1}.",
            )

    def _prefill(self, generation: Generation, prefix: CachedPrefix) -> bool:
        """Fill the cache up to the prompt's last token; False if it was interrupted.

        `prefix` is valid after each chunk. The last token is `generate`'s, for its logits.
        """
        prompt_ids = generation.request.prompt_ids
        end = len(prompt_ids) - 1
        while len(prefix.ids) < end:
            if generation.should_stop:
                return False
            start = len(prefix.ids)
            stop = min(prefix.grid.stop_after(start), end)
            ids = torch.tensor([prompt_ids[start:stop]], device=self._model.device)  # (1, chunk)
            # The body without the head: nobody reads logits over the vocabulary here.
            self._model.base_model(input_ids=ids, past_key_values=prefix.cache, use_cache=True)
            if start == prefix.num_reproducible and stop == prefix.grid.stop_after(start):
                prefix.num_reproducible = stop
            prefix.ids.extend(prompt_ids[start:stop])
            if stop == generation.request.num_pinned:
                self._prefixes.pin(prefix)
            generation.publish(Prefill(stop, len(prompt_ids)))
        return not generation.should_stop

    def _decode(
        self, generation: Generation, prefix: CachedPrefix, watch: Stopwatch
    ) -> tuple[int, FinishReason]:
        """Generate over the filled cache; returns the number of new tokens and why it ended."""
        request = generation.request

        def publish(token: Token) -> None:
            watch.first_token_at = watch.first_token_at or time.monotonic()
            generation.publish(token)

        reader = self._logprob_reader(request.params)
        streamer = TokenStreamer(
            self._tokenizer,
            request.params.stop,
            on_token=publish,
            num_hidden=len(request.healed),
            is_start_stripped=request.is_start_stripped,
            read_logprob=None if reader is None else reader.read,
        )
        prompt = torch.tensor([request.prompt_ids], device=self._model.device)  # (1, prompt)
        config = generation_config(request.params, request.stop_token_ids)
        room = self._context_length - len(request.prompt_ids) - request.params.max_new_tokens
        config.prompt_lookup_num_tokens = self._lookup.num_proposed(request.params, room)
        try:
            with contextlib.ExitStack() as hooks:
                if reader is not None:
                    hooks.enter_context(reader.watching(self._model))
                if config.prompt_lookup_num_tokens is not None:
                    hooks.enter_context(self._lookup.reading_on())
                output = self._model.generate(
                    prompt,
                    attention_mask=torch.ones_like(prompt),
                    past_key_values=prefix.cache,
                    generation_config=config,
                    logits_processor=self._processors(request),
                    stopping_criteria=StoppingCriteriaList([Interrupt(generation, streamer)]),
                    streamer=streamer,
                )
        except Exception as error:
            streamer.fail(error)
            raise
        # The last token was chosen but never fed back, so the cache ends before it.
        prefix.ids[:] = output[0, : prefix.cache.get_seq_length()].tolist()
        return streamer.num_tokens, _reason(generation, streamer)

    def _logprob_reader(self, params: SamplingParams) -> LogprobReader | None:
        return None if params.logprobs is None else LogprobReader(self._tokenizer, params.logprobs)

    def _processors(self, request: GenerationRequest) -> LogitsProcessorList:
        if not request.healed:
            return LogitsProcessorList()
        healing = self._healer.processor(request.healed, len(request.prompt_ids))
        return LogitsProcessorList([healing])


def generation_config(params: SamplingParams, stop_token_ids: tuple[int, ...]) -> GenerationConfig:
    """`params` in transformers' terms. Nothing is left to a checkpoint's own defaults."""
    sampling = (
        {"do_sample": False}
        if params.is_greedy
        else {
            "do_sample": True,
            "temperature": params.temperature,
            "top_p": params.top_p,
            "top_k": params.top_k,
            "min_p": params.min_p or None,
            "typical_p": params.typical_p,
        }
    )
    return GenerationConfig(
        max_new_tokens=params.max_new_tokens,
        repetition_penalty=params.repetition_penalty,
        eos_token_id=list(stop_token_ids),
        pad_token_id=stop_token_ids[0],
        **sampling,
    )


def _reason(generation: Generation, streamer: TokenStreamer) -> FinishReason:
    request = generation.request
    if streamer.is_stopped:
        return FinishReason.STOP_SEQUENCE
    if streamer.last_id in request.stop_token_ids:
        return FinishReason.EOS_TOKEN
    if streamer.num_tokens >= request.params.max_new_tokens:
        return FinishReason.LENGTH
    return _interruption(generation)


def _interruption(generation: Generation) -> FinishReason:
    return FinishReason.CANCELLED if generation.is_cancelled else FinishReason.DEADLINE
