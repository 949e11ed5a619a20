"""The engine whose models are on another machine, behind OpenAI's API.

Prompts are built here, with the tokenizer files of the model and no weights, and sent as token ids.
Without tokenizer files a chat goes as messages, and a text as text.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

from model.admission import Admission
from model.engine.base import Capabilities, Health, ReportProgress, ResidentModel
from model.engine.events import Failed, FinishReason
from model.engine.generation import Generation, GenerationRequest, Slot
from model.engine.local import stop_token_ids
from model.engine.remote_call import Patience, RemoteCaller
from model.engine.remote_dialect import DIALECTS, LLAMACPP, OPENAI, Kind, detect_dialect
from model.engine.remote_probe import (
    Probe,
    ask_llamacpp_context,
    check_name,
    wait_for_model,
)
from model.engine.remote_run import RemoteRun, RemoteSlot, check_asked
from model.engine.worker import finish_unrun
from model.errors import (
    EngineClosedError,
    GenerationError,
    InvalidInputError,
    PlaygroundError,
    RemoteBusyError,
    RemoteRefusedError,
)
from model.loading.memory_plan import MemoryPlan, Quantization, QuantizationWish
from model.plain_text import Messages, PlainTokenizer
from model.presets import ModelPreset
from model.prompts.infill import detect_infill
from model.prompts.template import find_dialogue
from model.remote_host import RemoteHost

logger = logging.getLogger(__name__)

PROBE_SECONDS = 10.0
CLOSE_SECONDS = 1.0
# Characters, of a model of which neither server nor files tell the context.
PLAIN_CONTEXT = 32_768


class RemoteEngine:
    """Asks one server for both slots' models.

    Args:
        names: what the server calls each slot's model.
        kind: which server it is; "auto" reads it from the server's list of models.
        max_waiting: bound of the line.
        num_at_once: requests that the server is given at the same time; more wait here.
    """

    def __init__(
        self,
        host: RemoteHost,
        names: Mapping[Slot, str],
        *,
        kind: Kind = "auto",
        max_waiting: int = 32,
        num_at_once: int = 16,
        patience: Patience | None = None,
        probe_seconds: float = PROBE_SECONDS,
    ) -> None:
        self._host = host
        self._names = dict(names)
        self._kind = kind
        self._num_at_once = num_at_once
        self._patience = patience or Patience()
        self._probe = Probe(host, probe_seconds)
        self._admission = Admission(max_waiting)
        # Changed by loads, on their threads; what follows only on the event loop.
        self._slots: dict[Slot, RemoteSlot] = {}
        self._caller: RemoteCaller | None = None
        self._caller_loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting: dict[Generation, RemoteRun] = {}
        self._work: dict[Generation, asyncio.Task[FinishReason]] = {}
        # What this server does, once it was asked; `submit` refuses what a slot's model cannot.
        self.capabilities = Capabilities(alternatives=True)
        self._is_closed = False
        self._last_error: str | None = None

    @property
    def health(self) -> Health:
        unreachable = self._probe.error
        return Health(
            is_alive=not self._is_closed and unreachable is None,
            num_running=self._admission.num_running,
            num_waiting=self._admission.num_waiting,
            last_error=unreachable or self._last_error,
            max_waiting=self._admission.max_waiting,
        )

    def plan(
        self,
        slot: Slot,
        preset: ModelPreset,
        folder: Path | None,
        wish: QuantizationWish = "auto",
        *,
        without: Collection[Slot] = (),
    ) -> MemoryPlan | None:
        return None  # it takes no memory of this machine

    def load(
        self,
        slot: Slot,
        preset: ModelPreset,
        folder: Path | None,
        report: ReportProgress,
        quantization: Quantization | None = None,
    ) -> ResidentModel:
        name = self._names[slot]
        row, rows = wait_for_model(self._host, name, slot, report)
        dialect = detect_dialect(row) if self._kind == "auto" else DIALECTS[self._kind]
        if dialect.checks_names:
            check_name(rows, name, self._host)
        told = row.get("max_model_len")
        if told is None and dialect is LLAMACPP:
            told = ask_llamacpp_context(self._host)
        limit = told if type(told) is int and told > 1 else None
        resident = self._resident(preset, folder, limit)
        if dialect.may_heal and (row.get("capabilities") or {}).get("heals") and folder:
            resident = replace(resident, can_heal=True)
        self._slots[slot] = RemoteSlot(
            resident, name, dialect, form="auto" if dialect is OPENAI else "ids"
        )
        self.capabilities = Capabilities(
            typical_p=dialect.knows_typical_p, alternatives=dialect.tells_scores
        )
        self._probe.start()
        return resident

    def unload(self, slot: Slot) -> None:
        self._slots.pop(slot, None)

    def submit(self, request: GenerationRequest, client: str) -> Generation:
        slot = self._slots.get(request.slot)
        if slot is None:
            raise EngineClosedError(
                "No model is resident in this slot.", "Wait until it is loaded."
            )
        check_asked(slot, request.params)
        generation = Generation(request)
        generation.on_interrupt(lambda: self._interrupt(generation))
        self._admission.enter(generation)
        self._waiting[generation] = RemoteRun(generation, slot, self._caller_here())
        self._start_next()
        return generation

    def close(self) -> None:
        self._is_closed = True
        self._probe.close()
        for generation in self._admission.close():
            generation.cancel()
        caller, loop = self._caller, self._caller_loop
        if caller is None or loop is None or loop.is_closed():
            return
        ended = asyncio.run_coroutine_threadsafe(self._end(caller), loop)
        # On the loop's own thread nothing would end while it is waited for.
        if _running_loop() is not loop:
            with contextlib.suppress(TimeoutError):
                ended.result(CLOSE_SECONDS)

    async def _end(self, caller: RemoteCaller) -> None:
        """Let what was cancelled tell its end, and close the connections."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=CLOSE_SECONDS)
        await caller.close()

    def _resident(
        self, preset: ModelPreset, folder: Path | None, limit: int | None
    ) -> ResidentModel:
        """
        Args:
            limit: positions that the server has; None where it does not say.
        """
        device = "remote" if self._host.alias else f"remote:{self._host.name}"
        if folder is None:
            return ResidentModel(
                preset=preset,
                tokenizer=PlainTokenizer(),
                context_length=limit or PLAIN_CONTEXT,
                device=device,
                precision="",
                infill=None,
                dialogue=Messages(),
                stop_token_ids=(),
            )
        from model.tokenization import load_tokenizer

        tokenizer = load_tokenizer(folder)
        return ResidentModel(
            preset=preset,
            tokenizer=tokenizer,
            context_length=limit or _context_length(folder),
            device=device,
            precision="",
            infill=detect_infill(tokenizer.special_id),
            dialogue=find_dialogue(preset.dialogue, tokenizer.special_id, tokenizer.chat_template),
            stop_token_ids=stop_token_ids(tokenizer),
        )

    def _start_next(self) -> None:
        while self._admission.num_running < self._num_at_once:
            generation = self._admission.next()
            if generation is None:
                return
            loop = asyncio.get_running_loop()
            run = self._waiting.pop(generation)
            # A task of its own beside `_serve`: one that is cancelled before it begins runs none
            # of its code, and the reader would wait for ever.
            work = self._work[generation] = loop.create_task(run.run())
            if generation.should_stop:  # it was told so before there was a task to cancel
                work.cancel()
            task = loop.create_task(self._serve(generation, run, work))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _interrupt(self, generation: Generation) -> None:
        """From any thread."""
        if self._admission.withdraw(generation):
            self._waiting.pop(generation, None)
            generation.publish(finish_unrun(generation))
        elif (work := self._work.get(generation)) is not None:
            work.get_loop().call_soon_threadsafe(work.cancel)

    async def _serve(
        self, generation: Generation, run: RemoteRun, work: asyncio.Task[FinishReason]
    ) -> None:
        """Wait for a generation's work, tell its end, and start the next in line."""
        try:
            await asyncio.wait({work})
        finally:
            work.cancel()  # where the loop ends
            del self._work[generation]
            self._admission.leave(generation)
            self._start_next()
        failure = self._finish(generation, run, work)
        if failure is not None:
            if not isinstance(failure, InvalidInputError | RemoteRefusedError | RemoteBusyError):
                self._last_error = failure.message
            failure.__cause__ = failure.__context__ = None
            generation.publish(Failed(failure.with_traceback(None)))

    def _finish(
        self, generation: Generation, run: RemoteRun, work: asyncio.Task[FinishReason]
    ) -> PlaygroundError | None:
        """Tell the end of `work`, unless it failed: then the failure."""
        if work.cancelled():
            run.finish(FinishReason.CANCELLED if generation.is_cancelled else FinishReason.DEADLINE)
            return None
        error = work.exception()
        if error is None:
            self._last_error = None
            run.finish(work.result())
            return None
        if isinstance(error, PlaygroundError):
            return error
        logger.error("%s failed", generation.request.request_id, exc_info=error)
        return GenerationError(
            f"The model failed: {type(error).__name__}.",
            "The terminal has the details; the next request starts afresh.",
        )

    def _caller_here(self) -> RemoteCaller:
        loop = asyncio.get_running_loop()
        if self._caller is None or self._caller_loop is not loop:
            self._caller, self._caller_loop = RemoteCaller(self._host, self._patience), loop
        return self._caller


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _context_length(folder: Path) -> int:
    from model.loading.checkpoint_files import read_config
    from model.loading.footprint import context_length_of

    return context_length_of(read_config(folder))
