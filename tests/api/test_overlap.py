"""Attribution for llm-vscode: from an index, or a reason where there is none."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

from safety.attribution.portraits import Portraits
from tests.api.clients import api_client
from tests.safety.attribution.corpora import build, write_corpus


async def test_a_server_that_cannot_look_does_not_say_that_nothing_was_found() -> None:
    async with api_client() as client:
        response = await client.post("/overlap", json={"document": "def f():"})
    assert response.status_code == 501
    assert "spans" not in response.json()
    assert "llm.attributionEndpoint" in response.json()["detail"]


async def test_a_question_without_a_document_is_refused() -> None:
    async with api_client() as client:
        response = await client.post("/overlap", json={})
    assert response.status_code == 422
    assert response.json()["detail"].startswith("document: ")


async def test_what_stands_in_the_index_is_told_in_characters(tmp_path: Path) -> None:
    (text,) = write_corpus(tmp_path / "code", 1)
    index = build(tmp_path / "code", tmp_path / "index")
    copied = text[:400]
    document = f"é😀\n{copied}"
    async with api_client(corpus=index) as client:
        answer = (await client.post("/overlap", json={"document": document})).json()
        nothing = (await client.post("/overlap", json={"document": "def f():"})).json()
    ((start, end),) = answer["spans"]
    assert 3 <= start <= 13
    assert document[start:end] in copied
    assert nothing == {"spans": []}


async def test_looking_up_holds_up_no_other_request() -> None:
    corpus = SlowCorpus()
    async with api_client(corpus=corpus) as client:
        asked = asyncio.create_task(client.post("/overlap", json={"document": "x"}))
        await asyncio.to_thread(corpus.is_asked.wait, 10)
        assert (await client.get("/health")).status_code == 200
        assert not asked.done()
        corpus.may_answer.set()
        assert (await asked).json() == {"spans": [[0, 1]]}


async def test_both_answers_are_described() -> None:
    async with api_client() as client:
        described = (await client.get("/openapi.json")).json()
    responses = described["paths"]["/overlap"]["post"]["responses"]
    assert {"200", "501"} <= responses.keys()
    schema = responses["200"]["content"]["application/json"]["schema"]["$ref"]
    properties = described["components"]["schemas"][schema.rpartition("/")[2]]["properties"]
    assert properties["spans"]["type"] == "array"


async def test_a_corpus_elsewhere_that_cannot_be_asked_is_a_503_that_says_so() -> None:
    async with api_client(corpus=Portraits("http://127.0.0.1:1/overlap")) as client:
        response = await client.post("/overlap", json={"document": "def f():"})
        described = (await client.get("/openapi.json")).json()
    assert response.status_code == 503
    assert response.json()["detail"] == "The attribution server gives no answer."
    assert "503" in described["paths"]["/overlap"]["post"]["responses"]


class SlowCorpus:
    """Answers once it may."""

    def __init__(self) -> None:
        self.is_asked, self.may_answer = threading.Event(), threading.Event()

    def find(self, text: str) -> list[tuple[int, int]]:
        self.is_asked.set()
        assert self.may_answer.wait(10)
        return [(0, len(text))]
