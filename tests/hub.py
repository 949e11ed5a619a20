"""A hub on this machine: huggingface_hub's own client talks to it as it talks to the real one.

    with HubServer() as hub:
        hub.add_model("bigcode/starcoder", folder, gated="auto")
        hub.add_account("hf_alice", "alice", granted={"bigcode/starcoder"})
        with running_app(environment=hub.environment(home, token="hf_alice")) as app: ...

Routes, headers and error bodies are those that huggingface_hub 2.4.0 sends requests to and parses;
comments name the lines (paths are relative to its package). Texts of refusals are the hub's own,
as its users quote them. Large files come from a second host, as the hub's do, and that host must
never see a token. Nothing sleeps: a stalled answer waits for an event, a slow one for the clock.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar, Literal
from urllib.parse import quote, unquote, urlsplit

from tests.hub_repos import Account, Kind, Repo

CHUNK_BYTES = 16_384
PACE_SECONDS = 0.05
# Files that the hub hands out to those that it has not let in, too.
OPEN_FILES = ("README.md", ".gitattributes")


@dataclass(frozen=True)
class Request:
    """One request that arrived. `host` is "cdn" for the second host; `status` what it got."""

    method: str
    path: str
    had_token: bool
    host: Literal["hub", "cdn"]
    byte_range: str | None
    status: int
    query: str = ""


@dataclass
class Answer:
    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    file: Path | None = None


@dataclass
class Stall:
    """A file's body that stops after some bytes until `release` is called."""

    after: int
    reached: threading.Event = field(default_factory=threading.Event)
    _released: threading.Event = field(default_factory=threading.Event)

    def release(self) -> None:
        self._released.set()

    def wait(self) -> None:
        self.reached.set()
        self._released.wait()


@dataclass
class _Fault:
    """What goes wrong with requests whose path holds `part`; `times` None is for good."""

    part: str
    times: int | None = None
    answer: Answer | None = None
    cut_after: int | None = None
    stall: Stall | None = None
    bytes_per_second: float | None = None
    action: Callable[[], None] | None = None

    def take(self, path: str) -> bool:
        if self.part not in path or self.times == 0:
            return False
        if self.times is not None:
            self.times -= 1
        return True


class HubServer:
    """A context manager; serves on 127.0.0.1 between its start and its end.

    Args:
        port: of the first host; 0 picks one.

    Attributes:
        requests: those that arrived, in order.
        ignores_ranges: send a file from its start, whatever range was asked for.
    """

    def __init__(self, port: int = 0) -> None:
        self.requests: list[Request] = []
        self.ignores_ranges = False
        self._repos: dict[tuple[Kind, str], Repo] = {}
        self._accounts: dict[str, Account] = {}
        self._faults: list[_Fault] = []
        self._lock = threading.Lock()
        self._servers = [_Server(self, "hub", port), _Server(self, "cdn")]

    def __enter__(self) -> HubServer:
        for server in self._servers:
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.heal()
        for server in self._servers:
            server.shutdown()
            server.server_close()

    @property
    def url(self) -> str:
        """For HF_ENDPOINT."""
        return self._servers[0].url

    def environment(self, home: Path, token: str | None = None) -> dict[str, str]:
        """For a process that uses this hub: its cache below `home`, and no token but this."""
        return {
            "HF_ENDPOINT": self.url,
            "HF_HOME": str(home),
            "HF_HUB_OFFLINE": "0",
            "HF_TOKEN": token or "",
            "NO_PROXY": "127.0.0.1,localhost",
        }

    def add_model(
        self,
        repo_id: str,
        folder: Path,
        *,
        gated: Literal[False, "auto", "manual"] = False,
        is_private: bool = False,
    ) -> Repo:
        """Serve `folder`; what its README says in front is the model's card (`write_card`)."""
        repo = Repo(repo_id, "model", folder, gated, is_private)
        self._repos["model", repo_id] = repo
        return repo

    def remove_model(self, repo_id: str) -> None:
        del self._repos["model", repo_id]

    def add_dataset(self, repo_id: str, folder: Path) -> Repo:
        repo = Repo(repo_id, "dataset", folder)
        self._repos["dataset", repo_id] = repo
        return repo

    def add_account(
        self,
        token: str,
        name: str,
        *,
        granted: Collection[str] = (),
        pending: Collection[str] = (),
        rejected: Collection[str] = (),
        reads_gated: bool | None = None,
    ) -> None:
        """Know `token`; `reads_gated` makes it fine-grained, with or without that permission."""
        self._accounts[token] = Account(name, granted, pending, rejected, reads_gated)

    def revoke(self, token: str) -> None:
        del self._accounts[token]

    def fail(
        self,
        part: str,
        status: int,
        *,
        code: str | None = None,
        message: str = "",
        headers: Mapping[str, str] | None = None,
        times: int | None = None,
    ) -> None:
        """Answer requests whose path holds `part` with an error, `times` times or for good."""
        answer = _error(status, code, message)
        answer.headers |= headers or {}
        self._faults.append(_Fault(part, times, answer=answer))

    def answer_with(self, part: str, body: bytes, content_type: str = "text/html") -> None:
        """Answer as something that is no hub: a network's sign-in page."""
        answer = Answer(200, {"Content-Type": content_type}, body)
        self._faults.append(_Fault(part, answer=answer))

    def cut(self, part: str, after: int, times: int | None = 1) -> None:
        """Close the connection after so many bytes of a file's body."""
        self._faults.append(_Fault(part, times, cut_after=after))

    def stall(self, part: str, after: int = 0) -> Stall:
        """Stop once after so many bytes of a file's body, until released."""
        stall = Stall(after)
        self._faults.append(_Fault(part, 1, stall=stall))
        return stall

    def throttle(self, part: str, bytes_per_second: float) -> None:
        """Send bodies slowly, for people and browsers that watch."""
        self._faults.append(_Fault(part, bytes_per_second=bytes_per_second))

    def after(self, part: str, action: Callable[[], None]) -> None:
        """Call `action` once, after the first answer to a request whose path holds `part`."""
        self._faults.append(_Fault(part, 1, action=action))

    def heal(self) -> None:
        """Forget every fault that was ordered, and release what is stalled."""
        with self._lock:
            for fault in self._faults:
                if fault.stall:
                    fault.stall.release()
            self._faults.clear()

    def requested(self, part: str, method: str = "GET") -> list[Request]:
        return [r for r in self.requests if part in r.path and r.method == method]

    # What follows answers requests, on the servers' threads.

    def faults_of(self, path: str, kind: str) -> Iterator[Any]:
        """Those ordered for `path` that have a `kind`, each counted as used."""
        with self._lock:
            for fault in self._faults:
                wanted = getattr(fault, kind)
                if wanted is not None and fault.take(path):
                    yield wanted

    def record(self, request: Request) -> None:
        with self._lock:
            self.requests.append(request)

    def answer(self, path: str, query: str, token: str | None, host: str) -> Answer:
        if ordered := next(self.faults_of(path, "answer"), None):
            return Answer(ordered.status, dict(ordered.headers), ordered.body)
        if host == "cdn":
            return self._answer_from_cdn(path, token)
        # utils/_detect_agent.py:197: asked once per process, before the first request.
        if path == "/api/agent-harnesses":
            return _json({"standardEnvVars": [], "harnesses": {}})
        account = self._accounts.get(token) if token else None
        if token and account is None:
            # utils/_http.py:935 looks for this very text.
            return _error(401, None, "Invalid credentials in Authorization header")
        if path == "/api/whoami-v2":  # hf_api.py:2262
            return _json(account.as_whoami()) if account else _anonymous()
        if match := re.fullmatch(r"/api/(model|dataset)s/([^/]+/[^/]+)(?:/(.+))?", path):
            kind, repo_id, rest = match.groups()
            return self._answer_api(kind, repo_id, rest or "", query, account)
        # file_download.py:286-292, constants.py:70
        if match := re.fullmatch(r"/(datasets/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            dataset, repo_id, revision, name = match.groups()
            kind = "dataset" if dataset else "model"
            return self._answer_file(kind, repo_id, revision, name, account)
        return _error(404, None, "Sorry, we can't find the page you are looking for.")

    def _answer_api(
        self, kind: Kind, repo_id: str, rest: str, query: str, account: Account | None
    ) -> Answer:
        repo = self._repos.get((kind, repo_id))
        if repo is None or _is_hidden(repo, account):
            return _unknown_repo(account)
        action, _, revision = rest.partition("/")
        if action == "auth-check":  # hf_api.py:12116
            return _refusal(repo, account) or Answer(200, {"Content-Type": "text/plain"}, b"OK")
        # hf_api.py:3203 and :3205 (models), :3274 and :3276 (datasets); "blobs" at :3211 and :3280
        if action in ("", "revision"):
            if not repo.has_revision(revision or "main"):
                return _error(404, "RevisionNotFound", f"Invalid rev id: {revision}")
            return _json(repo.as_info(with_blobs="blobs=" in query))
        if (
            action == "tree"
        ):  # hf_api.py:4023; one page, so no Link header (utils/_pagination.py:69)
            if not repo.has_revision(revision):
                return _error(404, "RevisionNotFound", f"Invalid rev id: {revision}")
            return _json([file.as_tree_entry(name) for name, file in repo.files.items()])
        return _error(404, None, "Not Found")

    def _answer_file(
        self, kind: Kind, repo_id: str, revision: str, name: str, account: Account | None
    ) -> Answer:
        repo = self._repos.get((kind, repo_id))
        if repo is None or _is_hidden(repo, account):
            return _unknown_repo(account)
        if name not in OPEN_FILES and (refused := _refusal(repo, account)):
            return refused
        if not repo.has_revision(revision):
            return _error(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        # file_download.py:1677: answers about a file name the commit, "not found" too (:1774).
        headers = {"X-Repo-Commit": repo.commit}
        file = repo.files.get(name)
        if file is None:
            missing = _error(404, "EntryNotFound", "Entry not found")
            missing.headers |= headers
            return missing
        if not file.is_large:  # file_download.py:1680 and :1687
            return Answer(200, headers | {"ETag": f'"{file.etag}"'}, file=file.path)
        # A redirect to another host is not followed by HEAD: the metadata is read from this answer
        # (utils/_http.py:776-780), size and ETag from the headers for the linked file
        # (file_download.py:1680, :1686), the address from Location (:1684).
        linked = {
            "X-Linked-Size": str(file.size),
            "X-Linked-Etag": f'"{file.etag}"',
            "Location": f"{self._servers[1].url}/{file.sha256}/{quote(name)}",
        }
        return Answer(302, headers | linked)

    def _answer_from_cdn(self, path: str, token: str | None) -> Answer:
        if token:
            # Signed addresses refuse a second way to authenticate, and a token must not get here.
            return _error(400, None, "Only one auth mechanism allowed")
        _, sha256, name = path.split("/", 2)
        for repo in self._repos.values():
            file = repo.files.get(name)
            if file is not None and file.sha256 == sha256:
                return Answer(200, {"ETag": f'"{sha256}"'}, file=file.path)
        return _error(403, None, "")


def _refusal(repo: Repo, account: Account | None) -> Answer | None:
    """Why a gated repository's contents are kept from `account`; None where they are not.

    utils/_http.py:888 reads the code; the texts are what the hub's users quote of it.
    """
    if not repo.gated:
        return None
    noun, name = f"{repo.kind} {repo.repo_id}", repo.repo_id
    if account is None:
        return _error(
            401,
            "GatedRepo",
            f"Access to {noun} is restricted. You must have access to it and be authenticated to "
            "access it. Please log in.",
        )
    if account.reads_gated is False:
        # No code: utils/_http.py:961 makes a plain HfHubHTTPError of it.
        return _error(
            403,
            None,
            "Please enable access to public gated repositories in your fine-grained token settings "
            "to view this repository.",
        )
    if name in account.granted:
        return None
    if name in account.pending:
        said = f"Your request to access {noun} is awaiting a review from the repo authors."
    elif name in account.rejected:
        said = f"Your request to access {noun} has been rejected by the repo's authors."
    else:
        said = (
            f"Access to {noun} is restricted and you are not in the authorized list. Visit "
            f"https://huggingface.co/{name} to ask for access."
        )
    return _error(403, "GatedRepo", said)


def _is_hidden(repo: Repo, account: Account | None) -> bool:
    return repo.is_private and (account is None or repo.repo_id not in account.granted)


def _unknown_repo(account: Account | None) -> Answer:
    """The hub tells strangers nothing, not even that there is no such repository.

    utils/_http.py:933 reads the code; :934-937 know the 401 without one, for https only.
    """
    return _error(404, "RepoNotFound", "Repository not found") if account else _anonymous()


def _anonymous() -> Answer:
    return _error(401, None, "Invalid username or password.")


def _error(status: int, code: str | None, message: str) -> Answer:
    """utils/_http.py:871-872 read the headers, :1056-1070 the body."""
    answer = _json({"error": message} if message else {}, status)
    if code:
        answer.headers["X-Error-Code"] = code
    if message:
        answer.headers["X-Error-Message"] = message
    return answer


def _json(value: object, status: int = 200) -> Answer:
    return Answer(status, {"Content-Type": "application/json"}, json.dumps(value).encode())


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, hub: HubServer, host: Literal["hub", "cdn"], port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.hub = hub
        self.host = host

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: a client that goes in the middle of an answer is what tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version: ClassVar[str] = "HTTP/1.1"
    server: _Server

    def do_HEAD(self) -> None:
        self._serve()

    def do_GET(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: `HubServer.requests` has it."""

    def _serve(self) -> None:
        hub = self.server.hub
        address = urlsplit(self.path)
        path = unquote(address.path)
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ") or None
        byte_range = self.headers.get("Range")
        answer = hub.answer(path, address.query, token, self.server.host)
        body, start = self._body(answer, byte_range)
        hub.record(
            Request(
                self.command,
                path,
                token is not None,
                self.server.host,
                byte_range,
                answer.status,
                address.query,
            )
        )
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        if self.command == "GET" and body:
            with suppress(ConnectionError):
                self._send(path, body[start:])
        for action in hub.faults_of(path, "action"):
            action()

    def _body(self, answer: Answer, byte_range: str | None) -> tuple[bytes, int]:
        """The whole body and where to begin; a range (utils/_http.py:1196) makes it a 206."""
        if answer.file is None:
            return answer.body, 0
        body = answer.file.read_bytes()
        answer.headers["Accept-Ranges"] = "bytes"
        match = re.fullmatch(r"bytes=(\d+)-", byte_range or "")
        if not match or self.server.hub.ignores_ranges:
            return body, 0
        start = int(match[1])
        answer.status = 206
        answer.headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
        return body, start

    def _send(self, path: str, body: bytes) -> None:
        hub = self.server.hub
        cut_after = next(hub.faults_of(path, "cut_after"), None)
        stall: Stall | None = next(hub.faults_of(path, "stall"), None)
        speed = next(hub.faults_of(path, "bytes_per_second"), None)
        if cut_after is not None:
            self.wfile.write(body[:cut_after])
            self.close_connection = True
            return
        if stall is not None:
            self.wfile.write(body[: stall.after])
            stall.wait()
            body = body[stall.after :]
        step = CHUNK_BYTES if speed is None else max(1, int(speed * PACE_SECONDS))
        pace = threading.Event()
        for start in range(0, len(body), step):
            self.wfile.write(body[start : start + step])
            if speed is not None:
                pace.wait(PACE_SECONDS)
