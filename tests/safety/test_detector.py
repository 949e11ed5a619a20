"""The default detector: all kinds in one text, and nothing from elsewhere."""

from __future__ import annotations

import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from safety.detector import PatternDetector

PIECES = st.sampled_from(
    [
        "eva@velomat.io",
        "93.184.216.34",
        "2a01:4f8::7:1",
        "key = '",
        "'",
        "@",
        ".",
        ":",
        "\n",
        " ",
        "-",
    ]
)


def test_all_kinds_are_found_by_place() -> None:
    key = "gh" + "p_" + "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hI6"
    text = f"host 93.184.216.34\nmail eva@velomat.io\ntoken {key}\n"
    spans = PatternDetector().find(text)
    assert [span.kind for span in spans] == ["IP_ADDRESS", "EMAIL", "KEY"]
    assert [text[span.start : span.end] for span in spans] == [span.value for span in spans]


@given(st.lists(st.one_of(PIECES, st.text(max_size=8))).map("".join))
def test_spans_are_of_the_text_in_order_and_apart(text: str) -> None:
    end = 0
    for span in PatternDetector().find(text):
        assert end <= span.start < span.end <= len(text)
        assert text[span.start : span.end] == span.value
        assert 0 < span.confidence <= 1
        end = span.end


def test_neither_the_page_nor_torch_nor_a_network_is_loaded() -> None:
    code = (
        "import socket, sys\n"
        "def refuse(*args): raise AssertionError('a connection')\n"
        "socket.socket.connect = refuse\n"
        "from safety.detector import PatternDetector\n"
        "PatternDetector().find('key = \"aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF\"')\n"
        "loaded = {'torch', 'gradio', 'fastapi', 'transformers'} & set(sys.modules)\n"
        "sys.exit(str(loaded) if loaded else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
