"""What `make bench` says of the HTTP route, without a model."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from benchmarks.http_paths import CompletionsPath, read_events
from benchmarks.measure import Sample, median_ratio, sample_in_turn
from benchmarks.routes import (
    SUFFIX,
    print_paths,
    type_as_editors_spell_it,
    type_at_the_end,
    type_before_a_suffix,
)


def test_events_are_read_and_what_is_none_passed_over() -> None:
    lines = [": beat", "", 'data: {"a": 1}', "data: [DONE]", 'data:{"a": 2}']
    assert list(read_events(iter(lines))) == [{"a": 1}, {"a": 2}]


def test_a_route_is_asked_and_its_own_count_of_tokens_taken() -> None:
    bodies: list[dict[str, Any]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        bodies.append(json.loads(request.content))
        events: list[dict[str, Any]] = [{"choices": [{"text": text}]} for text in ("", "a", "b")]
        events.append({"choices": [], "usage": {"completion_tokens": 7}})
        return httpx.Response(200, text="".join(f"data: {json.dumps(e)}\n\n" for e in events))

    client = httpx.Client(transport=httpx.MockTransport(answer))
    sample = CompletionsPath("http://server", 7, client)(1)
    assert sample.num_tokens == 7
    assert 0 < sample.first <= sample.total
    assert bodies[0]["prompt"].startswith("# 1\n")
    assert (bodies[0]["max_tokens"], bodies[0]["temperature"]) == (7, 0)
    with pytest.raises(RuntimeError, match="ended after 7 tokens"):
        CompletionsPath("http://server", 64, client)(2)


def test_a_refusal_and_an_error_in_the_stream_end_the_measurement() -> None:
    def path(answer: httpx.Response) -> CompletionsPath:
        transport = httpx.MockTransport(lambda request: answer)
        return CompletionsPath("http://server", 7, httpx.Client(transport=transport))

    with pytest.raises(RuntimeError, match="503: still loading"):
        path(httpx.Response(503, text="still loading"))(1)
    with pytest.raises(RuntimeError, match="out of memory"):
        path(httpx.Response(200, text='data: {"error": "out of memory"}\n\n'))(1)


def test_paths_run_in_turn_after_a_warm_up_and_each_prompt_is_new() -> None:
    seen: list[tuple[str, int]] = []

    def path(name: str, seconds: float) -> Sample:
        return Sample(seconds / 2, seconds, 10)

    paths = {
        "a": lambda number: (seen.append(("a", number)), path("a", 1.0))[1],
        "b": lambda number: (seen.append(("b", number)), path("b", 2.0))[1],
    }
    samples = sample_in_turn(paths, 2)
    assert [name for name, _ in seen] == ["a", "b"] * 3
    assert len({number for _, number in seen}) == 6
    assert [len(taken) for taken in samples.values()] == [2, 2]
    assert median_ratio([2.0, 9.0, 4.0], [1.0, 3.0, 1.0]) == 3.0


def test_the_routes_figures_stand_against_each_other_path(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_paths(
        {
            "engine": [Sample(1.0, 4.0, 40)],
            "/v1/completions": [Sample(1.5, 5.0, 40)],
            "other": [Sample(3.0, 10.0, 40)],
        }
    )
    rows = capsys.readouterr().out.splitlines()
    assert rows[2:] == [
        "| engine | 10.0 | 1.000 s | 0.800 | 1.500 |",
        "| /v1/completions | 8.0 | 1.500 s |  |  |",
        "| other | 4.0 | 3.000 s | 2.000 | 0.500 |",
    ]


@pytest.mark.parametrize("keystrokes", [type_at_the_end, type_before_a_suffix])
def test_the_second_keystroke_goes_on_where_the_first_ended(keystrokes) -> None:
    first, second = keystrokes(1)
    assert second["prompt"].startswith(first["prompt"])
    assert second["prompt"] != first["prompt"]
    assert first.get("suffix") == second.get("suffix")


def test_editors_spell_the_suffix_behind_what_is_typed() -> None:
    first, second = (body["prompt"] for body in type_as_editors_spell_it(1))
    for prompt in (first, second):
        assert prompt.startswith("<fim_prefix># 1\n")
        assert prompt.endswith(f"<fim_suffix>{SUFFIX}<fim_middle>")
    assert len(first) < len(second)
