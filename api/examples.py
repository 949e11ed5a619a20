"""Good requests, by path, for the description of routes whose models hold none themselves.

Each is tried by a test. {path: {what it shows: body}}
"""

from __future__ import annotations

from typing import Any

_MESSAGES = [{"role": "user", "content": "What is a list comprehension?"}]
_GAP = {"prefix": "def add(a, b):\n    ", "suffix": "\n\nprint(add(1, 2))\n"}
_START = "def fibonacci(n):\n"

_LLAMACPP_COMPLETION: dict[str, Any] = {
    "Carry on from a prompt": {"prompt": _START, "n_predict": 32, "temperature": 0},
    "As it is written": {"prompt": _START, "n_predict": 32, "stream": True},
}

EXAMPLES: dict[str, dict[str, Any]] = {
    "/infill": {
        "Fill a gap": {
            "input_prefix": "def add(a, b):\n",
            "prompt": "    ",
            "input_suffix": _GAP["suffix"],
            "n_predict": 32,
        },
        "With another file of the repository": {
            "input_extra": [{"filename": "sums.py", "text": "def add(a, b):\n    return a + b\n"}],
            "input_prefix": "from sums import add\n\nprint(",
            "input_suffix": ")\n",
            "n_predict": 16,
            "stream": False,
        },
    },
    "/completion": _LLAMACPP_COMPLETION,
    "/completions": _LLAMACPP_COMPLETION,
    "/tokenize": {
        "llama.cpp's form": {"content": _START, "with_pieces": True},
        "TGI's form": {"inputs": _START},
    },
    "/detokenize": {"Ids of a vocabulary": {"tokens": [100, 101, 102]}},
    "/apply-template": {"A question": {"messages": _MESSAGES}},
    "/api/generate": {
        "Fill a gap": {
            "model": "starcoder",
            "prompt": _GAP["prefix"],
            "suffix": _GAP["suffix"],
            "stream": False,
            "options": {"num_predict": 32, "temperature": 0},
        },
        "Carry on, line by line": {"model": "starcoder", "prompt": _START},
        "As the first editor plug-ins ask": {
            "inputs": _START,
            "parameters": {"max_new_tokens": 32, "temperature": 0.2},
        },
    },
    "/api/chat": {
        "A question": {"model": "starchat", "messages": _MESSAGES, "stream": False},
    },
    "/api/show": {"A model": {"model": "starcoder"}},
}
