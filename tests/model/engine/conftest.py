from __future__ import annotations

import pytest
from transformers import PreTrainedModel

from tests import checkpoints
from tests.model.engine.runners import load


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> PreTrainedModel:
    return load(checkpoints.write_llama(tmp_path_factory.mktemp("llama")))
