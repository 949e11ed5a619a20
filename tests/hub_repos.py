"""What the local hub serves: folders as repositories at one commit, and accounts with tokens."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from huggingface_hub.repocard import metadata_load, metadata_save

Kind = Literal["model", "dataset"]

LARGE_SUFFIXES = (".safetensors", ".bin")
POINTER_BYTES = 134


def write_card(folder: Path, **front_matter: str) -> None:
    """Put a README into `folder` that names, for example, `license`."""
    metadata_save(folder / "README.md", front_matter)


@dataclass(frozen=True)
class StoredFile:
    """A file of a repository.

    `is_large`: in Git LFS, so that its ETag is the SHA-256 and another host hands it out; else its
    ETag is git's blob hash (`file_download.py:267-271`).
    """

    path: Path

    @property
    def is_large(self) -> bool:
        return self.path.suffix in LARGE_SUFFIXES

    @property
    def size(self) -> int:
        return self.path.stat().st_size

    @property
    def sha256(self) -> str:
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    @property
    def blob_id(self) -> str:
        head = f"blob {self.size}\0".encode()
        return hashlib.sha1(head + self.path.read_bytes(), usedforsecurity=False).hexdigest()

    @property
    def etag(self) -> str:
        return self.sha256 if self.is_large else self.blob_id

    def as_sibling(self, name: str) -> dict[str, Any]:
        """As `?blobs=True` lists it: `hf_api.py:969-984` reads these keys."""
        listed: dict[str, Any] = {"rfilename": name, "size": self.size, "blobId": self.blob_id}
        if self.is_large:
            listed["lfs"] = {
                "size": self.size,
                "sha256": self.sha256,
                "pointerSize": POINTER_BYTES,
            }
        return listed

    def as_tree_entry(self, name: str) -> dict[str, Any]:
        """As `/tree` lists it: `hf_api.py:711-717` and `:4028` read these keys."""
        listed: dict[str, Any] = {
            "type": "file",
            "path": name,
            "size": self.size,
            "oid": self.blob_id,
        }
        if self.is_large:
            listed["lfs"] = {"size": self.size, "oid": self.sha256, "pointerSize": POINTER_BYTES}
        return listed


@dataclass
class Repo:
    """A folder as a repository. Files are read when they are asked for; the commit stays."""

    repo_id: str
    kind: Kind
    folder: Path
    gated: Literal[False, "auto", "manual"] = False
    is_private: bool = False
    commit: str = ""

    def __post_init__(self) -> None:
        if not self.commit:
            names = "\0".join(f"{name} {file.etag}" for name, file in self.files.items())
            seed = f"{self.kind} {self.repo_id}\0{names}".encode()
            self.commit = hashlib.sha1(seed, usedforsecurity=False).hexdigest()

    @property
    def files(self) -> dict[str, StoredFile]:
        return {
            path.relative_to(self.folder).as_posix(): StoredFile(path)
            for path in sorted(self.folder.rglob("*"))
            if path.is_file()
        }

    @property
    def card(self) -> dict[str, Any]:
        """The front matter of its README."""
        readme = self.folder / "README.md"
        return dict(metadata_load(readme) or {}) if readme.is_file() else {}

    def has_revision(self, revision: str) -> bool:
        return revision in ("main", self.commit)

    def as_info(self, *, with_blobs: bool) -> dict[str, Any]:
        """As the API tells it: `hf_api.py:913-1009` (models) and `:1091-1140` (datasets)."""
        return {
            "id": self.repo_id,
            "sha": self.commit,
            "private": self.is_private,
            "gated": self.gated,
            "cardData": self.card,
            "siblings": [
                file.as_sibling(name) if with_blobs else {"rfilename": name}
                for name, file in self.files.items()
            ],
        }


@dataclass
class Account:
    """Whom a token belongs to.

    Attributes:
        granted: repositories it has been let in to.
        pending, rejected: those where it asked and waits, or was refused.
        reads_gated: the permission of a fine-grained token; None is a classic one.
    """

    name: str
    granted: Collection[str] = ()
    pending: Collection[str] = ()
    rejected: Collection[str] = ()
    reads_gated: bool | None = None

    def as_whoami(self) -> dict[str, Any]:
        """`_login.py:430-440` reads name, role and displayName.

        `fineGrained` is what the hub adds for such tokens; the client never looks at it.
        """
        token: dict[str, Any] = {"displayName": "playground", "role": "read"}
        if self.reads_gated is not None:
            token |= {
                "role": "fineGrained",
                "fineGrained": {"canReadGatedRepos": self.reads_gated, "global": [], "scoped": []},
            }
        return {
            "type": "user",
            "name": self.name,
            "auth": {"type": "access_token", "accessToken": token},
        }
