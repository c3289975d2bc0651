"""Row: swaps without training, on many pairs: expression, skin, likeness and picture of geometry alone."""

from __future__ import annotations

import numpy as np

import effigie
from benchmarks.fixtures.row import RowContext, RowResult
from benchmarks.rows.swapping import convert_and_evaluate
from effigie.evaluate.report.figures import Figure
from effigie.io.atomic_write import discard
from effigie.swap import build_swap


def at_once(context: RowContext) -> RowResult:
    """Build a swap of every pair, both ways, from face sets of training clips; convert a held-out clip; measure it."""
    found: dict[str, list[Figure]] = {}
    speed: dict[str, float] = {}
    pairs = context.material.many_pairs()[: 1 if context.quick else None]
    for source_name, target_name in [way for pair in pairs for way in (pair, pair[::-1])]:
        source, target = context.material.actor(source_name), context.material.actor(target_name)
        name, clip = f"{source_name} into {target_name}", target.test[0]
        folder = context.work / "at-once" / name.replace(" ", "-")
        discard(folder)
        folder.mkdir(parents=True)
        consent = context.consent(source)
        build_swap(context.faces(source), clip, folder / "model", consent=consent, cancel=context.cancel)
        scores, report = convert_and_evaluate(context, folder / "model", clip, source, target, folder)
        found[name] = scores.figures()
        speed[name] = report.frames / report.seconds
    names = [figure.name for figure in next(iter(found.values()))]
    columns = {name: [figure.value_text for figure in figures] for name, figures in found.items()}
    values = np.array([[figure.value for figure in figures] for figures in found.values()], float)
    figures = [
        Figure(f"{name}, median of the directions", float(np.nanmedian(each)) if np.isfinite(each).any() else np.nan)
        for name, each in zip(names, values.T, strict=True)
    ]
    notes = [f"{name}: {rate:.1f} frames/s" for name, rate in speed.items()]
    return RowResult("Swaps without training", figures, columns, notes, {"effigie": effigie.__version__})
