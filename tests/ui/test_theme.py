"""The page's colours, as numbers."""

from __future__ import annotations

import pytest

from ui.theme import TEAL, build_theme

AA_CONTRAST = 4.5


def luminance(color: str) -> float:
    """WCAG's relative luminance of "#rrggbb"."""
    channels = (int(color[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("state", ["", "_hover", "_dark", "_hover_dark"])
def test_the_main_button_can_be_read_in_every_state(state: str) -> None:
    theme = build_theme()
    assert theme.button_primary_text_color == "white"
    fill = getattr(theme, f"button_primary_background_fill{state}")
    shade = fill.removeprefix("*primary_")
    color = getattr(TEAL, f"c{shade}")
    assert 1.05 / (luminance(color) + 0.05) >= AA_CONTRAST
