"""A model of which only size and speed matter."""

from __future__ import annotations

from pathlib import Path

from effigie.evaluate.bench_rows.material import MAN, WOMAN, Samples
from effigie.evaluate.bench_rows.row import Setting

STEPS = 60


def speed_model(setting: Setting) -> Path:
    """A tiny swap of the sample man into the sample woman after a few steps; it need not be any good."""
    samples = Samples(setting.work / "clips")
    steps = 4 if setting.quick else STEPS
    return setting.model(samples.actor(MAN), samples.actor(WOMAN), "speed-model", preset="tiny", steps=steps)[
        0
    ]
