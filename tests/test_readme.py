"""What the README says of models is what the program says of them."""

from __future__ import annotations

from pathlib import Path

from model.loading.footprint import config_of, plan_memory
from model.loading.memory_plan import MemoryBudget, MemoryPlan
from model.presets import EMBEDDED_BASE, HUB_PRESETS, ModelPreset

README = Path(__file__).parents[1] / "README.md"
# Larger than any of them, so that each row is there.
CARD = MemoryBudget("cuda:0", 10**12, (10**12,))


def plan(preset: ModelPreset) -> MemoryPlan:
    assert preset.shape is not None
    config = config_of(preset.shape)
    return plan_memory(preset.title, config, CARD, chunk=256, precision="bfloat16")


def preset_row(preset: ModelPreset) -> str:
    sizes = [f"{row.total / 1e9:.1f} GB" for row in plan(preset).rows]
    gate = " (licence)" if preset.is_gated else ""
    assert preset.shape is not None
    cells = [f"`{preset.name}`{gate}", preset.parameters, f"{preset.shape.context_length:,}"]
    return f"| {' | '.join([*cells, *sizes])} |"


def test_the_table_of_presets_is_what_is_planned_for_them() -> None:
    """To renew it: python -m tests.test_readme."""
    readme = README.read_text(encoding="utf-8")
    for preset in (EMBEDDED_BASE, *HUB_PRESETS):
        assert preset_row(preset) in readme, preset.name


if __name__ == "__main__":
    import sys

    for row in (EMBEDDED_BASE, *HUB_PRESETS):
        sys.stdout.write(f"{preset_row(row)}\n")
