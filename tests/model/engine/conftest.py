from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from transformers import PreTrainedModel

from tests import checkpoints
from tests.endpoint_server import EndpointServer, endpoint_server
from tests.model.engine.runners import load
from tests.remote_tokenizer import write_scripted_tokenizer


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> PreTrainedModel:
    return load(checkpoints.write_llama(tmp_path_factory.mktemp("llama")))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scripted engine's vocabulary as tokenizer files."""
    return write_scripted_tokenizer(tmp_path_factory.mktemp("tokenizer"))


@pytest.fixture(scope="module")
def running_server() -> Iterator[EndpointServer]:
    with endpoint_server() as server:
        yield server


@pytest.fixture
def server(running_server: EndpointServer) -> EndpointServer:
    """One that answers well until it is told otherwise."""
    running_server.reset()
    return running_server
