"""Good requests made bad, the same ones for the same seed."""

from __future__ import annotations

import copy
import json
import random
from dataclasses import dataclass, field
from typing import Any

from tests.api.route_bodies import GENERATING

ODD_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, -(2**64), 10**400, 0.0, -0.5, 1e308, 1e-320,
    float("nan"), float("inf"), "", " ", "\x00", "\ud800", "é" * 50, "\U0001f600", "<fim_prefix>",
    "<|endoftext|>", "x" * 3000, "1", "null", [], [None], [[]], [""], ["a", 1], [-1], [10**9],
    [[1, 2], [3]], [0] * 300, {}, {"": None}, {"a": {"b": []}}, {"role": "user"}, [{"role": "x"}],
)  # fmt: skip
ODD_KEYS = (
    "model", "stream", "n", "stop", "seed", "suffix", "logprobs", "echo", "temperature", "top_p",
    "max_tokens", "parameters", "options", "messages", "prompt", "inputs", "input_extra", "tools",
    "response_format", "grammar", "json_schema", "truncate", "details", "n_probs", "format",
    "context", "images", "raw", "segments", "stream_options", "best_of", "logit_bias", "typical_p",
    "watermark", "top_n_tokens", "return_full_text", "", "__class__", "a.b", "\x00", "é",
)  # fmt: skip
ODD_TYPES = ("text/plain", "application/json; charset=latin-1", "multipart/form-data", "a/b;;;", "")
ODD_METHODS = ("GET", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS")
ODD_HEADERS = (
    ("accept", "image/png"), ("authorization", "Bearer \xff"), ("x-request-id", "a\tb"),
    ("origin", "null"), ("accept-encoding", "zip;q=nan"), ("range", "bytes=9-"),
    ("content-encoding", "gzip"), ("x-forwarded-for", "<script>"), ("if-none-match", "*"),
)  # fmt: skip


@dataclass
class Mutant:
    """A request to send as it is."""

    method: str
    path: str
    content: bytes
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)


class Mutator:
    """Makes one request after the other from the good bodies of every route.

    Args:
        bodies: by path; more than those of the generating routes.
    """

    def __init__(self, seed: int, bodies: dict[str, list[Any]]) -> None:
        self._dice = random.Random(seed)
        good: list[tuple[str, Any]] = [
            (route.path, route.body("def f(x):", 8)) for route in GENERATING
        ]
        good += [(path, body) for path, of_path in bodies.items() for body in of_path]
        self._good = good

    def next(self) -> Mutant:
        dice = self._dice
        path, good = dice.choice(self._good)
        body = copy.deepcopy(good)
        for _ in range(dice.choice([1, 1, 1, 2, 3])):
            body = self._changed(body)
        content = json.dumps(body, ensure_ascii=dice.random() < 0.5).encode(
            "utf-8", "surrogatepass"
        )
        mutant = Mutant("POST", path, content, [(b"content-type", b"application/json")])
        match dice.randrange(20):
            case 0:
                self._break_bytes(mutant)
            case 1:
                mutant.headers = [(b"content-type", dice.choice(ODD_TYPES).encode())]
            case 2:
                mutant.method = dice.choice(ODD_METHODS)
            case 3:
                name, value = dice.choice(ODD_HEADERS)
                mutant.headers.append((name.encode(), value.encode("latin-1")))
            case 4:
                mutant.path += dice.choice(["?stream=1", "/", "%00", "?a[]=%ff", "/..", "//x"])
            case _:
                pass
        return mutant

    def _changed(self, body: Any) -> Any:
        """`body` with one thing in it that is not as it was."""
        dice = self._dice
        spots = list(_spots(body))
        if not spots or dice.random() < 0.03:
            return copy.deepcopy(dice.choice(ODD_VALUES))
        holder, key = dice.choice(spots)
        match dice.randrange(5):
            case 0:
                del holder[key]
            case 1 if isinstance(holder, dict):
                holder[dice.choice(ODD_KEYS)] = copy.deepcopy(dice.choice(ODD_VALUES))
            case 2:
                holder[key] = [holder[key]] * dice.choice([1, 2, 40])
            case _:
                holder[key] = copy.deepcopy(dice.choice(ODD_VALUES))
        return body

    def _break_bytes(self, mutant: Mutant) -> None:
        dice, content = self._dice, bytearray(mutant.content)
        match dice.randrange(4):
            case 0:
                content = content[: dice.randrange(len(content))]
            case 1:
                content[dice.randrange(len(content))] = dice.randrange(256)
            case 2:
                content = bytearray(dice.randbytes(dice.randrange(200)))
            case _:
                content = content * 2
        mutant.content = bytes(content)


def _spots(node: Any) -> Any:
    """Each place in it that holds a value: (dict or list, key or index)."""
    if isinstance(node, dict):
        for key in node:
            yield node, key
            yield from _spots(node[key])
    elif isinstance(node, list):
        for index in range(len(node)):
            yield node, index
            yield from _spots(node[index])
