"""The command asks StarPII where its terms are accepted, and says why where it cannot."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants

from safety.pii import main
from safety.starpii import STARPII
from tests.hub import HubServer
from tests.hub_client import HUB_DOWN, use_hub
from tests.hub_repos import write_card
from tests.token_classifiers import write_rigged

ACCEPT = "--accept-starpii-terms"
LABEL_OF = {"P": "B-PASSWORD", "p": "I-PASSWORD", "N": "B-NAME", "n": "I-NAME", "Ġ": "I-NAME"}
KEY = "gh" + "p_" + "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hI6"
TEXT = f"# Nnn nnnn <eva@velomat.io>\r\nlogin('Ppppppp')\r\nkey = '{KEY}'\r\nlogin('Ppppppp')\r\n"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_rigged(tmp_path_factory.mktemp("starpii"), LABEL_OF)
    write_card(folder, license="other")
    return folder


@pytest.fixture
def source(tmp_path: Path) -> Path:
    file = tmp_path / "source" / "a.py"
    file.parent.mkdir()
    file.write_bytes(TEXT.encode())
    return file


def findings(capsys: pytest.CaptureFixture[str]) -> list[tuple[Any, ...]]:
    told = json.loads(capsys.readouterr().out)["findings"]
    return [(one["line"], one["column"], one["kind"], one["value"]) for one in told]


FOUND = [
    (1, 3, "NAME", "Nnn nnnn"),
    (1, 13, "EMAIL", "eva@velomat.io"),
    (2, 8, "PASSWORD", "Ppppppp"),
    (3, 8, "KEY", KEY),
    (4, 8, "PASSWORD", "Ppppppp"),
]


def test_what_starpii_and_the_patterns_find_is_reported_together(
    model: Path, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--json", str(source), "--starpii", str(model), ACCEPT]) == 1
    assert findings(capsys) == FOUND


def test_copies_are_without_names_and_passwords(model: Path, source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert main([str(source), "--redact-to", str(out), "--starpii", str(model), ACCEPT]) == 1
    assert (out / "a.py").read_bytes().decode() == (
        "# <NAME> <<EMAIL>>\r\nlogin('<PASSWORD>')\r\nkey = '<KEY>'\r\nlogin('<PASSWORD>')\r\n"
    )


def test_a_line_shows_a_quarter_of_a_password_at_most(
    model: Path, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main([str(source), "--starpii", str(model), ACCEPT])
    told = capsys.readouterr()
    assert f"{source}:2:8: PASSWORD P… (7 characters) (1.00)" in told.out
    assert "Ppp" not in told.out + told.err
    assert f"loading {model}\n" in told.err


def test_without_the_terms_they_are_shown_and_nothing_is_scanned(
    model: Path, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in (str(model), STARPII):
        assert main([str(source), "--starpii", name]) == 2
        told = capsys.readouterr()
        assert told.out == ""
        assert "in order to remove it from datasets" in told.err
        assert f"add {ACCEPT}" in told.err


def test_a_path_where_the_models_name_should_be_is_told(
    model: Path, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (source, source.parent):
        with pytest.raises(SystemExit) as stopped:
            main([ACCEPT, str(source), "--starpii", str(path)])
        assert stopped.value.code == 2
        assert "before --starpii" in capsys.readouterr().err


def test_without_the_flag_neither_torch_nor_transformers_nor_the_hub_is_loaded(
    source: Path,
) -> None:
    code = (
        "import sys; from safety.pii import main\n"
        f"assert main([{str(source)!r}]) == 1\n"
        "loaded = {'torch', 'transformers', 'tokenizers', 'huggingface_hub'} & set(sys.modules)\n"
        "sys.exit(str(loaded) if loaded else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_without_the_flag_nothing_changes(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--json", str(source)]) == 1
    assert findings(capsys) == [one for one in FOUND if one[2] in ("EMAIL", "KEY")]


def ask_hub(source: Path, name: str = STARPII) -> int:
    return main(["--json", str(source), "--starpii", name, ACCEPT])


def test_from_the_hub_it_is_fetched_once_with_the_accounts_token(
    hub: HubServer,
    home: Path,
    model: Path,
    source: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    hub.add_model(STARPII, model, gated="auto")
    hub.add_account("hf_alice", "alice", granted={STARPII})
    monkeypatch.setenv("HF_TOKEN", "hf_alice")
    assert main(["--json", str(source), ACCEPT, "--starpii"]) == 1
    told = capsys.readouterr()
    assert len(json.loads(told.out)["findings"]) == len(FOUND)
    assert told.err.count(f"downloading {STARPII}\n") == 1
    assert "hf_alice" not in told.err
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    num_requests = len(hub.requests)
    assert ask_hub(source) == 1
    assert len(hub.requests) == num_requests


def test_a_revision_can_be_named(
    hub: HubServer, home: Path, model: Path, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    repo = hub.add_model(STARPII, model)
    assert ask_hub(source, f"{STARPII}@{repo.commit}") == 1
    assert findings(capsys) == FOUND
    assert ask_hub(source, f"{STARPII}@refs/pr/9") == 2
    assert "has no revision refs/pr/9" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("token", "said"),
    [
        (None, "is gated, and no Hugging Face token is set"),
        ("hf_nobody", "does not accept this machine's Hugging Face token"),
        ("hf_bob", "is gated, and bob has not been let in"),
        ("hf_carol", "request of carol awaits its authors' review"),
        ("hf_dave", "is fine-grained and may not read gated"),
    ],
)
def test_why_the_hub_keeps_it_back_is_told(
    hub: HubServer,
    home: Path,
    model: Path,
    source: Path,
    token: str | None,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    hub.add_model(STARPII, model, gated="auto")
    hub.add_account("hf_bob", "bob")
    hub.add_account("hf_carol", "carol", pending={STARPII})
    hub.add_account("hf_dave", "dave", granted={STARPII}, reads_gated=False)
    if token:
        monkeypatch.setenv("HF_TOKEN", token)
    assert ask_hub(source) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert said in told.err
    assert "python -m safety.pii: " in told.err


def test_an_unknown_repository_and_an_impossible_name_are_told(
    hub: HubServer, home: Path, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.add_account("hf_bob", "bob")
    assert ask_hub(source, "nobody/nothing") == 2
    assert "nobody/nothing" in capsys.readouterr().err
    assert ask_hub(source, "../nowhere/at/all") == 2
    assert "neither a local folder nor a repository's name" in capsys.readouterr().err


def test_offline_and_a_hub_that_is_down_are_told(
    home: Path, source: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use_hub(monkeypatch, HUB_DOWN, home)
    assert ask_hub(source) == 2
    assert "cannot be reached" in capsys.readouterr().err
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert ask_hub(source) == 2
    assert "HF_HUB_OFFLINE forbids" in capsys.readouterr().err


def test_a_repository_with_pickles_only_is_refused(
    hub: HubServer,
    home: Path,
    model: Path,
    source: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = write_rigged(tmp_path / "pickled", LABEL_OF)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    hub.add_model(STARPII, folder)
    assert ask_hub(source) == 2
    assert "weights only as pickles" in capsys.readouterr().err
    assert not hub.requested("pytorch_model.bin")


def test_a_device_that_is_no_device_is_told(
    model: Path, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [str(source), "--starpii", str(model), ACCEPT, "--starpii-device", "tpu"]
    assert main(arguments) == 2
    assert "no device 'tpu'" in capsys.readouterr().err
