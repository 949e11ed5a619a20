"""One generation, as the browser keeps it in a tab's history."""

from __future__ import annotations

import json
from uuid import uuid4

from ui.work import Work

# What the list shows and searches of a text; the whole of it is in the work.
MAX_CHARS = 500


def build_entry(work: Work, generated: str, num_tokens: int, why: str, model: str) -> str:
    """The entry as JSON, for the page's script, which adds the time.

    {"id", "tab", "text": the head of what was generated, "tokens", "why", "model", "work": as JSON}

    Args:
        work: the tab's, with what was generated.
        why: the generation ended, in words.
    """
    entry = {
        "id": uuid4().hex,
        "tab": work.tab,
        "text": generated.strip()[:MAX_CHARS],
        "tokens": num_tokens,
        "why": why,
        "model": model,
        "work": work.to_json(),
    }
    return json.dumps(entry, ensure_ascii=False)
