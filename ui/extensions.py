"""What the names of files end in, by language."""

from __future__ import annotations

# By the titles in `ui.languages`.
EXTENSIONS = {
    "Plain text": ".txt",
    "C": ".c",
    "C++": ".cpp",
    "C#": ".cs",
    "CSS": ".css",
    "Dart": ".dart",
    "Diff": ".diff",
    "Dockerfile": ".dockerfile",
    "Go": ".go",
    "Haskell": ".hs",
    "HTML": ".html",
    "Java": ".java",
    "JavaScript": ".js",
    "JSON": ".json",
    "Julia": ".jl",
    "Kotlin": ".kt",
    "Lua": ".lua",
    "Markdown": ".md",
    "Objective-C": ".m",
    "Perl": ".pl",
    "PHP": ".php",
    "PowerShell": ".ps1",
    "Python": ".py",
    "R": ".r",
    "Ruby": ".rb",
    "Rust": ".rs",
    "Scala": ".scala",
    "Shell": ".sh",
    "SQL": ".sql",
    "Swift": ".swift",
    "TOML": ".toml",
    "TypeScript": ".ts",
    "YAML": ".yaml",
}


def extension_of(title: str) -> str:
    """Such as ".py"; ".txt" for a language that is not offered."""
    return EXTENSIONS.get(title, ".txt")
