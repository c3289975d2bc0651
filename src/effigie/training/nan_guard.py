"""Numeric guard: detects NaN, infinity and divergence, and decides how to resume after a roll-back."""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from effigie.errors import EffigieError

WINDOW = 100
"""Recent healthy losses that the median is taken over; also, steps after which a failure is past."""
MIN_HISTORY = 20
"""Losses needed before any can be called too high."""
DIVERGENCE_FACTOR = 5.0
"""A loss is too high when it exceeds the median by this many times the median, or the mean spread."""
MAX_STREAK = 25
"""Steps in a row with a loss too high that make a divergence; fewer are a hard batch."""
LR_BACKOFF = 0.5
"""What a roll-back multiplies the learning rate by."""
RECOVERY_STEPS = 500
"""Calm steps after which the learning rate doubles again, up to its setting: a bad batch is not for ever."""


class NumericError(EffigieError):
    """Training keeps failing numerically; what was reached before is kept."""


class NanGuard:
    """Checks losses and gradient norms step by step.

    Attributes:
        lr_scale: factor of the learning rate, 1 until something failed.
        order: which order of the data to use; a roll-back takes another, to get past a poisonous batch.
    """

    def __init__(self, max_rollbacks: int) -> None:
        self.max_rollbacks = max_rollbacks
        self.lr_scale = 1.0
        self.order = 0
        self._failures = 0
        self._failed_at = -WINDOW
        self._stable_steps = 0
        self._streak = 0
        self._terms: list[str] = []
        self._losses: deque[float] = deque(maxlen=WINDOW)

    @property
    def is_stable(self) -> bool:
        """Whether the latest loss was not too high: then this state is worth keeping."""
        return self._streak == 0

    def find_fault(self, terms: Mapping[str, float], gradient_norm: float) -> str | None:
        """What is wrong with a step's loss terms and gradients, in words, or None."""
        for name, value in terms.items():
            if not math.isfinite(value):
                return f"loss {name} is {value}"
        if not math.isfinite(gradient_norm):
            return f"the gradients' norm is {gradient_norm}"
        self._compare(sorted(terms), sum(terms.values()))
        return f"the loss has diverged to {sum(terms.values()):.4g}" if self._streak >= MAX_STREAK else None

    def record_healthy_step(self, step: int) -> None:
        """Count step ``step`` as healthy; lets the learning rate recover."""
        if step >= self._failed_at + WINDOW:
            self._failures = 0
        self._stable_steps += 1
        if self.lr_scale < 1 and self._stable_steps % RECOVERY_STEPS == 0:
            self.lr_scale = min(1.0, self.lr_scale / LR_BACKOFF)

    def roll_back(self, fault: str, step: int, good_step: int, folder: Path) -> str:
        """Decide how to go on from ``good_step`` after ``fault`` at ``step``; returns the note for the user."""
        self._failures += 1
        if self._failures > self.max_rollbacks:
            raise NumericError(
                f"training in {folder} fails numerically at step {step}: {fault}, after {self.max_rollbacks} "
                f"roll-backs too; the state of step {good_step} is kept. Train in fp32, at a lower "
                "learning rate, or look for broken pictures in the data"
            )
        self._failed_at = max(self._failed_at, step)
        self._streak = self._stable_steps = 0
        self.lr_scale *= LR_BACKOFF
        self.order += 1
        return (
            f"step {step}: {fault}; back to step {good_step} with {self.lr_scale:.3g} times the learning "
            "rate and the data in another order"
        )

    def state(self) -> dict[str, Any]:
        """The guard's state for a checkpoint, as JSON values."""
        return {
            "rate_scale": self.lr_scale,
            "order": self.order,
            "failures": self._failures,
            "failed_at": self._failed_at,
            "calm_steps": self._stable_steps,
            "terms": self._terms,
            "losses": list(self._losses),
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Restore what :meth:`state` returned."""
        self.lr_scale, self.order = state["rate_scale"], state["order"]
        self._failures, self._failed_at = state["failures"], state["failed_at"]
        self._stable_steps, self._terms = state["calm_steps"], list(state["terms"])
        self._losses = deque(state["losses"], maxlen=WINDOW)

    def _compare(self, names: list[str], loss: float) -> None:
        # A term that joins later (an adversary, say) raises the sum by design: start the comparison afresh.
        if names != self._terms:
            self._terms, self._streak = names, 0
            self._losses.clear()
        if len(self._losses) >= MIN_HISTORY:
            median = statistics.median(self._losses)
            spread = statistics.fmean(abs(value - median) for value in self._losses)
            # The spread matters for losses that live around zero or below, as an adversary's do.
            if loss > median + DIVERGENCE_FACTOR * max(abs(median), spread):
                self._streak += 1
                return
        self._streak = 0
        self._losses.append(loss)
