from __future__ import annotations

import gradio as gr

from ui.send_code import SentCode, read_sent


def test_one_marker_splits_the_code() -> None:
    assert SentCode("a\n<FILL_HERE>\nb", None).gap == ("a\n", "\nb")


def test_several_markers_stay_to_be_filled_one_by_one() -> None:
    text = "a <FILL_HERE> b <FILL_HERE>"
    assert SentCode(text, None).gap == (text, "")
    assert SentCode("a", None).gap == ("a", "")


def test_what_the_browser_sends_is_code_in_a_language_that_the_page_knows() -> None:
    event = gr.EventData(None, {"text": "  fn f() {}\n", "language": "rs"})
    assert read_sent(event) == SentCode("  fn f() {}\n", "Rust")
    event = gr.EventData(None, {"text": "x", "language": ""})
    assert read_sent(event) == SentCode("x", None)
