"""The Tech Assistant's prompt: BigCode's from the hub, or a short one where it cannot be had.

All state lives on the event loop; the fetch runs on a thread.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path

from model.errors import PlaygroundError
from model.loading.job import LoadJob
from model.prompts.assistant import (
    PROMPT_FILE,
    PROMPT_REPOSITORY,
    PROMPT_REVISION,
    SHORT_PROMPT,
    AssistantPrompt,
)

logger = logging.getLogger(__name__)

# How long who asks is kept waiting: for the first fetch, and for one after a failure.
PATIENCE_SECONDS = 10.0
LATER_PATIENCE_SECONDS = 2.0
# After a failure the hub is left alone for so long.
RETRY_SECONDS = 60.0
SOURCE = f"{PROMPT_REPOSITORY}, {PROMPT_FILE}"

FetchFile = Callable[[LoadJob], Path]


def fetch_prompt_file(job: LoadJob) -> Path:
    """BigCode's prompt at its pinned commit, from the cache or the hub.

    Raises:
        HubError: it cannot be had.
    """
    # Slow to import, and needed by nobody who never asks the Tech Assistant.
    from model.loading.hub import fetch_dataset_file

    return fetch_dataset_file(PROMPT_REPOSITORY, PROMPT_FILE, PROMPT_REVISION, job)


class AssistantPromptSource:
    """Fetches the prompt when it is first asked for, and goes on without it where that fails.

    Args:
        fetch: brings the file here; blocks, and raises a `PlaygroundError`.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        fetch: FetchFile = fetch_prompt_file,
        *,
        patience_seconds: float = PATIENCE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch = fetch
        self._patience_seconds = patience_seconds
        self._clock = clock
        self._whole: AssistantPrompt | None = None
        self._attempt: asyncio.Task[None] | None = None
        self._failure = ""
        self._next_attempt_at = -float("inf")

    @property
    def current(self) -> AssistantPrompt:
        """The prompt as far as it is here. Asks nobody."""
        return self._whole or SHORT_PROMPT

    @property
    def problem(self) -> str:
        """Why the short prompt has to do, for people to read; "" where it does not, or where
        nobody has asked yet."""
        if self._whole is not None:
            return ""
        if self._attempt is not None and not self._failure:
            return "BigCode's prompt is still being fetched."
        return self._failure

    async def get(self) -> AssistantPrompt:
        """The prompt; the short one where the whole one cannot be had soon."""
        if self._whole is None and self._attempt is None and self._clock() >= self._next_attempt_at:
            self._attempt = asyncio.create_task(self._try_to_fetch())
        if self._attempt is not None:
            patience = LATER_PATIENCE_SECONDS if self._failure else self._patience_seconds
            # Who leaves, or loses patience, does not end the fetch for the others.
            await asyncio.wait({self._attempt}, timeout=patience)
        return self.current

    async def _try_to_fetch(self) -> None:
        try:
            self._whole = await asyncio.to_thread(self._read)
        except PlaygroundError as error:
            logger.warning("the Tech Assistant's prompt could not be fetched: %s", error)
            self._failure = error.message
        except Exception as error:
            # Whatever is wrong with the file or the hub, the short prompt can answer.
            logger.exception("the Tech Assistant's prompt could not be fetched")
            self._failure = f"BigCode's prompt cannot be read: {type(error).__name__}."
        finally:
            self._attempt = None
            self._next_attempt_at = self._clock() + RETRY_SECONDS

    def _read(self) -> AssistantPrompt:
        """
        Raises:
            PlaygroundError: the file cannot be had.
            OSError, ValueError: it cannot be read, or is no text.
        """
        text = self._fetch(LoadJob(lambda progress: None)).read_text("utf-8").rstrip()
        if not text.strip("-\n "):
            raise ValueError("the file is empty")
        return AssistantPrompt(text, SOURCE)
