"""Which file a match is of: remembered beside the index, where that was asked for."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from safety.attribution.__main__ import main
from safety.attribution.building import Builder, Plan
from safety.attribution.index import AttributionError, Facts, load_index
from safety.attribution.sources import Source, Sources, sources_path
from tests.safety.attribution.corpora import build, write_code, write_corpus
from tests.safety.attribution.test_building import stop_after
from tests.safety.attribution.test_licenses import MIT


@pytest.fixture
def texts(tmp_path: Path) -> list[str]:
    texts = write_corpus(tmp_path / "code", 8)
    (tmp_path / "code" / "LICENSE").write_text(MIT)
    return texts


def plan_of(tmp_path: Path) -> Plan:
    return Plan((tmp_path / "code",), tmp_path / "index", 1e-6, has_sources=True)


def test_every_fifty_characters_are_traced_to_their_file(tmp_path: Path, texts: list[str]) -> None:
    index = Builder(plan_of(tmp_path)).build()
    rng = random.Random(1)
    with Sources(sources_path(tmp_path / "index")) as sources:
        sources.check(index.facts)
        for number, text in enumerate(texts):
            words = " ".join(text.split())
            start = rng.randrange(len(words) - 200)
            asked = f"{write_code(rng, 20)}\n{words[start : start + 60]}\n{write_code(rng, 20)}"
            ((first, last),) = index.find(asked)
            path = (tmp_path / "code" / f"{number:04}.py").resolve()
            assert sources.find(asked[first:last]) == Source(str(path), "MIT")


def test_code_that_several_files_have_is_of_the_first(tmp_path: Path, texts: list[str]) -> None:
    (tmp_path / "code" / "copy.py").write_text(texts[3])
    Builder(plan_of(tmp_path)).build()
    with Sources(sources_path(tmp_path / "index")) as sources:
        found = sources.find(texts[3])
    assert found is not None
    assert Path(found.path).name == "0003.py"


def test_of_a_long_match_some_fingerprints_will_do(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    text = write_code(random.Random(2), 6000)
    (tmp_path / "code" / "long.py").write_bytes(text.encode())
    Builder(plan_of(tmp_path)).build()
    with Sources(sources_path(tmp_path / "index")) as sources:
        found = sources.find(text)
        assert found == Source(str((tmp_path / "code" / "long.py").resolve()), "")
        assert str(found).endswith("long.py (licence unknown)")
        assert sources.find("nothing of the kind " * 20) is None


def test_one_that_was_interrupted_or_killed_has_all_of_them(
    tmp_path: Path, texts: list[str]
) -> None:
    plan = plan_of(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        Builder(plan, stop_after(3)).build()

    def die(facts: Facts) -> None:
        if facts.num_seen == 7:
            raise SystemExit

    with pytest.raises(SystemExit):
        Builder(plan, die).build(save_seconds=0)
    index = Builder(plan).build()
    assert not sources_path(plan.part).exists()
    with Sources(sources_path(plan.out)) as sources:
        sources.check(index.facts)
        assert all(sources.find(text) for text in texts)


@pytest.mark.parametrize("has_sources", [True, False])
def test_what_was_begun_otherwise_is_not_gone_on_with(
    tmp_path: Path, texts: list[str], has_sources: bool
) -> None:
    folders, out = (tmp_path / "code",), tmp_path / "index"
    with pytest.raises(KeyboardInterrupt):
        Builder(Plan(folders, out, 1e-6, has_sources), stop_after(3)).build()
    with pytest.raises(AttributionError, match="begun with other folders, files or settings"):
        Builder(Plan(folders, out, 1e-6, not has_sources))


def test_an_index_built_anew_without_them_leaves_none(tmp_path: Path, texts: list[str]) -> None:
    Builder(plan_of(tmp_path)).build()
    build(tmp_path / "code", tmp_path / "index")
    assert not sources_path(tmp_path / "index").exists()


@pytest.mark.parametrize(
    ("content", "words"), [(b"", "another version"), (b"no table " * 999, "is damaged")]
)
def test_a_broken_table_is_told(
    tmp_path: Path, texts: list[str], content: bytes, words: str
) -> None:
    Builder(plan_of(tmp_path)).build()
    path = sources_path(tmp_path / "index")
    path.write_bytes(content)
    with pytest.raises(AttributionError, match=words), Sources(path) as sources:
        sources.check(load_index(tmp_path / "index").facts)


def test_the_table_of_another_index_is_told(tmp_path: Path, texts: list[str]) -> None:
    Builder(plan_of(tmp_path)).build()
    other = build(tmp_path / "code" / "0001.py", tmp_path / "other")
    path = sources_path(tmp_path / "index")
    with Sources(path) as sources, pytest.raises(AttributionError, match="another index"):
        sources.check(other.facts)


def test_the_command_names_file_and_licence(
    tmp_path: Path, texts: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "index"
    assert main(["build", str(tmp_path / "code"), "--out", str(out), "--sources"]) == 0
    size = sources_path(out).stat().st_size
    assert f"{out}.sources: files and licences, {size:,} bytes" in capsys.readouterr().out
    asked = tmp_path / "mine.py"
    asked.write_text(" ".join(texts[2].split())[:400])
    assert main(["check", str(out), str(asked)]) == 1
    path = (tmp_path / "code" / "0002.py").resolve()
    assert f" · {path} (MIT): " in capsys.readouterr().out
    assert main(["check", str(out), str(asked), "--json"]) == 1
    (match,) = json.loads(capsys.readouterr().out)["matches"]
    assert match["source"] == {"path": str(path), "license": "MIT"}


def test_without_them_a_match_has_no_source(
    tmp_path: Path, texts: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    build(tmp_path / "code", tmp_path / "index")
    asked = tmp_path / "mine.py"
    asked.write_text(texts[2])
    assert main(["check", str(tmp_path / "index"), str(asked), "--json"]) == 1
    (match,) = json.loads(capsys.readouterr().out)["matches"]
    assert match["source"] is None
