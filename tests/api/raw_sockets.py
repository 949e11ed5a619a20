"""Clients that do not behave: bare sockets against a real server."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

SECONDS = 20.0


class RawClient:
    """One connection, with nothing between a test and the bytes.

    Args:
        url: "http://127.0.0.1:7860".
        receive_buffer: bytes that the kernel takes for a client that does not read; None for its
            own choice.
    """

    def __init__(self, url: str, receive_buffer: int | None = None) -> None:
        parts = urlsplit(url)
        self.host = parts.netloc
        self.socket = socket.socket()
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(SECONDS)
        self.socket.connect((parts.hostname, parts.port))

    def __enter__(self) -> RawClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def post(self, path: str, body: Any, headers: Mapping[str, str] | None = None) -> None:
        """Send a whole request; `body` as JSON, or as it is where it is bytes."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_head("POST", path, {"Content-Length": str(len(content)), **(headers or {})})
        self.socket.sendall(content)

    def send_head(self, method: str, path: str, headers: Mapping[str, str]) -> None:
        lines = [
            f"{method} {path} HTTP/1.1",
            f"Host: {self.host}",
            "Content-Type: application/json",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode())

    def read_until(self, *ends: bytes) -> bytes:
        """What comes up to one of `ends`, or all of it where the server hangs up."""
        received = b""
        while not any(end in received for end in ends):
            chunk = self.socket.recv(65536)
            if not chunk:
                break
            received += chunk
        return received

    def hang_up(self) -> None:
        """At once, with a reset."""
        self.socket.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00"
        )
        self.socket.close()


def wait_for(is_so: Callable[[], bool], seconds: float = SECONDS) -> float:
    """Wait until `is_so()`; the seconds it took."""
    started = time.monotonic()
    while not is_so():
        assert time.monotonic() - started < seconds, "it did not come about"
        time.sleep(0.005)
    return time.monotonic() - started
