"""What is fetched from a hub and what is not; what lies in the cache is used without a request."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from huggingface_hub import constants, hf_hub_download, snapshot_download

from model.engine.events import Finished, Token
from model.engine.local import LocalEngine
from model.errors import CheckpointError, HubError, HubOfflineError
from model.licenses import APACHE_2, OPENRAIL_M
from model.loading.hub import HubCheckpoint, access_to, fetch_dataset_file, is_cached
from model.loading.hub_files import is_safe_etag
from model.loading.job import LoadJob
from model.loading.residency import Residency
from model.loading.sources import resolve_source
from model.requests import CompletionRequest
from model.sampling import SamplingParams
from model.service import GenerationService
from tests import checkpoints
from tests.hub import HubServer
from tests.hub_client import HUB_DOWN
from tests.hub_repos import write_card
from tests.model.loading.conftest import write_files

REPO = "bigcode/starcoder"


def quiet() -> LoadJob:
    return LoadJob(lambda progress: None)


def fetch(repo_id: str = REPO, revision: str | None = None) -> Path:
    checkpoint = HubCheckpoint(repo_id, revision)
    checkpoint.describe(quiet())
    return checkpoint.fetch(quiet())


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def fetch_texts() -> Path:
    return HubCheckpoint(REPO).fetch_texts(quiet())


def test_for_a_server_elsewhere_the_tokenizer_comes_without_the_weights(
    hub: HubServer, home: Path, checkpoint: Path
) -> None:
    hub.add_model(REPO, checkpoint)
    folder = fetch_texts()
    assert {"config.json", "tokenizer.json", "tokenizer_config.json"} <= names(folder)
    assert not list(folder.glob("*.safetensors"))
    assert not is_cached(REPO), "the weights are still to be fetched by who wants them"
    assert list(fetch().glob("*.safetensors"))


def test_a_tokenizer_that_was_fetched_serves_while_the_hub_is_gone(
    hub: HubServer, home: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.MonkeyPatch.context() as offline:
        offline.setattr(constants, "HF_HUB_OFFLINE", True)
        with pytest.raises(HubOfflineError):
            fetch_texts()
    hub.add_model(REPO, checkpoint)
    folder = fetch_texts()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert fetch_texts() == folder


def test_a_look_tells_what_is_missing_and_brings_the_config_but_no_weights(
    hub: HubServer, home: Path, checkpoint: Path
) -> None:
    write_card(checkpoint, license="bigcode-openrail-m")
    hub.add_model(REPO, checkpoint)
    described = HubCheckpoint(REPO).describe(quiet())
    assert names(described.config_folder) == {
        "README.md",
        "config.json",
        "generation_config.json",
        "model.safetensors.index.json",
    }
    here = sum(path.stat().st_size for path in described.config_folder.iterdir())
    there = sum(path.stat().st_size for path in checkpoint.iterdir())
    assert described.num_missing_bytes == there - here
    assert described.license is OPENRAIL_M
    assert described.account is None


def test_the_look_is_for_the_account_of_the_token(
    hub: HubServer, home: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add_model(REPO, checkpoint, gated="auto")
    hub.add_account("hf_alice", "alice", granted={REPO}, reads_gated=True)
    monkeypatch.setenv("HF_TOKEN", "hf_alice")
    assert HubCheckpoint(REPO).describe(quiet()).account == "alice"
    paths = [request.path for request in hub.requests][:3]
    assert paths == ["/api/whoami-v2", f"/api/models/{REPO}", f"/api/models/{REPO}/auth-check"]


def test_only_what_a_checkpoint_needs_is_fetched(
    hub: HubServer, home: Path, checkpoint: Path
) -> None:
    wanted = names(checkpoint)
    for name in (
        *("pytorch_model.bin", "pytorch_model.bin.index.json", "consolidated.safetensors"),
        *("model.fp16.safetensors", "trainer_state.json", "tokenizer.py", "modeling_x.py"),
        *("adapter_model.safetensors", "onnx/model.safetensors", "original/tokenizer.model"),
    ):
        path = checkpoint / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"not this")
    hub.add_model(REPO, checkpoint)
    assert names(fetch()) == wanted


def test_a_single_file_of_weights_is_preferred_as_transformers_does(
    hub: HubServer, home: Path, checkpoint: Path
) -> None:
    (checkpoint / "model.safetensors").write_bytes(b"one file")
    hub.add_model(REPO, checkpoint)
    fetched = fetch()
    assert {path.name for path in fetched.glob("*.safetensors*")} == {"model.safetensors"}


def test_vocabularies_and_templates_in_other_formats_are_fetched(
    hub: HubServer, home: Path, tmp_path: Path
) -> None:
    folder = write_files(tmp_path / "other")
    (folder / "tokenizer.json").unlink()
    for name in ("vocab.json", "merges.txt", "tokenizer.model", "chat_template.jinja"):
        (folder / name).write_text("text")
    hub.add_model(REPO, folder)
    assert names(fetch()) == names(folder)
    assert is_cached(REPO)


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"pytorch_model.bin"}, "only as pickles, which run code"),
        ({"pytorch_model.bin.index.json", "pytorch_model-1.bin"}, "only as pickles"),
        ({"adapter_model.safetensors", "adapter_config.json"}, "an adapter, not a model"),
        ({"model-q4.gguf"}, "GGUF files, which are not read"),
        (set(), "has no model.safetensors"),
    ],
)
def test_a_repository_without_weights_that_are_read_says_what_it_has(
    hub: HubServer, home: Path, tmp_path: Path, files: set[str], says: str
) -> None:
    folder = write_files(tmp_path / "other")
    (folder / "model.safetensors").unlink()
    for name in files:
        (folder / name).write_bytes(b"x")
    hub.add_model(REPO, folder)
    with pytest.raises(CheckpointError, match=says):
        HubCheckpoint(REPO).describe(quiet())
    assert not [request for request in hub.requests if request.host == "cdn"]


def test_a_repository_that_is_no_checkpoint_is_refused(
    hub: HubServer, home: Path, tmp_path: Path
) -> None:
    folder = write_files(tmp_path / "other")
    (folder / "config.json").unlink()
    hub.add_model(REPO, folder)
    with pytest.raises(CheckpointError, match=r"no config\.json"):
        HubCheckpoint(REPO).describe(quiet())


@pytest.mark.parametrize("index", ['{"weight_map": {"x": "model-gone.safetensors"}}', "{}", "["])
def test_an_index_that_names_what_is_not_there_is_refused(
    hub: HubServer, home: Path, checkpoint: Path, index: str
) -> None:
    (checkpoint / "model.safetensors.index.json").write_text(index)
    hub.add_model(REPO, checkpoint)
    with pytest.raises(CheckpointError, match="names weights that it does not hold"):
        HubCheckpoint(REPO).describe(quiet())


def test_an_index_cannot_reach_out_of_its_folder(
    hub: HubServer, home: Path, checkpoint: Path
) -> None:
    index = {"weight_map": {"x": "../../../etc/model.safetensors"}}
    (checkpoint / "model.safetensors.index.json").write_text(json.dumps(index))
    hub.add_model(REPO, checkpoint)
    with pytest.raises(CheckpointError, match="names weights that it does not hold"):
        HubCheckpoint(REPO).describe(quiet())


@pytest.mark.parametrize("revision", [None, "main"])
def test_a_checkpoint_that_is_whole_in_the_cache_makes_no_request(
    hub: HubServer,
    home: Path,
    checkpoint: Path,
    monkeypatch: pytest.MonkeyPatch,
    revision: str | None,
) -> None:
    write_card(checkpoint, license="apache-2.0")
    repo = hub.add_model(REPO, checkpoint)
    assert not is_cached(REPO)
    folder = fetch()
    hub.requests.clear()
    # A token would be asked about, were there any request.
    monkeypatch.setenv("HF_TOKEN", "hf_alice")
    for name in (revision, repo.commit):
        assert is_cached(REPO, name)
        access_to(REPO, name)
        described = HubCheckpoint(REPO, name).describe(quiet())
        assert (described.config_folder, described.num_missing_bytes) == (folder, 0)
        assert described.license is APACHE_2
        assert HubCheckpoint(REPO, name).fetch(quiet()) == folder
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert fetch() == folder
    assert hub.requests == []


def test_what_another_program_fetched_is_used_as_it_is(
    hub: HubServer, home: Path, checkpoint: Path
) -> None:
    hub.add_model(REPO, checkpoint)
    folder = Path(snapshot_download(REPO))
    hub.requests.clear()
    assert fetch() == folder
    assert hub.requests == []


@pytest.mark.parametrize("lacking", ["model-b.safetensors", "tokenizer*", "config.json"])
def test_a_snapshot_that_lacks_something_is_completed(
    hub: HubServer, home: Path, checkpoint: Path, lacking: str
) -> None:
    hub.add_model(REPO, checkpoint)
    snapshot_download(REPO, ignore_patterns=[lacking])
    assert not is_cached(REPO)
    hub.requests.clear()
    assert names(fetch()) == names(checkpoint)
    fetched = {Path(r.path).name for r in hub.requests if r.method == "GET" and r.status == 200}
    assert "model-a.safetensors" not in fetched


def test_weights_that_came_without_a_tokenizer_are_not_whole(
    hub: HubServer, home: Path, checkpoint: Path
) -> None:
    hub.add_model(REPO, checkpoint)
    for name in names(checkpoint) - {"tokenizer.json"}:
        hf_hub_download(REPO, name)
    assert not is_cached(REPO)
    hf_hub_download(REPO, "tokenizer.json")
    assert is_cached(REPO)


def test_a_snapshot_whose_files_were_deleted_is_not_whole(
    hub: HubServer, home: Path, checkpoint: Path
) -> None:
    hub.add_model(REPO, checkpoint)
    (fetch() / "model-a.safetensors").resolve().unlink()
    assert not is_cached(REPO)


def test_a_pinned_revision_is_not_replaced_by_a_newer_main(
    hub: HubServer, home: Path, checkpoint: Path, tmp_path: Path
) -> None:
    old = hub.add_model(REPO, checkpoint).commit
    fetch(revision=old)
    new = hub.add_model(REPO, write_files(tmp_path / "new")).commit
    assert is_cached(REPO, old)
    assert not is_cached(REPO)
    assert fetch().name == new
    assert fetch(revision=old).name == old


def test_offline_a_checkpoint_that_is_not_whole_is_refused(
    hub: HubServer, home: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add_model(REPO, checkpoint)
    HubCheckpoint(REPO).describe(quiet())
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert not is_cached(REPO)
    with pytest.raises(HubOfflineError):
        HubCheckpoint(REPO).describe(quiet())


def test_the_quick_look_is_one_request(hub: HubServer, home: Path, checkpoint: Path) -> None:
    hub.add_model(REPO, checkpoint)
    access_to(REPO)
    assert [request.path for request in hub.requests] == [f"/api/models/{REPO}/auth-check"]


@pytest.mark.parametrize(
    ("card", "name", "link", "restricts"),
    [
        ({"license": "mit"}, "mit", "{page}", False),
        ({"license": "llama3"}, "llama3", "{page}", True),
        ({"license": "bigscience-openrail-m"}, "bigscience-openrail-m", "{page}", True),
        (
            {"license": "other", "license_name": "ours", "license_link": "https://a.example/l"},
            "ours",
            "https://a.example/l",
            False,
        ),
        (
            {"license": "other", "license_link": "javascript:alert(1)"},
            "its own licence",
            "{page}",
            False,
        ),
    ],
)
def test_a_licence_is_what_the_card_names_online_and_from_the_cache(
    hub: HubServer,
    home: Path,
    checkpoint: Path,
    card: dict[str, str],
    name: str,
    link: str,
    restricts: bool,
) -> None:
    write_card(checkpoint, **card)
    hub.add_model(REPO, checkpoint)
    online = HubCheckpoint(REPO).describe(quiet()).license
    fetch()
    cached = HubCheckpoint(REPO).describe(quiet()).license
    assert online is not None
    assert online == cached
    assert (online.name, online.restricts_use) == (name, restricts)
    assert online.url == link.format(page=f"{hub.url}/{REPO}")


def test_a_card_without_a_licence_names_none(hub: HubServer, home: Path, checkpoint: Path) -> None:
    hub.add_model(REPO, checkpoint)
    assert HubCheckpoint(REPO).describe(quiet()).license is None


def test_a_file_of_a_dataset_is_fetched_once(
    hub: HubServer, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "prompts"
    folder.mkdir()
    (folder / "TA_prompt_v1.txt").write_text("Below are a series of dialogues")
    commit = hub.add_dataset("bigcode/ta-prompt", folder).commit

    def fetch_prompt() -> Path:
        return fetch_dataset_file("bigcode/ta-prompt", "TA_prompt_v1.txt", commit, quiet())

    assert fetch_prompt().read_text() == "Below are a series of dialogues"
    hub.requests.clear()
    monkeypatch.setattr(constants, "ENDPOINT", HUB_DOWN)
    assert fetch_prompt().read_text() == "Below are a series of dialogues"
    assert hub.requests == []
    with pytest.raises(HubError, match="cannot be reached"):
        fetch_dataset_file("bigcode/ta-prompt", "TA_prompt_v2.txt", commit, quiet())


def test_a_dataset_and_a_file_that_are_not_there_are_named(
    hub: HubServer, home: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "prompts"
    folder.mkdir()
    with pytest.raises(HubError, match="no dataset bigcode/ta-prompt"):
        fetch_dataset_file("bigcode/ta-prompt", "a.txt", "0" * 40, quiet())
    commit = hub.add_dataset("bigcode/ta-prompt", folder).commit
    with pytest.raises(HubError, match=r"has no file a\.txt"):
        fetch_dataset_file("bigcode/ta-prompt", "a.txt", commit, quiet())


async def test_a_tiny_starcoder_goes_from_the_hub_to_streamed_tokens(
    hub: HubServer, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = checkpoints.write_gpt_bigcode(tmp_path / "tiny")
    hub.add_model("bigcode/tiny", folder, gated="auto")
    hub.add_account("hf_alice", "alice", granted={"bigcode/tiny"})
    monkeypatch.setenv("HF_TOKEN", "hf_alice")
    fetched = await stream("bigcode/tiny", tmp_path)
    assert hub.requested("model.safetensors")
    hub.requests.clear()
    # From the cache: neither we nor transformers ask anybody.
    assert await stream("bigcode/tiny", tmp_path) == fetched
    assert hub.requests == []


async def stream(repo_id: str, cache: Path) -> str:
    """What the model of a fresh engine writes."""
    engine = LocalEngine(cache_folder=cache, device="cpu", precision="float32", threads=1)
    residency = Residency(engine, {"base": resolve_source("base", repo_id)})
    residency.start()
    service = GenerationService(residency, engine)
    request = CompletionRequest("def f():", SamplingParams(temperature=0, max_new_tokens=8))
    events = [event async for event in service.start(request, "test", overflow="refuse").events()]
    assert isinstance(events[-1], Finished)
    await residency.close()
    await asyncio.to_thread(engine.close)
    written = "".join(event.text for event in events if isinstance(event, Token))
    assert written
    return written


def test_a_process_of_its_own_takes_hub_cache_and_token_from_its_environment(
    hub: HubServer, tmp_path: Path, checkpoint: Path
) -> None:
    hub.add_model(REPO, checkpoint, gated="auto")
    hub.add_account("hf_alice", "alice", granted={REPO})
    environment = hub.environment(tmp_path / "home", token="hf_alice")
    assert "alice 0 True" in run_fetch(environment)
    hub.requests.clear()
    assert "None 0 True" in run_fetch(environment | {"HF_HUB_OFFLINE": "1"})
    assert "None 0 True" in run_fetch(environment)
    assert hub.requests == []


def run_fetch(environment: dict[str, str]) -> str:
    program = f"""
from model.loading.hub import HubCheckpoint
from model.loading.job import LoadJob
job = LoadJob(lambda progress: None)
checkpoint = HubCheckpoint({REPO!r})
account = checkpoint.describe(job).account
folder = checkpoint.fetch(job)
print(account, HubCheckpoint({REPO!r}).describe(job).num_missing_bytes, folder.is_dir())
"""
    command = [sys.executable, "-W", "error", "-c", program]
    finished = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, check=True
    )
    assert finished.stderr == ""
    return finished.stdout


@pytest.mark.parametrize("etag", [None, "", "../../token", "a/b", "a b"])
def test_an_etag_that_is_no_name_of_a_file_is_not_made_one(etag: str | None) -> None:
    assert not is_safe_etag(etag)
    assert is_safe_etag("d7edf6bd2a681fb0175f7735299831ee1b22b812")
