"""Which packages may be learned from: only what their own metadata calls permissive."""

from __future__ import annotations

import re
from email.message import Message

# SPDX identifiers. MIT, BSD, Apache-2.0 and PSF, and what asks for no more than they do.
PERMISSIVE = {
    *("MIT", "MIT-0", "BSD-2-CLAUSE", "BSD-3-CLAUSE", "0BSD", "ISC"),
    *("APACHE-2.0", "PSF-2.0", "PYTHON-2.0", "PYTHON-2.0.1"),
}
_CLASSIFIERS = {
    "MIT License": "MIT",
    "BSD License": "BSD",
    "Apache Software License": "Apache-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "ISC License (ISCL)": "ISC",
}
# The free-text field, where packages say it in no better way.
_FREE_TEXT = {
    "mit": "MIT",
    "mit license": "MIT",
    "the mit license": "MIT",
    "bsd": "BSD",
    "bsd license": "BSD",
    "bsd-2-clause": "BSD-2-Clause",
    "bsd-3-clause": "BSD-3-Clause",
    "apache": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache-2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache 2.0 license": "Apache-2.0",
    "psf": "PSF-2.0",
    "psf-2.0": "PSF-2.0",
}
_OPERATORS = {"AND", "OR"}


class LicenceError(ValueError):
    """The metadata names no permissive licence; the message says what it names."""


def read_licence(metadata: Message) -> str:
    """The licence that a distribution's metadata names.

    The licence expression decides where there is one, then the classifiers, then the free text.
    Every licence named must be permissive, also where one could choose between several.

    Raises:
        LicenceError: no licence is named, or one that is not on the list.
    """
    if expression := metadata.get("License-Expression"):
        names = {name for name in re.findall(r"[\w.+-]+", expression) if name not in _OPERATORS}
        if unknown := {name for name in names if name.upper() not in PERMISSIVE}:
            raise LicenceError(f"{', '.join(sorted(unknown))} is not on the list")
        return str(expression)
    if classifiers := _licence_classifiers(metadata):
        if unknown := set(classifiers) - set(_CLASSIFIERS):
            raise LicenceError(f"{', '.join(sorted(unknown))} is not on the list")
        return " AND ".join(sorted({_CLASSIFIERS[name] for name in classifiers}))
    text = " ".join(str(metadata.get("License", "")).split())
    if licence := _FREE_TEXT.get(text.casefold()):
        return licence
    raise LicenceError(f"{text[:40]!r} is not on the list" if text else "no licence is named")


def _licence_classifiers(metadata: Message) -> list[str]:
    prefix = "License :: "
    names = (
        str(line).removeprefix(prefix).removeprefix("OSI Approved :: ")
        for line in metadata.get_all("Classifier", [])
        if str(line).startswith(prefix)
    )
    return [name for name in names if name != "OSI Approved"]
