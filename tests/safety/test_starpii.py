"""StarPII's spans are at their places in the text, wherever its windows end."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from model.errors import CheckpointError
from model.loading.token_classifier import load_token_classifier
from safety.files import Encoding, read_blocks
from safety.spans import Span
from safety.starpii import OVERLAP, WINDOW, StarPii, load_starpii
from tests.token_classifiers import LABELS, change_config, write_random, write_rigged

# A capital begins an entity and its small letter goes on with it; everything else is outside.
LABEL_OF = {"P": "B-PASSWORD", "p": "I-PASSWORD", "U": "B-USERNAME", "u": "I-USERNAME"}
LABEL_OF |= {"N": "B-NAME", "n": "I-NAME", "Ġ": "I-NAME", "A": "B-AMBIGUOUS", "a": "I-AMBIGUOUS"}
LABEL_OF |= {"X": "B-EMAIL_EXAMPLE", "Ã": "I-USERNAME", "©": "I-USERNAME"}  # é, in two bytes
PASSWORD = "Ppppppp"


@pytest.fixture(scope="module")
def rigged(tmp_path_factory: pytest.TempPathFactory) -> StarPii:
    folder = write_rigged(tmp_path_factory.mktemp("rigged"), LABEL_OF)
    return StarPii(load_token_classifier(folder))


def places(spans: list[Span]) -> list[tuple[int, int, str]]:
    return [(span.start, span.end, span.kind) for span in spans]


def test_entities_at_both_ends_of_a_text_are_found(rigged: StarPii) -> None:
    text = f"{PASSWORD} ... Uuuuu"
    spans = rigged.find(text)
    assert places(spans) == [(0, 7, "PASSWORD"), (12, 17, "USERNAME")]
    assert [span.value for span in spans] == ["Ppppppp", "Uuuuu"]
    assert all(0.99 < span.confidence <= 1 for span in spans)


def test_of_an_empty_text_and_of_white_space_nothing_is_found(rigged: StarPii) -> None:
    assert rigged.find("") == rigged.find(" \r\n\t") == []


def test_line_ends_of_two_characters_do_not_shift_a_place(rigged: StarPii) -> None:
    text = f"x\r\ny\r\n{PASSWORD}\r\nz"
    assert places(rigged.find(text)) == [(6, 13, "PASSWORD")]


def test_characters_of_several_bytes_count_once(rigged: StarPii) -> None:
    text = f"漢字 🙂 {PASSWORD} ñ Uééuu ü"
    spans = rigged.find(text)
    assert [span.value for span in spans] == [PASSWORD, "Uééuu"]
    assert [text[span.start : span.end] for span in spans] == [PASSWORD, "Uééuu"]


def test_half_a_character_does_not_shift_a_place(rigged: StarPii) -> None:
    assert places(rigged.find(f"\ud83d {PASSWORD}")) == [(2, 9, "PASSWORD")]


def test_what_is_ambiguous_or_an_example_is_left_out(rigged: StarPii) -> None:
    assert rigged.find("Aaaaa Xxxxx") == []


def test_a_name_needs_two_words(rigged: StarPii) -> None:
    spans = rigged.find("Nnnn. Nnn nnnn.")
    assert [(span.start, span.value) for span in spans] == [(6, "Nnn nnnn")]


@pytest.mark.parametrize("border", [WINDOW - OVERLAP // 2, WINDOW - OVERLAP, WINDOW, 2 * WINDOW])
def test_what_stands_across_a_windows_end_is_found_once(rigged: StarPii, border: int) -> None:
    for shift in range(-9, 3):
        start = border + shift
        text = "." * start + PASSWORD + "." * 700
        assert places(rigged.find(text)) == [(start, start + 7, "PASSWORD")]


def test_an_entity_longer_than_a_window_is_one_span(rigged: StarPii) -> None:
    text = ".." + "P" + "p" * 3 * WINDOW + ".."
    assert places(rigged.find(text)) == [(2, 3 * WINDOW + 3, "PASSWORD")]


def test_every_entity_in_a_text_of_ten_thousand_tokens_is_found(rigged: StarPii) -> None:
    text = f"{PASSWORD}...Uuuuu...." * 556
    assert len(text) > 10_000
    expected = [
        place
        for start in range(0, len(text), 19)
        for place in ((start, start + 7, "PASSWORD"), (start + 10, start + 15, "USERNAME"))
    ]
    assert places(rigged.find(text)) == expected


def test_labels_are_read_from_the_config(rigged: StarPii, tmp_path: Path) -> None:
    folder = write_rigged(tmp_path, LABEL_OF, labels=LABELS[::-1])
    permuted = StarPii(load_token_classifier(folder))
    text = f"x {PASSWORD} Uuuuu Aaaaa" * 40
    assert permuted.find(text) == rigged.find(text) != []


def test_a_model_with_a_short_window_is_asked_in_short_windows(tmp_path: Path) -> None:
    short = StarPii(load_token_classifier(write_rigged(tmp_path, LABEL_OF, positions=32)))
    text = f"{PASSWORD}..." * 50
    assert [span.start for span in short.find(text)] == list(range(0, 500, 10))


def test_a_batch_holds_few_windows_however_long_the_text(
    rigged: StarPii, monkeypatch: pytest.MonkeyPatch
) -> None:
    classifier = rigged._classifier
    sizes: list[tuple[int, int]] = []
    classify: Callable[..., list[list[tuple[int, float]]]] = classifier.classify

    def watch(windows: list[list[int]]) -> list[list[tuple[int, float]]]:
        sizes.append((len(windows), max(map(len, windows))))
        return classify(windows)

    monkeypatch.setattr(classifier, "classify", watch)
    rigged.find("." * 20_000)
    assert max(sizes) <= (8, WINDOW)
    assert sum(count for count, _ in sizes) == 52, "20,000 / (512 - 128), rounded up, less one"


def test_the_blocks_of_a_file_have_the_spans_of_the_whole(rigged: StarPii, tmp_path: Path) -> None:
    text = f"é\r\n{PASSWORD} Uuuuu\r\n" * 1500
    (tmp_path / "file").write_bytes(text.encode())
    blocks = list(read_blocks(tmp_path / "file", Encoding("utf-8"), rigged, size=20_000))
    assert len(blocks) > 1
    found = [(one.line, one.column, one.span.kind) for block in blocks for one in block.findings]
    assert found == [
        place
        for line in range(2, 3001, 2)
        for place in ((line, 1, "PASSWORD"), (line, 9, "USERNAME"))
    ]


def test_a_random_model_gives_spans_of_the_text_in_order_and_apart(tmp_path: Path) -> None:
    detector = load_starpii(str(write_random(tmp_path)), "cpu", lambda stage: None)
    text = "const token = 'aB3d'; // Eva Berg <eva@velomat.io> ñ 漢\r\n" * 60
    spans = detector.find(text)
    assert spans, "a random model labels something"
    end = 0
    for span in spans:
        assert end <= span.start < span.end <= len(text)
        assert text[span.start : span.end] == span.value == span.value.strip()
        assert 0 < span.confidence <= 1
        end = span.end
    assert detector.find(text) == spans


def test_a_model_whose_labels_name_no_kind_is_refused(tmp_path: Path) -> None:
    write_random(tmp_path)
    change_config(tmp_path, id2label={str(n): f"LABEL_{n}" for n in range(len(LABELS))})
    with pytest.raises(CheckpointError, match="no kind of personal data"):
        load_starpii(str(tmp_path), "cpu", lambda stage: None)


def test_the_time_grows_with_the_text_and_not_faster(rigged: StarPii) -> None:
    def seconds(text: str) -> float:
        start = time.process_time()
        rigged.find(text)
        return time.process_time() - start

    rigged.find("." * 1000)
    short = min(seconds(f"{PASSWORD}..." * 300) for _ in range(3))
    long = min(seconds(f"{PASSWORD}..." * 2400) for _ in range(3))
    assert long < 3 * 8 * short
