"""Row: the same swap trained with an adversary and without, for the same minutes."""

from __future__ import annotations

from pathlib import Path

from benchmarks.fixtures.row import RowContext, RowResult
from benchmarks.rows.swapping import convert_and_evaluate, row_name, trained_model
from effigie.evaluate.report.figures import Figure
from effigie.evaluate.report.scores import SwapScores
from effigie.io.atomic_write import discard

SHARE = 0.3
FACE = ("similarity to the source", "similarity to the target", "Fréchet distance to the source's faces")
REST = ("expression error, share of the eye distance", "sharpness, output over input")


def adversary(context: RowContext) -> RowResult:
    """Both trained alike but for the adversary, both measured on the first of the target's held-out clips."""
    columns: dict[str, list[str]] = {}
    found: dict[str, dict[str, float]] = {}
    better: list[bool] = []
    names: list[str] = [*FACE, *REST]
    for pair in context.material.pairs():
        for source_name, target_name in (pair, pair[::-1]):
            source, target = context.material.actor(source_name), context.material.actor(target_name)
            way = row_name(source_name, target_name)
            plain, trained = trained_model(context, source, target)
            taught, _ = context.model(source, target, f"{way}-adversary", **trained["settings"], adversary=SHARE)
            measured = {}
            for kind, model in (("without", plain), ("with", taught)):
                folder = Path(context.work / f"{way}-compared" / kind)
                discard(folder)
                folder.mkdir(parents=True)
                scores, _ = convert_and_evaluate(context, model, target.test[0], source, target, folder)
                label = f"{way.removeprefix('swap-')}, {kind}"
                measured[kind] = found[label] = _values(scores, names)
                columns[label] = [f"{found[label][name]:.3g}" for name in names]
            first, second = measured["with"], measured["without"]
            better.append(
                first[FACE[0]] > second[FACE[0]]
                and first[FACE[2]] < second[FACE[2]]
                and first[REST[1]] > second[REST[1]]
            )
    figures = [
        Figure(
            f"{name}, with less without, mean",
            sum(
                found[label][name] - found[label.replace(", with", ", without")][name]
                for label in found
                if label.endswith(", with")
            )
            / len(better),
        )
        for name in names
    ]
    columns = {label: [*cells, ""] for label, cells in columns.items()}
    figures.append(Figure("directions in which identity, Fréchet distance and sharpness are better", sum(better)))
    notes = [f"a share of {SHARE:g}; the same minutes, so that the adversary's model has fewer steps"]
    return RowResult("Adversary, tiny", figures, columns, notes, {"figures": found})


def _values(scores: SwapScores, names: list[str]) -> dict[str, float]:
    found = {figure.name: figure.value for figure in scores.figures()}
    return {name: found[name] for name in names}
