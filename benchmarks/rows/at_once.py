"""Rows: swaps without training, on many pairs, by geometry alone; and the same after five minutes of training.

What a direction gave is kept: a bench that was stopped goes on with the next one.
"""

from __future__ import annotations

import numpy as np

import effigie
from benchmarks.fixtures.row import RowContext, RowResult
from benchmarks.rows.swapping import convert_and_evaluate
from effigie.evaluate.report.figures import Figure
from effigie.io.atomic_write import discard, read_json, write_json
from effigie.swap import SwapSettings, build_swap, train

MINUTES = 5.0
# What five minutes are to better: the figure's name, and whether more of it is better.
COMPARED = {
    "similarity to the source": True,
    "similarity to the target": False,
    "lips' gap, error where they are shut": False,
    "lips' gap, error where they are open": False,
    "mouth opening, correlation": True,
    "eye opening, correlation": True,
    "gaze error, eye widths": False,
    "skin off the footage's, worst of six places": False,
    "sharpness, output over input": True,
    "flicker, output over input": False,
}


def at_once(context: RowContext) -> RowResult:
    """Build a swap of every pair, both ways, from face sets of training clips; convert a held-out clip; measure it."""
    found: dict[str, list[Figure]] = {}
    speed: dict[str, float] = {}
    for source, target in _list_directions(context):
        name = f"{source} into {target}"
        found[name], speed[name] = _measure_direction(context, source, target, None)
    names = [figure.name for figure in next(iter(found.values()))]
    columns = {name: [figure.value_text for figure in figures] for name, figures in found.items()}
    values = np.array([[figure.value for figure in figures] for figures in found.values()], float)
    figures = [
        Figure(f"{name}, median of the directions", float(np.nanmedian(each)) if np.isfinite(each).any() else np.nan)
        for name, each in zip(names, values.T, strict=True)
    ]
    notes = [f"{name}: {rate:.1f} frames/s" for name, rate in speed.items()]
    return RowResult("Swaps without training", figures, columns, notes, {"effigie": effigie.__version__})


def five_minutes(context: RowContext) -> RowResult:
    """Measure the swaps of :func:`at_once` before and after five minutes of training."""
    minutes = 0.2 if context.quick else MINUTES
    columns: dict[str, list[str]] = {}
    gains: list[list[float]] = []
    for source, target in _list_directions(context):
        before, after = (
            {figure.name: figure for figure in _measure_direction(context, source, target, budget)[0]}
            for budget in (None, minutes)
        )
        columns[f"{source} into {target}"] = [
            f"{before[name].value_text} → {after[name].value_text}" for name in COMPARED
        ]
        gains.append([(after[name].value or 0) - (before[name].value or 0) for name in COMPARED])
    better = np.array(gains) * [1 if more else -1 for more in COMPARED.values()] > 0
    figures = [
        Figure(f"{name}: better in so many of {len(gains)} directions", float(count), "")
        for name, count in zip(COMPARED, better.sum(0), strict=True)
    ]
    return RowResult("Five minutes of training against none", figures, columns, [], {"minutes": minutes})


def _list_directions(context: RowContext) -> list[tuple[str, str]]:
    pairs = context.material.many_pairs()[: 1 if context.quick else None]
    return [*pairs, *(pair[::-1] for pair in pairs)]


def _measure_direction(
    context: RowContext, source_name: str, target_name: str, minutes: float | None
) -> tuple[list[Figure], float]:
    """Figures of a direction's first held-out clip, after so many minutes of training or none; and frames a second."""
    source, target = context.material.actor(source_name), context.material.actor(target_name)
    clip, faces, consent = target.test[0], context.faces(source), context.consent(source)
    folder = context.work / ("at-once" if minutes is None else "five-minutes") / f"{source_name}-into-{target_name}"
    kept = folder / "figures.json"
    if kept.is_file():
        record = read_json(kept)
        return [Figure.from_json(values) for values in record["figures"]], record["rate"]
    discard(folder)
    folder.mkdir(parents=True)
    build_swap(faces, clip, folder / "model", consent=consent, cancel=context.cancel)
    if minutes is not None:
        settings = SwapSettings(minutes=minutes)
        train(faces, context.faces(target), folder / "model", settings, consent=consent, cancel=context.cancel)
    scores, report = convert_and_evaluate(context, folder / "model", clip, source, target, folder, context.gallery())
    figures, rate = scores.figures(), report.frames / report.seconds
    write_json(kept, {"figures": [figure.to_json() for figure in figures], "rate": rate})
    return figures, rate
