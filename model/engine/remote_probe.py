"""Whether a remote server answers, and which models it has: `GET /v1/models`."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

import httpx2

from model.engine.base import LoadProgress, ReportProgress
from model.engine.generation import Slot
from model.engine.remote_dialect import is_playground
from model.errors import (
    RemoteAnswerError,
    RemoteBusyError,
    RemoteError,
    RemoteModelError,
    RemoteUnreachableError,
)
from model.remote_chunks import MAX_ERROR_BYTES, message_of
from model.remote_errors import error_of_failure, error_of_status
from model.remote_host import RemoteHost

logger = logging.getLogger(__name__)

TIMEOUT_SECONDS = 10.0
AGAIN_SECONDS = 1.0
BEAT_SECONDS = 0.2
# A single probe may be lost where the server is busy.
MAX_MISSED = 2
MAX_LIST_BYTES = 4 * 1024**2

Row = Mapping[str, Any]


def ask_models(host: RemoteHost) -> list[Row] | None:
    """The rows of the server's list; None from a server that has no such list. Blocks.

    Raises:
        RemoteError: it does not answer, does not accept the key, or fails.
    """
    try:
        with (
            httpx2.Client(timeout=TIMEOUT_SECONDS, follow_redirects=False) as client,
            client.stream("GET", host.address("models"), headers=host.headers) as response,
        ):
            is_ok = response.status_code == httpx2.codes.OK
            body = _read(response, MAX_LIST_BYTES if is_ok else MAX_ERROR_BYTES)
    except httpx2.HTTPError as error:
        raise error_of_failure(error, host, TIMEOUT_SECONDS) from error
    if response.status_code in (404, 405):
        return None
    if not is_ok:
        raise error_of_status(response.status_code, host, host.told(message_of(body)))
    try:
        rows = json.loads(body)["data"]
        return [row for row in rows if isinstance(row, dict)]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise RemoteAnswerError(
            f"{host.name} answered with something that is no list of models.",
            f"Whoever runs this page can check {host.settings}_URL.",
        ) from None


def ask_llamacpp_context(host: RemoteHost) -> int | None:
    """Positions of each of llama.cpp's slots, which its list of models does not tell
    (tools/server/README.md, `GET /props`). None where it does not say. Blocks."""
    try:
        return int(_ask_root(host, "props")["default_generation_settings"]["n_ctx"]) or None
    except (ValueError, KeyError, TypeError):
        return None


def wait_for_model(
    host: RemoteHost, name: str, slot: Slot, report: ReportProgress
) -> tuple[Row, list[Row]]:
    """What the server's list tells of a model, and the list.

    A server that may still be starting is waited for, for as long as `report` does not end it by
    raising.

    Raises:
        RemoteError: what waiting does not mend.
    """
    stage = f"asking {host.name} for its models"
    while True:
        report(LoadProgress(stage))
        try:
            rows = ask_models(host)
            if rows is None or not (rows or _is_playground_without_models(host)):
                return {}, []
            row = find_row(rows, name, slot)
            if row is not None:
                return row, rows
            stage = f"waiting: {host.name} lists no model yet."
        except (RemoteUnreachableError, RemoteBusyError, RemoteAnswerError) as error:
            stage = f"waiting: {error.message}"
        end = time.monotonic() + AGAIN_SECONDS
        while time.monotonic() < end:
            report(LoadProgress(stage))
            time.sleep(BEAT_SECONDS)


def find_row(rows: Sequence[Row], name: str, slot: Slot) -> Row | None:
    """What the list tells of the model `name`; {} where it tells nothing, None where the model is
    still to come.

    A list of one model is that one's, whatever it is called: many servers look at no name. This
    app goes by several names, and lists a model once it is loaded, with what it can do.
    """
    named = next((row for row in rows if row.get("id") == name), None)
    if named is not None or not rows:
        return named
    if is_playground(rows[0]):
        task = "chat" if slot == "chat" else "completion"
        return next((row for row in rows if row["capabilities"].get(task)), None)
    return rows[0] if len(rows) == 1 else {"owned_by": rows[0].get("owned_by")}


def check_name(rows: Sequence[Row], name: str, host: RemoteHost) -> None:
    """
    Raises:
        RemoteModelError: the server has models, and none of that name.
    """
    names = [str(row.get("id")) for row in rows]
    if names and name not in names:
        raise RemoteModelError(
            f"{host.name} has no model {name}. It has: {', '.join(names[:8])}.",
            f"Whoever runs this page can set {host.settings}_MODEL.",
        )


def _is_playground_without_models(host: RemoteHost) -> bool:
    """Whether a server that lists no model is this app, which does until they are loaded.
    `transformers serve` lists none that it has by its folder, and serves it all the same."""
    return _ask_root(host, "ready").keys() == {"base", "chat"}


def _ask_root(host: RemoteHost, path: str) -> dict[str, Any]:
    """What a route beside `/v1` says, whatever its status; {} where that is no object."""
    address = f"{host.url.rstrip('/').removesuffix('/v1')}/{path}"
    try:
        with (
            httpx2.Client(timeout=TIMEOUT_SECONDS, follow_redirects=False) as client,
            client.stream("GET", address, headers=host.headers) as response,
        ):
            answer = json.loads(_read(response, MAX_LIST_BYTES))
    except (httpx2.HTTPError, ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


class Probe:
    """Asks a server now and then whether it is there, on a thread of its own."""

    def __init__(self, host: RemoteHost, seconds: float) -> None:
        self._host = host
        self._seconds = seconds
        self._num_missed = 0
        self._error: RemoteError | None = None
        self._is_closed = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def error(self) -> str | None:
        """Why the server cannot be asked; None while it can."""
        return self._error.message if self._error and self._num_missed >= MAX_MISSED else None

    @property
    def _pause(self) -> float:
        return min(self._seconds, AGAIN_SECONDS) if self._num_missed == 1 else self._seconds

    def start(self) -> None:
        """Begin; a second call changes nothing."""
        if self._thread is None:
            # A daemon: it may sit in a read when the interpreter ends.
            self._thread = threading.Thread(target=self._work, name="remote-probe", daemon=True)
            self._thread.start()

    def close(self) -> None:
        self._is_closed.set()

    def _work(self) -> None:
        while not self._is_closed.wait(self._pause):
            was = self.error
            try:
                ask_models(self._host)
                self._num_missed, self._error = 0, None
            except RemoteBusyError:
                self._num_missed, self._error = 0, None  # it answers
            except RemoteError as error:
                self._miss(error)
            except Exception:  # a thread's border: without it, health would tell of the last probe
                logger.exception("the probe of the model's server failed")
                self._miss(RemoteUnreachableError("The model's server cannot be asked."))
            if self.error != was:
                logger.warning("the model's server: %s", self.error or "it answers again")

    def _miss(self, error: RemoteError) -> None:
        self._error = error.with_traceback(None)
        self._num_missed += 1


def _read(response: httpx2.Response, most: int) -> bytes:
    body = b""
    for piece in response.iter_bytes():
        body += piece
        if len(body) > most:
            break
    return body
