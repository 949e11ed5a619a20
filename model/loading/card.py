"""What a checkpoint's model card says in its front matter."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from huggingface_hub.repocard import metadata_load

from model.licenses import APACHE_2, OPENRAIL_M, License
from model.loading.hub_files import CARD


def read_license(folder: Path, page: str = "") -> License | None:
    """By the card in `folder`; None where there is no card, or it names none.

    Args:
        page: where the licence can be read if the card does not say.
    """
    try:
        return license_of(metadata_load(folder / CARD) or {}, page)
    except (OSError, ValueError):
        return None


def license_of(card: Mapping[str, Any], page: str = "") -> License | None:
    """By a card's front matter: `license`, and `license_name` and `license_link` where "other"."""
    named = card.get("license")
    name = str(named[0] if isinstance(named, list) and named else named or "")
    if name == "apache-2.0":
        return APACHE_2
    if name == "bigcode-openrail-m":
        return OPENRAIL_M
    if not name:
        return None
    if name == "other":
        name = str(card.get("license_name") or "its own licence")
    link = str(card.get("license_link") or "")
    url = link if link.startswith("https://") else page
    # The families whose texts forbid uses; which uses, only the text tells.
    restricts = any(word in name.lower() for word in ("rail", "llama", "gemma"))
    return License(name[:80], url, ("Uses that its text forbids.",) if restricts else ())
