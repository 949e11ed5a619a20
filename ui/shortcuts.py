"""The keyboard's shortcuts: what the help lists is what the page's script presses."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

DIALOG_ID = "shortcuts-help"

# What a key is called on its cap, and what a Mac's has in its place.
_CAPS = {"Mod": ("Ctrl", "⌘"), "Alt": ("Alt", "⌥"), "Escape": ("Esc", "Esc")}


@dataclass(frozen=True, slots=True)
class Shortcut:
    """One line of the help.

    Attributes:
        keys: such as "Mod+Shift+Enter" (Mod is Control, on a Mac Command); of several, each works.
        does: what a person reads.
        presses: the buttons that the page's script presses, as a selector: the first that can be
            seen and is enabled. "" for keys that something else listens to.
    """

    keys: tuple[str, ...]
    does: str
    presses: str = ""


SHORTCUTS: dict[str, tuple[Shortcut, ...]] = {
    "In every tab": (
        Shortcut(("Mod+Enter",), "Generate, or send the message", "button.pg-run"),
        Shortcut(("Escape",), "Stop; what is there stays", "button.pg-stop"),
        Shortcut(
            ("Mod+Shift+Enter",),
            "Once more: regenerate, fill anew, or retry",
            "#continue-regenerate, #infill-run, #chat-retry",
        ),
        Shortcut(
            ("Alt+Enter",),
            "Go on: continue, or in Infill accept the middle",
            "#continue-further, #infill-take, #chat-further",
        ),
        Shortcut(("?",), "This help, outside of text boxes"),
    ),
    "In an editor": (
        Shortcut(("Mod+F",), "Search and replace"),
        Shortcut(("Mod+Z", "Mod+Shift+Z"), "Undo and redo what was typed"),
        Shortcut(("Tab", "Shift+Tab"), "Indent more or less"),
        Shortcut(("Escape Tab",), "Leave the editor: Esc first, then Tab"),
        Shortcut(("Mod+/",), "Comment lines out, or in again"),
        Shortcut(("Alt+↑", "Alt+↓"), "Move lines up or down"),
    ),
    "In the message box": (
        Shortcut(("Enter",), "Send"),
        Shortcut(("Shift+Enter",), "Begin a new line"),
    ),
}


def render_keys(keys: str) -> str:
    """Key caps as HTML: keys that go down together, or with a space between one after the other."""
    return " ".join("".join(map(_cap, chord.split("+"))) for chord in keys.split(" "))


def render_help() -> str:
    """The dialog, closed, and in its lines what the page's script needs to know."""
    groups = "".join(
        f"<section><h3>{escape(title)}</h3><dl>{''.join(map(_line, shortcuts))}</dl></section>"
        for title, shortcuts in SHORTCUTS.items()
    )
    return (
        f'<dialog id="{DIALOG_ID}" class="pg-dialog" aria-labelledby="{DIALOG_ID}-title" '
        'closedby="any"><form method="dialog"><header>'
        f'<h2 id="{DIALOG_ID}-title">Keyboard shortcuts</h2>'
        '<button type="submit" class="pg-close" aria-label="Close">×</button></header>'
        f"{groups}</form></dialog>"
    )


def render_help_button() -> str:
    return (
        f'<button type="button" class="pg-opens" data-opens="{DIALOG_ID}" '
        'aria-haspopup="dialog" aria-keyshortcuts="?" title="?">Shortcuts</button>'
    )


def _line(shortcut: Shortcut) -> str:
    caps = '<span class="pg-or"> or </span>'.join(map(render_keys, shortcut.keys))
    presses = (
        f' data-keys="{escape(shortcut.keys[0])}" data-presses="{escape(shortcut.presses)}"'
        if shortcut.presses
        else ""
    )
    return f"<div{presses}><dt>{escape(shortcut.does)}</dt><dd>{caps}</dd></div>"


def _cap(key: str) -> str:
    here, on_mac = _CAPS.get(key, (key, key))
    if here == on_mac:
        return f"<kbd>{escape(here)}</kbd>"
    return f'<kbd class="pg-not-mac">{here}</kbd><kbd class="pg-only-mac">{on_mac}</kbd>'
