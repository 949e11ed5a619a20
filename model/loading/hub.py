"""Checkpoints from a hub: fetched once into huggingface_hub's own cache."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from huggingface_hub import snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
)
from huggingface_hub.utils import tqdm

from model.engine.base import LoadProgress, ReportProgress
from model.errors import ModelLoadError

# Weights as safetensors only: reading pickles would run their code.
FILES = ["*.json", "*.safetensors", "tokenizer*", "*.model", "vocab*", "merges.txt"]


def fetch_checkpoint(repo_id: str, report: ReportProgress) -> Path:
    """The folder of `repo_id`'s newest snapshot, downloaded where it is not cached.

    The account is the one of `HF_TOKEN` or of `hf auth login`.

    Raises:
        ModelLoadError: with the next step, for a gated, unknown or unreachable repository.
    """
    try:
        folder = snapshot_download(
            repo_id, allow_patterns=FILES, tqdm_class=_reporting_bar(repo_id, report)
        )
    except GatedRepoError as error:
        raise ModelLoadError(
            f"{repo_id} is gated, and this account has not been let in.",
            f"Accept its licence at https://huggingface.co/{repo_id}, set HF_TOKEN to a read "
            "token of that account, then retry.",
        ) from error
    except RepositoryNotFoundError as error:
        raise ModelLoadError(
            f"The hub knows no model {repo_id}, or it is private.",
            "Check the name; for a private model set HF_TOKEN.",
        ) from error
    except HFValidationError as error:
        raise ModelLoadError(
            f"{repo_id} is neither a local folder nor a repository's name.",
            "Give owner/name, a preset's name or the path of a checkpoint folder.",
        ) from error
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        raise ModelLoadError(
            f"{repo_id} could not be fetched ({type(error).__name__}).",
            "Check the connection and the free disk space, then retry; finished files are kept.",
        ) from error
    return Path(folder)


def _reporting_bar(repo_id: str, report: ReportProgress) -> type[Any]:
    """A progress bar that reports instead of drawing; hub bars in bytes are the download."""

    class ReportingBar(tqdm):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **{**kwargs, "disable": False, "file": _Silence()})

        def update(self, n: float | None = 1) -> bool | None:
            shown: bool | None = super().update(n)
            if self.unit == "B" and self.total:
                gigabytes = f"{self.n / 1e9:.2f} of {self.total / 1e9:.2f} GB"
                stage = f"downloading {repo_id}: {gigabytes}"
                report(LoadProgress(stage, min(self.n / self.total, 1.0)))
            return shown

    return ReportingBar


class _Silence:
    """A file that a progress bar can draw on, unseen."""

    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None: ...
