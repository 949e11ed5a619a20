"""The judge's criteria out of the answers: figures with 95 % intervals, and a table."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from training.gaps import SHAPES
from training.judge import Answer
from training.scoring import Estimate, bootstrap

FOLDER = Path(__file__).parent
BASELINE = "untouched"

Plain = Sequence[tuple[float, int]]
Figures = dict[str, dict[str, Estimate]]


def write_report(
    answers: Mapping[str, Sequence[Answer]],
    plain: Mapping[str, Plain],
    about: Mapping[str, Any],
    folder: Path = FOLDER,
) -> None:
    """Write results.json and results.md."""
    figures = {title: gap_figures(rows) for title, rows in answers.items()}
    baseline = answers.get(BASELINE)
    for title, rows in answers.items():
        if title != BASELINE:
            figures[title] |= suffix_figures(rows)
            if baseline:
                figures[title] |= compare(rows, baseline)
    for title, rows_ in plain.items():
        figures[title]["plain loss"] = bootstrap(rows_, _mean_loss)
        if title != BASELINE and BASELINE in plain:
            pairs = list(zip(rows_, plain[BASELINE], strict=True))
            figures[title]["plain loss / untouched's"] = bootstrap(pairs, _loss_ratio)
    num_gaps = len(next(iter(answers.values())))
    values = {
        title: {name: [each.value, each.low, each.high] for name, each in rows.items()}
        for title, rows in figures.items()
    }
    results = {**about, "gaps": num_gaps, "figures": values}
    (folder / "results.json").write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    (folder / "results.md").write_text(table(figures, num_gaps), "utf-8")


def gap_figures(answers: Sequence[Answer]) -> dict[str, Estimate]:
    figures = {
        "ends by itself": bootstrap(answers, _share(lambda a: a.ended)),
        "file parses": bootstrap(answers, _share(lambda a: a.parses)),
        "exact": bootstrap(answers, _share(lambda a: a.exact)),
        "similarity, mean": bootstrap(answers, lambda rows: _mean(a.similarity for a in rows)),
        "similarity, median": bootstrap(
            answers, lambda rows: statistics.median(a.similarity for a in rows)
        ),
    }
    for shape in SHAPES:
        rows = [answer for answer in answers if answer.shape == shape]
        if rows:
            figures[f"ends, {shape}"] = bootstrap(rows, _share(lambda a: a.ended))
            figures[f"parses, {shape}"] = bootstrap(rows, _share(lambda a: a.parses))
            figures[f"exact, {shape}"] = bootstrap(rows, _share(lambda a: a.exact))
            figures[f"similarity, {shape}"] = bootstrap(
                rows, lambda drawn: _mean(a.similarity for a in drawn)
            )
    return figures


def suffix_figures(answers: Sequence[Answer]) -> dict[str, Estimate]:
    """What the suffix is worth, in nats per token of the true middle."""
    pairs = [
        (answer.loss, answer.loss_without_suffix)
        for answer in answers
        if answer.loss is not None and answer.loss_without_suffix is not None
    ]
    return {
        "loss": bootstrap(pairs, lambda rows: _mean(loss for loss, _ in rows)),
        "loss, suffix empty": bootstrap(pairs, lambda rows: _mean(without for _, without in rows)),
        "suffix is worth": bootstrap(
            pairs, lambda rows: _mean(without - loss for loss, without in rows)
        ),
        "suffix is worth, median": bootstrap(
            pairs, lambda rows: statistics.median(without - loss for loss, without in rows)
        ),
    }


def compare(answers: Sequence[Answer], baseline: Sequence[Answer]) -> dict[str, Estimate]:
    """Against the baseline on the same gaps."""
    pairs = list(zip(answers, baseline, strict=True))
    if any(one.name != other.name for one, other in pairs):
        raise ValueError("the answers are to other gaps")
    return {
        "similarity / untouched's": bootstrap(
            pairs,
            lambda rows: (
                _mean(one.similarity for one, _ in rows)
                / max(1e-9, _mean(other.similarity for _, other in rows))
            ),
        ),
        "median similarity / untouched's": bootstrap(
            pairs,
            lambda rows: (
                statistics.median(one.similarity for one, _ in rows)
                / max(1e-9, statistics.median(other.similarity for _, other in rows))
            ),
        ),
    }


def table(figures: Mapping[str, Mapping[str, Estimate]], num_gaps: int) -> str:
    titles = list(figures)
    names = list(dict.fromkeys(name for title in titles for name in figures[title]))
    lines = [f"| {num_gaps} gaps | {' | '.join(titles)} |", "| --- |" + " --- |" * len(titles)]
    for name in names:
        cells = [str(figures[title].get(name, "")) for title in titles]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _mean(values: Any) -> float:
    return statistics.fmean(values)


def _share(holds: Callable[[Answer], bool]) -> Callable[[Sequence[Answer]], float]:
    return lambda rows: sum(map(holds, rows)) / len(rows)


def _mean_loss(rows: Plain) -> float:
    return sum(loss for loss, _ in rows) / sum(tokens for _, tokens in rows)


def _loss_ratio(pairs: Sequence[tuple[tuple[float, int], tuple[float, int]]]) -> float:
    return _mean_loss([one for one, _ in pairs]) / _mean_loss([other for _, other in pairs])
