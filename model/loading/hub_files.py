"""Files of a checkpoint's repository: which are wanted, and what of them lies in the cache.

The cache is huggingface_hub's own, so models that other programs fetched are found and the other
way round: `blobs/<etag>` hold the bytes, `snapshots/<commit>/<name>` link to them and
`refs/<branch>` name a commit (`huggingface_hub/file_download.py`, docstring of `hf_hub_download`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from uuid import uuid4

from huggingface_hub import constants, get_cached_repo_tree
from huggingface_hub.errors import CachedRepoTreeNotFoundError
from huggingface_hub.file_download import repo_folder_name

from model.errors import CheckpointError
from model.loading.hub_errors import HubRepo

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
WEIGHTS_INDEX = "model.safetensors.index.json"
CARD = "README.md"

_TOKENIZER_NAMES = (
    "tokenizer*",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "*.model",
    "chat_template*",
)
# Never code: `tokenizer.py` would match the names above.
_TEXT_SUFFIXES = (".json", ".txt", ".model", ".jinja")
_VOCABULARIES = ("tokenizer.json", "vocab.json", "vocab.txt", "*.model")
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.h5", "*.msgpack")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_ETAG = re.compile(r"[\w.-]+")


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file at a commit.

    Attributes:
        name: relative to the repository.
        num_bytes: its size.
        sha256: of its contents; None for small ones that git holds itself.
    """

    name: str
    num_bytes: int
    sha256: str | None = None


class CachedRepo:
    """What the cache holds of a repository. Makes no request."""

    def __init__(self, repo: HubRepo) -> None:
        cache = Path(constants.HF_HUB_CACHE).expanduser().resolve()
        self._repo = repo
        self._folder: Path = cache / repo_folder_name(repo_id=repo.repo_id, repo_type=repo.kind)

    @property
    def commit(self) -> str | None:
        """The commit of the repository's revision, as far as the cache knows it."""
        revision = self._repo.revision or constants.DEFAULT_REVISION
        if _COMMIT.fullmatch(revision):
            return revision
        try:
            commit = (self._folder / "refs" / revision).read_text()
        except OSError:
            return None
        return commit if _COMMIT.fullmatch(commit) else None

    def snapshot(self, commit: str) -> Path:
        return self._folder / "snapshots" / commit

    def whole_checkpoint(self) -> Path | None:
        """The folder of the revision's snapshot, if nothing that is wanted lacks."""
        commit = self.commit
        if commit is None:
            return None
        folder = self.snapshot(commit)
        wanted = self._listed(commit)
        if wanted is not None and not all((folder / name).is_file() for name in wanted):
            return None
        return folder if _is_whole(folder) else None

    def texts(self) -> Path | None:
        """The folder of the revision's snapshot, if it has a tokenizer's files."""
        commit = self.commit
        folder = None if commit is None else self.snapshot(commit)
        return folder if folder is not None and _has_tokenizer(folder) else None

    def holds(self, commit: str, file: HubFile) -> bool:
        return (self.snapshot(commit) / file.name).is_file() or (
            file.sha256 is not None and self.blob(file.sha256).is_file()
        )

    def num_bytes_missing(self, commit: str, files: Iterable[HubFile]) -> int:
        """What a download has still to fetch, with what an earlier one left counted in."""
        return sum(
            file.num_bytes - self._num_bytes_begun(file)
            for file in files
            if not self.holds(commit, file)
        )

    def blob(self, etag: str) -> Path:
        return self._folder / "blobs" / etag

    def partial(self, etag: str) -> Path:
        """Where a file grows. `hf cache prune` knows such names for unfinished downloads."""
        return self._folder / "blobs" / f"{etag}.playground.incomplete"

    def remember(self, commit: str) -> None:
        """That the revision is `commit`: the next look needs no request."""
        revision = self._repo.revision or constants.DEFAULT_REVISION
        if _COMMIT.fullmatch(revision):
            return
        ref = self._folder / "refs" / revision
        ref.parent.mkdir(parents=True, exist_ok=True)
        # Two may remember it at once; whoever reads meanwhile sees a whole line.
        fresh = ref.with_name(f"{ref.name}.{uuid4().hex}.tmp")
        fresh.write_text(commit)
        fresh.replace(ref)

    def nearest_folder(self) -> Path:
        """The repository's folder, or the lowest above it that is there."""
        return next(folder for folder in (self._folder, *self._folder.parents) if folder.is_dir())

    def _num_bytes_begun(self, file: HubFile) -> int:
        if file.sha256 is None:
            return 0
        try:
            return min(self.partial(file.sha256).stat().st_size, file.num_bytes)
        except OSError:
            return 0

    def _listed(self, commit: str) -> list[str] | None:
        """Names that a listing which another program cached wants; None without a listing."""
        try:
            tree = get_cached_repo_tree(
                self._repo.repo_id, repo_type=self._repo.kind, revision=commit
            )
        except CachedRepoTreeNotFoundError:
            return None
        return [file.path for file in tree if is_text(file.path)]


def is_safe_etag(etag: str | None) -> bool:
    """It can be a file's name."""
    return etag is not None and _ETAG.fullmatch(etag) is not None


def is_text(name: str) -> bool:
    """A configuration or a tokenizer's file, at the repository's top."""
    if "/" in name or not name.endswith(_TEXT_SUFFIXES):
        return False
    return name in (CONFIG, "generation_config.json") or _matches(name, _TOKENIZER_NAMES)


def plan_files(files: Sequence[HubFile]) -> list[HubFile]:
    """Of a repository's `files` those needed to plan its memory: never weights."""
    names = {file.name for file in files}
    wanted = {CONFIG, "generation_config.json", CARD}
    if WEIGHTS not in names:
        wanted.add(WEIGHTS_INDEX)
    return [file for file in files if file.name in wanted]


def choose_files(repo: HubRepo, files: Sequence[HubFile], folder: Path) -> list[HubFile]:
    """Those that a checkpoint needs: weights last, and one set of them.

    transformers prefers a single file over an index; other sets (pickles, `onnx/`, `original/`,
    another precision) would be downloaded for nothing.

    Args:
        folder: with the index, if the repository has one and no single file.

    Raises:
        CheckpointError: there are no weights that are ever read.
    """
    by_name = {file.name: file for file in files}
    if CONFIG not in by_name:
        raise CheckpointError(
            f"{repo.repo_id} has no config.json, so it is no transformers checkpoint.",
            _no_model_advice(by_name),
        )
    if WEIGHTS in by_name:
        weights = [WEIGHTS]
    elif WEIGHTS_INDEX in by_name:
        weights = shards(folder)
    else:
        raise _no_weights(repo, by_name)
    missing = [name for name in weights if name not in by_name]
    if missing or not weights:
        raise CheckpointError(
            f"The index of {repo.repo_id} names weights that it does not hold"
            + (f": {missing[0]}." if missing else "."),
            f"Tell its authors at {repo.page}/discussions, or choose another model.",
        )
    plan = plan_files(files)
    texts = [file for file in files if file in plan or is_text(file.name)]
    return texts + [by_name[name] for name in weights]


def shards(folder: Path) -> list[str]:
    """Names of the weights' files by the index in `folder`, each once, in order; or none."""
    try:
        index = json.loads((folder / WEIGHTS_INDEX).read_text())
        names = sorted({str(name) for name in index["weight_map"].values()})
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []
    return [name for name in names if "/" not in name and name.endswith(".safetensors")]


def _is_whole(folder: Path) -> bool:
    if not (folder / CONFIG).is_file() or not _has_tokenizer(folder):
        return False
    if (folder / WEIGHTS).is_file():
        return True
    names = shards(folder)
    return bool(names) and all((folder / name).is_file() for name in names)


def _has_tokenizer(folder: Path) -> bool:
    return any(next(folder.glob(pattern), None) for pattern in _VOCABULARIES)


def _no_weights(repo: HubRepo, names: Iterable[str]) -> CheckpointError:
    advice = _no_model_advice(names)
    if any(_matches(name, _PICKLES) for name in names):
        return CheckpointError(
            f"{repo.repo_id} has its weights only as pickles, which run code when they are read.",
            f"Choose a model with safetensors, or ask for them at {repo.page}/discussions.",
        )
    if any(name.startswith("adapter_") for name in names):
        return CheckpointError(
            f"{repo.repo_id} holds an adapter, not a model.",
            "Choose the model that it was merged into.",
        )
    return CheckpointError(f"{repo.repo_id} has no model.safetensors.", advice)


def _no_model_advice(names: Iterable[str]) -> str:
    if any(name.endswith(".gguf") for name in names):
        return "It holds GGUF files, which are not read: choose the model they were made from."
    return "Choose a repository that transformers can load, with config.json and safetensors."


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch(name, pattern) for pattern in patterns)
