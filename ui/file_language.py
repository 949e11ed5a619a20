"""The language of a file, by what its name ends in and the other way round, and of a block of code,
by its fence."""

from __future__ import annotations

from pathlib import PurePosixPath

from ui.languages import LANGUAGES

# By the titles of `ui.languages`: what names of files end in. The first is what one is saved with.
ENDINGS = {
    "Plain text": "txt",
    "C": "c h",
    "C++": "cpp cc cxx hh hpp hxx",
    "C#": "cs",
    "CSS": "css",
    "Dart": "dart",
    "Diff": "diff patch",
    "Dockerfile": "dockerfile",
    "Go": "go",
    "Haskell": "hs",
    "HTML": "html htm",
    "Java": "java",
    "JavaScript": "js cjs jsx mjs",
    "JSON": "json ipynb",
    "Julia": "jl",
    "Kotlin": "kt kts",
    "Lua": "lua",
    "Markdown": "md markdown",
    "Objective-C": "m",
    "Perl": "pl pm",
    "PHP": "php",
    "PowerShell": "ps1 psm1",
    "Python": "py pyi pyw",
    "R": "r",
    "Ruby": "rb",
    "Rust": "rs",
    "Scala": "scala sc",
    "Shell": "sh bash zsh",
    "SQL": "sql",
    "Swift": "swift",
    "TOML": "toml",
    "TypeScript": "ts cts mts tsx",
    "YAML": "yaml yml",
}
_TITLES = {ending: title for title, endings in ENDINGS.items() for ending in endings.split()}
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


def extension_of(title: str) -> str:
    """Such as ".py"; ".txt" for a language that is not offered."""
    return "." + ENDINGS.get(title, "txt").split()[0]
