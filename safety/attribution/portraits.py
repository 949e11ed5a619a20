"""A corpus that a server elsewhere looks texts up in, such as The Stack's public Data Portraits.

The form is that of https://stack.dataportraits.org as llm-vscode calls it
(huggingface/llm-vscode:src/extension.ts): POST {"document"} → {"spans": [[start, end], ...]}, in
characters. What is looked up goes there.
"""

from __future__ import annotations

from typing import Any

import httpx2

from safety.attribution.index import AttributionError, Place, join

TIMEOUT_SECONDS = 20.0
MAX_CHARS = 100_000


class Portraits:
    """
    Args:
        url: the end point's whole address.
        timeout: seconds to wait for each part of an answer.
    """

    def __init__(self, url: str, *, timeout: float = TIMEOUT_SECONDS) -> None:
        self._url = url
        self._timeout = timeout

    def find(self, text: str) -> list[Place]:
        """The places of `text` that stand in the corpus, in order; no two touch.

        Raises:
            AttributionError: the text is longer than `MAX_CHARS`, or the server gives no answer
                that can be read.
        """
        if len(text) > MAX_CHARS:
            raise AttributionError(f"More than {MAX_CHARS:,} characters: ask for a part of them")
        try:
            response = httpx2.post(self._url, json={"document": text}, timeout=self._timeout)
            response.raise_for_status()
            return join(_read_places(response.json(), len(text)))
        except httpx2.HTTPStatusError as error:
            status = error.response.status_code
            raise AttributionError(f"The attribution server answers with status {status}") from None
        except httpx2.HTTPError:
            raise AttributionError("The attribution server gives no answer") from None
        except ValueError:
            raise AttributionError("The attribution server's answer cannot be read") from None


def _read_places(answer: Any, num_chars: int) -> list[Place]:
    """
    Raises:
        ValueError: these are no places of a text that long.
    """
    try:
        places = [(start, end) for start, end in answer["spans"]]
    except (TypeError, KeyError):
        raise ValueError("no spans") from None
    for start, end in places:
        are_counts = type(start) is type(end) is int
        if not are_counts or not 0 <= start <= end <= num_chars:
            raise ValueError("no places of this text")
    return places
