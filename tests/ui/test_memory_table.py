from __future__ import annotations

from model.loading.memory_plan import MemoryBudget, MemoryPlan, PrecisionPlan
from ui.memory_table import gigabytes, render_memory_plan

GB = 1_000_000_000


def plan(num_kv_heads: int = 1, device: str = "cuda:0") -> MemoryPlan:
    rows = (
        PrecisionPlan("bfloat16", 31 * GB, GB // 2, GB, GB),
        PrecisionPlan("4-bit", 9 * GB, GB // 2, GB, GB // 2),
    )
    budget = MemoryBudget(device, 24 * GB, (24 * GB,))
    return MemoryPlan("Star<Coder>", rows, budget, 48, num_kv_heads, 24 * GB, 8192)


def test_each_precision_has_its_figures_and_says_whether_it_fits() -> None:
    html = render_memory_plan(plan())
    assert "<td>31.0 GB</td><td>0.50 GB</td><td>2.0 GB</td><td>33.5 GB</td>" in html
    assert "<td>does not fit</td>" in html
    # 24 GB less weights, working memory and overhead, in caches of half a gigabyte.
    assert "<td>27 fit</td>" in html
    assert "24.0 GB free on cuda:0" in html


def test_the_cache_is_shown_against_what_multi_head_attention_would_take() -> None:
    assert "Multi-query attention: the cache holds 1 head for 48" in render_memory_plan(plan())
    assert "Grouped-query attention: the cache holds 4 heads" in render_memory_plan(plan(4))
    assert "would take 24.0 GB" in render_memory_plan(plan())
    assert "holds all 48 attention heads" in render_memory_plan(plan(48))


def test_the_resident_models_row_is_marked_and_its_weights_were_measured() -> None:
    html = render_memory_plan(plan(device="cpu"), precision="4-bit", footprint=GB // 4)
    assert html.count("aria-current") == 1
    assert "27 fit, loaded" in html
    assert "Measured weights: 0.25 GB" in html
    assert "free on this machine" in html


def test_a_title_is_text() -> None:
    assert "Star&lt;Coder&gt;" in render_memory_plan(plan())


def test_small_sizes_keep_two_digits() -> None:
    assert [gigabytes(size) for size in (340_000_000, 12_340_000_000)] == ["0.34 GB", "12.3 GB"]
