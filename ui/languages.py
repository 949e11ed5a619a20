"""The languages that the page offers: a readable name, the editor's mode, pygments' lexer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Language:
    """`editor` is a mode of the code editor or None for plain text; `lexer` a pygments alias."""

    title: str
    editor: str | None
    lexer: str


LANGUAGES = (
    Language("Plain text", None, "text"),
    Language("C", "c", "c"),
    Language("C++", "cpp", "cpp"),
    Language("C#", None, "csharp"),
    Language("CSS", "css", "css"),
    Language("Dockerfile", "dockerfile", "docker"),
    Language("Go", None, "go"),
    Language("HTML", "html", "html"),
    Language("Java", None, "java"),
    Language("JavaScript", "javascript", "javascript"),
    Language("JSON", "json", "json"),
    Language("Kotlin", None, "kotlin"),
    Language("Markdown", "markdown", "markdown"),
    Language("PHP", None, "php"),
    Language("Python", "python", "python"),
    Language("R", "r", "r"),
    Language("Ruby", None, "ruby"),
    Language("Rust", None, "rust"),
    Language("Shell", "shell", "bash"),
    Language("SQL", "sql", "sql"),
    Language("TypeScript", "typescript", "typescript"),
    Language("YAML", "yaml", "yaml"),
)
DEFAULT_LANGUAGE = "Python"

_BY_TITLE = {language.title: language for language in LANGUAGES}


def language_of(title: str) -> Language:
    """The language of that name; plain text for a name that is not offered."""
    return _BY_TITLE.get(title, LANGUAGES[0])
