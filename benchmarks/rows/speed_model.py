"""What rows about speed share: a model of which only size and speed matter, and a training that does not look up."""

from __future__ import annotations

from pathlib import Path

from benchmarks.rows.material import MAN, WOMAN, Samples
from benchmarks.rows.row import Setting
from effigie.swap.config import SwapSettings
from effigie.training import TrainingSettings

STEPS = 60
NEVER = 1e9


def speed_model(setting: Setting) -> Path:
    """A tiny swap of the sample man into the sample woman after a few steps; it need not be any good."""
    samples = Samples(setting.work / "clips")
    steps = 4 if setting.quick else STEPS
    return setting.model(samples.actor(MAN), samples.actor(WOMAN), "speed-model", preset="tiny", steps=steps)[
        0
    ]


def uninterrupted(steps: int | None = None) -> TrainingSettings:
    """As :func:`effigie.swap.train` chooses them, without looks and checkpoints in between; None: until cancelled."""
    return TrainingSettings(
        minutes=None,
        steps=steps,
        learning_rate=SwapSettings().learning_rate,
        betas=(0.5, 0.99),
        ema_decay=0.995,
        evaluate_every_s=NEVER,
        preview_every_s=NEVER,
        checkpoint_every_s=NEVER,
        tensorboard=False,
    )
