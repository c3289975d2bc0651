from fractions import Fraction

import numpy as np
import pytest

from effigie.compositing.temporal import ExponentialAverage, MotionCompensatedFilter


def test_exponential_reaches_63_percent_after_its_time_constant_at_any_frame_rate():
    for rate in (10, 25, 60):
        smoother = ExponentialAverage(0.5)
        smoother(np.zeros(1), 0)
        steps = [smoother(np.ones(1), Fraction(frame, rate)) for frame in range(1, rate // 2 + 1)]
        assert steps[-1] == pytest.approx(1 - np.exp(-1), abs=0.02)
    assert ExponentialAverage(0)(np.ones(1), 0) == 1


def test_motion_compensated_takes_flicker_but_leaves_no_ghost():
    rng = np.random.default_rng(3)
    base = np.full((96, 96, 3), 0.5, np.float32)
    calm, out = MotionCompensatedFilter(0.7), []
    for frame in range(30):
        noisy = base + 0.01 * rng.standard_normal(base.shape).astype(np.float32)
        out.append(calm(noisy, frame / 25))
    assert np.std(out[-1] - base) < 0.007
    opened = base.copy()
    opened[60:80, 30:66] = 0.1
    ghost = np.abs(calm(opened, 30 / 25) - opened)
    assert ghost[62:78, 32:64].max() < 0.01
    calm.reset()
    assert calm(base, 31 / 25) is base
