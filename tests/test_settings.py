from __future__ import annotations

from pathlib import Path

import pytest

from settings import (
    Settings,
    SettingsError,
    environment_variable_of,
    flag_of,
    load_settings,
    settings_table,
)

README = Path(__file__).parents[1] / "README.md"


@pytest.fixture(autouse=True)
def clean_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in (
        "SPACE_ID",
        "SPACES_ZERO_GPU",
        *map(environment_variable_of, Settings.model_fields),
    ):
        monkeypatch.delenv(name, raising=False)


def test_without_anything_set_the_app_serves_this_machine_only() -> None:
    settings = load_settings([])
    assert (settings.host, settings.port) == ("127.0.0.1", 7860)
    assert not settings.is_public
    assert settings.deadline_seconds is None
    assert settings.base_model == settings.chat_model == "auto"
    assert settings.quantization == "auto"


@pytest.mark.parametrize("field", list(Settings.model_fields))
def test_every_setting_is_explained_by_help_with_its_flag_and_variable(
    field: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="0"):
        load_settings(["--help"])
    words = "".join(capsys.readouterr().out.split())
    description = Settings.model_fields[field].description or ""
    assert "".join(description.split())
    assert flag_of(field) in words
    assert "".join(description.split()) in words
    assert f"[env:{environment_variable_of(field)}]" in words


def test_the_table_in_the_readme_is_the_one_that_the_settings_write() -> None:
    """To renew it: python -c "import settings; print(settings.settings_table())"."""
    assert settings_table() in README.read_text(encoding="utf-8")


def test_a_flag_beats_the_environment_and_that_beats_the_env_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    Path(".env").write_text("STARCODER_PORT=1001\nSTARCODER_THREADS=3\nSTARCODER_MAX_WAITING=5\n")
    monkeypatch.setenv("STARCODER_PORT", "1002")
    monkeypatch.setenv("STARCODER_THREADS", "4")
    settings = load_settings(["--port", "1003"])
    assert (settings.port, settings.threads, settings.max_waiting) == (1003, 4, 5)


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STARCODER_PORT", "")
    assert load_settings([]).port == 7860


@pytest.mark.parametrize(
    ("argv", "flag"),
    [
        (["--port", "70000"], "--port (STARCODER_PORT)"),
        (["--device", "tpu"], "--device (STARCODER_DEVICE)"),
        (["--deadline", "nan"], "--deadline (STARCODER_DEADLINE)"),
        (["--threads", "many"], "--threads (STARCODER_THREADS)"),
        (["--max-body-bytes", "-1"], "--max-body-bytes (STARCODER_MAX_BODY_BYTES)"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_in_one_line_that_names_it(
    argv: list[str], flag: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(argv)
    assert str(caught.value).startswith(flag)
    assert len(str(caught.value).splitlines()) == 1


def test_an_unknown_flag_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        load_settings(["--bogus"])
    assert "--bogus" in capsys.readouterr().err


def test_a_space_is_detected_and_listens_to_the_world(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPACE_ID", "someone/starcoder")
    settings = load_settings(["--share"])
    assert (settings.hosting, settings.host, settings.port) == ("space", "0.0.0.0", 7860)
    assert settings.is_public
    assert not settings.share, "a Space has its address already"


def test_zerogpu_hardware_is_told_from_other_spaces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPACE_ID", "someone/starcoder")
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    assert load_settings([]).hosting == "zerogpu"


@pytest.mark.parametrize("argv", [["--share"], ["--host", "0.0.0.0"], ["--hosting", "space"]])
def test_limits_are_tighter_where_strangers_can_reach_the_app(argv: list[str]) -> None:
    local, public = load_settings([]), load_settings(argv)
    assert public.is_public
    assert public.max_body_bytes < local.max_body_bytes
    assert public.deadline_seconds == 120


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.0.0.2"])
def test_a_loopback_address_is_not_public(host: str) -> None:
    assert not load_settings(["--host", host]).is_public


def test_host_names_are_read_as_a_list() -> None:
    settings = load_settings(["--allowed-hosts", "Box.lan, 10.0.0.5,"])
    assert settings.allowed_host_names == ("box.lan", "10.0.0.5")


@pytest.mark.parametrize(
    ("argv", "keys"),
    [
        ([], ()),
        (["--api-key", "one"], ("one",)),
        (["--api-key", "one, two,"], ("one", "two")),
        (["--api-key", "one", "--api-key", "two,three"], ("one", "two", "three")),
    ],
)
def test_several_keys_may_be_given_in_one_flag_or_in_many(
    argv: list[str], keys: tuple[str, ...]
) -> None:
    assert load_settings(argv).api_keys == keys


def test_keys_come_from_the_environment_and_are_shown_nowhere(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STARCODER_API_KEY", "hidden-1,hidden-2")
    settings = load_settings([])
    assert settings.api_keys == ("hidden-1", "hidden-2")
    assert "hidden" not in f"{settings!r} {settings} {settings.model_dump_json()}"
    with pytest.raises(SystemExit):
        load_settings(["--help"])
    assert "hidden" not in capsys.readouterr().out


@pytest.mark.parametrize("keys", [",", " , "])
def test_keys_that_hold_none_do_not_leave_the_api_open(
    monkeypatch: pytest.MonkeyPatch, keys: str
) -> None:
    monkeypatch.setenv("STARCODER_API_KEY", keys)
    with pytest.raises(SettingsError, match="there is no key between the commas"):
        load_settings([])
    monkeypatch.setenv("STARCODER_API_KEY", "")
    assert load_settings([]).api_keys == ()


REMOTE = ("--remote-url", "https://api.example.com/v1", "--remote-model", "big")


def test_a_remote_model_is_offered_where_one_is_named_and_not_to_strangers() -> None:
    assert not load_settings([]).offers_remote
    assert load_settings(REMOTE).offers_remote
    assert not load_settings([*REMOTE, "--share"]).offers_remote
    assert not load_settings([*REMOTE, "--host", "0.0.0.0"]).offers_remote
    assert load_settings([*REMOTE, "--share", "--remote-public"]).offers_remote


@pytest.mark.parametrize(
    "url", ["api.example.com/v1", "ftp://a/v1", "https://me:pw@a/v1", "https://a/v1?x", "http://"]
)
def test_an_address_that_is_no_base_address_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="a base address is as in"):
        load_settings(["--remote-url", url, "--remote-model", "big"])


def test_code_is_looked_up_in_one_place() -> None:
    url = ["--attribution-url", "https://box.example/overlap"]
    assert load_settings(url).attribution_url == url[1]
    with pytest.raises(SettingsError, match="set one of the two"):
        load_settings([*url, "--attribution-index", "code.index"])
    with pytest.raises(SettingsError, match="base address"):
        load_settings(["--attribution-url", "box"])


def test_a_remote_server_without_a_models_name_is_refused() -> None:
    with pytest.raises(SettingsError, match="has to be asked for a model by its name"):
        load_settings(REMOTE[:2])


@pytest.mark.parametrize(
    ("url", "is_exposed"),
    [
        ("http://10.0.0.7:8000/v1", True),
        ("http://box.example/v1", True),
        ("https://box.example/v1", False),
        ("http://127.0.0.1:8000/v1", False),
        ("http://localhost:8000/v1", False),
        ("http://[::1]:8000/v1", False),
    ],
)
def test_a_remote_key_over_plain_http_is_known_to_be_exposed(
    monkeypatch: pytest.MonkeyPatch, url: str, is_exposed: bool
) -> None:
    flags = ["--remote-url", url, "--remote-model", "big"]
    assert not load_settings(flags).exposes_remote_key
    monkeypatch.setenv("STARCODER_REMOTE_KEY", "hidden-1")
    assert load_settings(flags).exposes_remote_key is is_exposed


def test_the_remote_key_is_shown_nowhere(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STARCODER_REMOTE_KEY", "hidden-1")
    settings = load_settings(REMOTE)
    assert settings.remote_key is not None
    assert settings.remote_key.get_secret_value() == "hidden-1"
    assert "hidden" not in f"{settings!r} {settings} {settings.model_dump_json()}"
    with pytest.raises(SystemExit):
        load_settings(["--help"])
    assert "hidden" not in capsys.readouterr().out
    monkeypatch.setenv("STARCODER_REMOTE_KEY", "hidden 2")
    with pytest.raises(SettingsError, match="a key has printable ASCII") as caught:
        load_settings(REMOTE)
    assert "hidden" not in str(caught.value)


ENDPOINT = ["--engine", "remote", "--endpoint-url", "https://box/v1", "--endpoint-model", "big"]


def test_a_remote_engine_needs_an_address_and_a_models_name() -> None:
    assert load_settings(ENDPOINT).endpoint_chat_model == "big"
    assert load_settings([*ENDPOINT, "--endpoint-chat-model", "c"]).endpoint_chat_model == "c"
    with pytest.raises(SettingsError) as caught:
        load_settings(ENDPOINT[:2])
    lines = str(caught.value).splitlines()
    assert [line.split()[0] for line in lines] == ["--endpoint-url", "--endpoint-model"]
    assert load_settings([]).endpoint_url == ""


@pytest.mark.parametrize("url", ["box/v1", "https://user:secret@box/v1", "ftp://box/v1"])
def test_an_endpoints_address_is_one_without_a_password(url: str) -> None:
    with pytest.raises(SettingsError, match="a base address is as in"):
        load_settings([*ENDPOINT, "--endpoint-url", url])


def test_an_endpoints_key_is_shown_nowhere_and_known_to_be_exposed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exposed = [*ENDPOINT, "--endpoint-url", "http://box.example/v1"]
    assert not load_settings(exposed).exposes_endpoint_key
    monkeypatch.setenv("STARCODER_ENDPOINT_KEY", "hidden-1")
    settings = load_settings(exposed)
    assert settings.exposes_endpoint_key
    assert not load_settings(ENDPOINT).exposes_endpoint_key
    assert "hidden" not in f"{settings!r} {settings.model_dump_json()}"
    monkeypatch.setenv("STARCODER_ENDPOINT_KEY", "hidden 2")
    with pytest.raises(SettingsError, match="a key has printable ASCII") as caught:
        load_settings(ENDPOINT)
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize("key", ["hidden key", "hiddené", "hidden\x00"])
def test_a_key_that_cannot_be_sent_is_refused_without_showing_it(key: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(["--api-key", key])
    assert str(caught.value).startswith("--api-key (STARCODER_API_KEY): a key has printable")
    assert "hidden" not in str(caught.value)


def test_origins_are_read_as_a_list_and_must_be_origins() -> None:
    settings = load_settings(["--cors-origins", "https://a.example, http://b.example:8080, *"])
    assert settings.cors_origin_names == ("https://a.example", "http://b.example:8080", "*")
    for wrong in ("a.example", "https://a.example/path", "https://a.example/"):
        with pytest.raises(SettingsError, match="an origin is a scheme and a host"):
            load_settings(["--cors-origins", wrong])
