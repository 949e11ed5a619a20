"""The memory plan as a table: what fits, and why not."""

from __future__ import annotations

from html import escape

from model.loading.memory_plan import MemoryPlan, PrecisionPlan

_HEADS = ("Weights in", "Weights", "Cache", "Working", "Together", "Full contexts")


def render_memory_plan(
    plan: MemoryPlan, *, precision: str | None = None, footprint: int | None = None
) -> str:
    """What the model needs in each precision, against what is free.

    Args:
        precision: of the model that is resident: its row is marked.
        footprint: bytes of its weights as they were measured.
    """
    heads = "".join(f'<th scope="col">{head}</th>' for head in _HEADS)
    rows = "".join(_row(plan, row, row.precision == precision) for row in plan.rows)
    caption = f"Memory for {escape(plan.title)}, {plan.context_length:,} tokens of context"
    measured = "" if footprint is None else f" Measured weights: {gigabytes(footprint)}."
    return (
        f'<table class="pg-memory"><caption>{caption}</caption><thead><tr>{heads}</tr></thead>'
        f'<tbody>{rows}</tbody></table><p class="pg-fine">{_free(plan)}{measured} {_cache(plan)}'
        "</p>"
    )


def gigabytes(num_bytes: int) -> str:
    """12.3 GB; below one, 0.34 GB."""
    value = num_bytes / 1e9
    return f"{value:,.1f} GB" if value >= 1 else f"{value:.2f} GB"


def _row(plan: MemoryPlan, row: PrecisionPlan, is_resident: bool) -> str:
    fits = plan.fits(row)
    num = row.num_conversations(plan.budget.free)
    verdict = f"{num:,} fit" if fits else "does not fit"
    if is_resident:
        verdict += ", loaded"
    cells = (
        f'<th scope="row">{escape(row.precision)}</th>',
        *(
            f"<td>{gigabytes(size)}</td>"
            for size in (row.weights, row.kv_cache, row.activations + row.overhead, row.total)
        ),
        f"<td>{verdict}</td>",
    )
    state = "fits" if fits else "over"
    current = ' aria-current="true"' if is_resident else ""
    return f'<tr class="pg-{state}"{current}>{"".join(cells)}</tr>'


def _free(plan: MemoryPlan) -> str:
    where = "this machine" if plan.budget.device == "cpu" else escape(plan.budget.device)
    return f"{gigabytes(plan.budget.free)} free on {where} when this was planned."


def _cache(plan: MemoryPlan) -> str:
    """How small the cache is, and by what."""
    heads, kept = plan.num_heads, plan.num_kv_heads
    if kept >= heads:
        return f"The cache holds all {heads} attention heads."
    kind = "Multi-query" if kept == 1 else "Grouped-query"
    noun = "head" if kept == 1 else "heads"
    return (
        f"{kind} attention: the cache holds {kept} {noun} for {heads}; with all of them one full "
        f"context would take {gigabytes(plan.kv_cache_multi_head)}."
    )
