from fractions import Fraction

import numpy as np
import pytest

from effigie.compositing.smoothing import ExponentialAverage, OneEuroFilter, WindowedSmoother, smooth_series
from effigie.compositing.temporal import MotionCompensatedFilter
from effigie.errors import UsageError


def _times(count, seed=0):
    """Variable frame rate: steps of 1/60 to 1/20 s, exact."""
    steps = np.random.default_rng(seed).integers(1, 4, count)
    return [Fraction(int(total), 60) for total in np.cumsum(steps)]


def test_one_euro_calms_rest_and_follows_motion():
    rng, times = np.random.default_rng(0), _times(300)
    still = OneEuroFilter(min_cutoff=1, beta=0.05)
    calm = np.array([still(5 + rng.standard_normal((4, 2)), time) for time in times])
    assert calm[50:].std() < 0.45
    moving = OneEuroFilter(min_cutoff=1, beta=0.05)
    path = [moving(np.array([400.0 * float(time)]), time)[0] - 400.0 * float(time) for time in times]
    slow = OneEuroFilter(min_cutoff=1, beta=0)
    lag = [slow(np.array([400.0 * float(time)]), time)[0] - 400.0 * float(time) for time in times]
    assert abs(path[-1]) < 0.2 * abs(lag[-1])


def test_one_euro_reset_and_repeated_time_start_anew():
    smoother = OneEuroFilter()
    smoother(np.zeros(3), 0.0)
    assert (smoother(np.ones(3), 0.04) < 1).all()
    smoother.reset()
    assert (smoother(np.full(3, 9.0), 0.08) == 9).all()
    assert (smoother(np.full(3, 2.0), 0.08) == 2).all()


@pytest.mark.parametrize("degree", [0, 2])
def test_series_has_no_phase_and_takes_noise_off(degree):
    times = _times(200)
    seconds = np.array([float(time) for time in times])
    clean = np.sin(2 * np.pi * 0.5 * seconds)[:, None, None] * np.ones((2, 3))
    noisy = clean + 0.1 * np.random.default_rng(1).standard_normal(clean.shape)
    smooth = smooth_series(times, noisy, 0.5, degree)
    inner = slice(20, -20)
    assert np.abs(smooth - clean)[inner].mean() < 0.6 * np.abs(noisy - clean)[inner].mean()
    lags = [np.mean(np.roll(smooth[:, 0, 0], shift)[inner] * clean[inner, 0, 0]) for shift in range(-3, 4)]
    assert np.argmax(lags) == 3


def test_degree_two_keeps_a_parabola_whatever_the_frame_rate():
    times = _times(60)
    seconds = np.array([float(time) for time in times])
    parabola = 3 * seconds**2 - seconds + 1
    assert np.allclose(smooth_series(times, parabola, 0.4, 2), parabola)


def test_nothing_is_averaged_across_a_cut():
    times = _times(60)
    step = np.repeat([0.0, 10.0], 30)
    assert np.allclose(smooth_series(times, step, 0.5, 0, cuts=[30]), step)
    assert not np.allclose(smooth_series(times, step, 0.5, 0), step)


def test_stream_equals_series():
    times, rng = _times(80), np.random.default_rng(2)
    values = rng.standard_normal((80, 2, 3))
    smoother, final = WindowedSmoother(0.4), []
    for time, value in zip(times, values, strict=True):
        ready = smoother.push(time, value)
        assert all(time - when >= Fraction(1, 5) for when, _ in ready)
        final += ready
    final += smoother.flush()
    assert [when for when, _ in final] == times
    assert np.allclose(np.stack([value for _, value in final]), smooth_series(times, values, 0.4))
    assert smoother.flush() == []


def test_times_that_do_not_rise_are_refused():
    smoother = WindowedSmoother()
    smoother.push(Fraction(1), np.zeros(2))
    with pytest.raises(ValueError, match="follow"):
        smoother.push(Fraction(1), np.zeros(2))
    with pytest.raises(ValueError, match="rise"):
        smooth_series([0.0, 0.0], np.zeros(2), 0.1)
    with pytest.raises(UsageError, match="degree"):
        smooth_series([0.0, 1.0], np.zeros(2), 0.1, 5)


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
