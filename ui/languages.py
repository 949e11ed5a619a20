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
    Language("C#", "csharp", "csharp"),
    Language("CSS", "css", "css"),
    Language("Dart", "dart", "dart"),
    Language("Diff", "diff", "diff"),
    Language("Dockerfile", "dockerfile", "docker"),
    Language("Go", "go", "go"),
    Language("Haskell", "haskell", "haskell"),
    Language("HTML", "html", "html"),
    Language("Java", "java", "java"),
    Language("JavaScript", "javascript", "javascript"),
    Language("JSON", "json", "json"),
    Language("Julia", "julia", "julia"),
    Language("Kotlin", "kotlin", "kotlin"),
    Language("Lua", "lua", "lua"),
    Language("Markdown", "markdown", "markdown"),
    Language("Objective-C", "objectivec", "objective-c"),
    Language("Perl", "perl", "perl"),
    Language("PHP", "php", "php"),
    Language("PowerShell", "powershell", "powershell"),
    Language("Python", "python", "python"),
    Language("R", "r", "r"),
    Language("Ruby", "ruby", "ruby"),
    Language("Rust", "rust", "rust"),
    Language("Scala", "scala", "scala"),
    Language("Shell", "shell", "bash"),
    Language("SQL", "sql", "sql"),
    Language("Swift", "swift", "swift"),
    Language("TOML", "toml", "toml"),
    Language("TypeScript", "typescript", "typescript"),
    Language("YAML", "yaml", "yaml"),
)
DEFAULT_LANGUAGE = "Python"

_BY_TITLE = {language.title: language for language in LANGUAGES}


def language_of(title: str) -> Language:
    """The language of that name; plain text for a name that is not offered."""
    return _BY_TITLE.get(title, LANGUAGES[0])
