"""The look: a theme on Gradio's base, fonts of the system, colours for light and dark."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

from ui.editor import script_address
from ui.translation import build_script

FOLDER = Path(__file__).parent
# In this order.
SCRIPTS = (
    *("translation.js", "text_direction.js", "page.js", "shortcuts.js", "kept_store.js"),
    *("kept_parts.js", "kept_list.js", "kept_talks.js", "talk_list.js", "kept_drafts.js"),
)

TEAL = gr.themes.Color(
    name="teal",
    c50="#effbf9",
    c100="#d3f4ee",
    c200="#a8e6dc",
    c300="#74d2c4",
    c400="#41b6a7",
    c500="#239a8c",
    c600="#177a70",
    c700="#14635c",
    c800="#144f4a",
    c900="#14423e",
    c950="#072725",
)
SLATE = gr.themes.Color(
    name="slate",
    c50="#f8f9fb",
    c100="#f1f3f6",
    c200="#e3e7ec",
    c300="#cdd3db",
    c400="#97a1af",
    c500="#626c7c",
    c600="#4a5464",
    c700="#333c4a",
    c800="#1d242e",
    c900="#151a22",
    c950="#0e1218",
)

# Theme variables of Gradio; the ones in `*` refer to others.
VARIABLES = {
    "body_background_fill": "*neutral_50",
    "body_background_fill_dark": "*neutral_950",
    "background_fill_primary": "white",
    "background_fill_primary_dark": "*neutral_900",
    "background_fill_secondary": "*neutral_100",
    "background_fill_secondary_dark": "*neutral_800",
    "block_background_fill": "white",
    "block_background_fill_dark": "*neutral_900",
    "block_border_width": "1px",
    "block_border_color": "*neutral_200",
    "block_border_color_dark": "*neutral_700",
    "border_color_primary": "*neutral_200",
    "border_color_primary_dark": "*neutral_700",
    "body_text_color_subdued": "*neutral_500",
    "body_text_color_subdued_dark": "*neutral_400",
    "block_info_text_color": "*neutral_500",
    "block_info_text_color_dark": "*neutral_400",
    "block_label_text_color": "*neutral_600",
    "block_label_text_color_dark": "*neutral_300",
    "block_label_background_fill": "transparent",
    "block_label_background_fill_dark": "transparent",
    "block_label_border_width": "0px",
    "block_title_text_weight": "500",
    "block_shadow": "none",
    "input_background_fill": "white",
    "input_background_fill_dark": "*neutral_950",
    "input_border_width": "1px",
    "input_border_color": "*neutral_300",
    "input_border_color_dark": "*neutral_700",
    "input_border_color_focus": "*primary_500",
    "input_border_color_focus_dark": "*primary_400",
    "button_primary_background_fill": "*primary_600",
    "button_primary_background_fill_hover": "*primary_700",
    "button_primary_background_fill_dark": "*primary_600",
    "button_primary_background_fill_hover_dark": "*primary_700",
    "button_primary_text_color": "white",
    "button_secondary_background_fill": "white",
    "button_secondary_background_fill_hover": "*neutral_100",
    "button_secondary_background_fill_dark": "*neutral_800",
    "button_secondary_background_fill_hover_dark": "*neutral_700",
    "button_secondary_border_color": "*neutral_300",
    "button_secondary_border_color_dark": "*neutral_700",
    "button_border_width": "1px",
    "button_transition": "background-color 120ms ease",
    "link_text_color": "*primary_700",
    "link_text_color_dark": "*primary_300",
    "slider_color": "*primary_600",
    "slider_color_dark": "*primary_400",
}


def build_theme() -> gr.themes.Base:
    """Nothing in it is fetched from elsewhere."""
    theme = gr.themes.Base(
        primary_hue=TEAL,
        secondary_hue=TEAL,
        neutral_hue=SLATE,
        text_size=gr.themes.sizes.text_sm,
        spacing_size=gr.themes.sizes.spacing_sm,
        radius_size=gr.themes.sizes.radius_sm,
        font=["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"],
        font_mono=["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace"],
    )
    return theme.set(**VARIABLES)


def read_css() -> str:
    names = (
        *("style.css", "editor.css", "shortcuts.css", "chat_code.css", "token_view.css"),
        *("share.css", "kept.css", "talks.css", "files.css", "samples.css", "forms.css"),
    )
    return "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in names)


def read_head() -> str:
    """The page's own scripts, and a policy that lets nothing be fetched from elsewhere.

    A reply may hold Markdown for an image at any address; the policy keeps the browser from
    asking for it, and so from telling that address what the conversation was about.
    """
    texts = [build_script(), *((FOLDER / name).read_text(encoding="utf-8") for name in SCRIPTS)]
    scripts = "".join(f"<script>{text}</script>" for text in texts)
    sources = "img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:"
    return (
        f'<meta http-equiv="Content-Security-Policy" content="{sources}">'
        f'<link rel="preload" as="script" href="{script_address()}">{scripts}'
    )
