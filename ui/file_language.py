"""The language of a file, by what its name ends in, and of a block of code, by its fence."""

from __future__ import annotations

from pathlib import PurePosixPath

from ui.languages import LANGUAGES

# Titles of `ui.languages`.
_BY_ENDING = {
    "c h": "C",
    "cc cpp cxx hh hpp hxx": "C++",
    "cs": "C#",
    "css": "CSS",
    "dart": "Dart",
    "diff patch": "Diff",
    "dockerfile": "Dockerfile",
    "go": "Go",
    "hs": "Haskell",
    "htm html": "HTML",
    "java": "Java",
    "cjs js jsx mjs": "JavaScript",
    "ipynb json": "JSON",
    "jl": "Julia",
    "kt kts": "Kotlin",
    "lua": "Lua",
    "markdown md": "Markdown",
    "m": "Objective-C",
    "pl pm": "Perl",
    "php": "PHP",
    "ps1 psm1": "PowerShell",
    "py pyi pyw": "Python",
    "r": "R",
    "rb": "Ruby",
    "rs": "Rust",
    "sc scala": "Scala",
    "bash sh zsh": "Shell",
    "sql": "SQL",
    "swift": "Swift",
    "toml": "TOML",
    "cts mts ts tsx": "TypeScript",
    "yaml yml": "YAML",
    "txt": "Plain text",
}
_TITLES = {ending: title for endings, title in _BY_ENDING.items() for ending in endings.split()}
_NAMED = {
    name.lower(): language.title
    for language in LANGUAGES
    for name in (language.title, language.lexer, language.editor)
    if name is not None
}


def language_of_file(path: str) -> str | None:
    """The title of its language; None where the name does not tell."""
    name = PurePosixPath(path.replace("\\", "/")).name.lower()
    return _TITLES.get(name.rpartition(".")[2])


def language_named(name: str) -> str | None:
    """The title of the language that a fence calls so: "rust" and "rs", "bash" and "Shell"."""
    return _NAMED.get(name.lower()) or _TITLES.get(name.lower())
