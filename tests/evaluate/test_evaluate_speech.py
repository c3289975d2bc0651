"""Tests of the metrics of mouths made from sound: known answers, and what must not count."""

from __future__ import annotations

import numpy as np
import pytest

from effigie.errors import UsageError
from effigie.evaluate.metrics import spoken_mouth as metrics
from effigie.evaluate.protocols.speech import Talker, read_talkers
from effigie.evaluate.report.speech_table import ClipScores, SpeechScores

STEP_S = 0.04
TIMES = STEP_S * np.arange(100)


def opening(*moments: float, width_s: float = 0.12) -> np.ndarray:
    """(100,) gap of a mouth that opens by 1 cm about moments."""
    return np.maximum.reduce([np.exp(-0.5 * ((TIMES - moment) / width_s) ** 2) for moment in moments])


def test_correlation_sees_no_size_and_size_no_course() -> None:
    own = np.stack([opening(1.0), opening(2.0), opening(3.0)], axis=1)
    half = 0.5 * own + 0.2
    assert np.allclose(metrics.correlate(half, own), 1) and np.allclose(metrics.measure_size(half, own), 0.5)
    assert metrics.correlate(-own, own)[0] == pytest.approx(-1)
    assert np.isnan(metrics.correlate(np.zeros_like(own), own)).all()


def test_a_closure_is_between_openings_and_in_speech() -> None:
    gaps = opening(1.0, 1.5, 2.4)
    heard = (TIMES > 0.7) & (TIMES < 2.6)
    (closure,) = metrics.find_closures(opening(1.0, 1.55, width_s=0.1), heard, STEP_S)
    assert 1.15 < TIMES[closure[0]] <= TIMES[closure[1]] < 1.4
    assert metrics.find_closures(gaps, TIMES > 2.0, STEP_S) == []  # the shut lips are before the speech
    assert metrics.find_closures(opening(1.0, 3.0), heard, STEP_S) == []  # a pause


def test_lips_that_shut_late_miss_and_open_ones_that_are_shut_are_counted() -> None:
    own = opening(1.0, 1.55, width_s=0.1)
    heard = (TIMES > 0.7) & (TIMES < 2.0)
    closures = metrics.find_closures(own, heard, STEP_S)
    for shift, hit in ((0, True), (1, True), (5, False)):
        assert metrics.share_shut(np.roll(own, shift), closures, STEP_S).tolist() == [hit]
    assert metrics.share_wrongly_shut(own, own, heard) == 0
    assert metrics.share_wrongly_shut(np.zeros(100), own, heard) == 1


def test_onset_and_lag_are_those_of_a_shifted_mouth() -> None:
    own = opening(1.2, 1.8, 2.6)
    late = np.interp(TIMES - 0.06, TIMES, own)
    assert metrics.measure_onset(late, own, TIMES, 1.0) == pytest.approx(60, abs=8)
    assert np.isnan(metrics.measure_onset(np.ones(100), own, TIMES, 1.0))
    assert metrics.find_lag(np.roll(own, 3), own, STEP_S) == pytest.approx(0.12)
    assert metrics.find_lag(np.roll(own, -2), own, STEP_S) == pytest.approx(-0.08)


def test_lips_that_tremble_shake() -> None:
    own = opening(1.2, 1.8, 2.6)
    trembling = own + 0.05 * (-1.0) ** np.arange(100)
    assert metrics.measure_shake(own, own) == pytest.approx(1)
    assert metrics.measure_shake(trembling, own) > 2


def test_talkers_are_read_from_a_table(tmp_path) -> None:
    table = tmp_path / "talkers.tsv"
    table.write_text("file\tperson\tsound_late_s\na.mp4\tAnna\t0.1\nb.mp4\tBen\t\n", "utf-8")
    assert read_talkers(table) == {"a.mp4": Talker("Anna", 0.1), "b.mp4": Talker("Ben", 0.0)}
    table.write_text("file,person\na.mp4,Anna\n", "utf-8")
    with pytest.raises(UsageError, match="needs the columns"):
        read_talkers(table)


def test_the_mean_counts_every_talker_once_and_every_closure() -> None:
    def scores(person: str, correlation: float, shut: int) -> ClipScores:
        return ClipScores("x", person, 75, (correlation,) * 3, (1.0,) * 3, 2, shut, 0.1, np.nan, 0.0, 1.0, 0.0)

    found = SpeechScores((scores("a", 0.9, 2), scores("a", 0.9, 2), scores("b", 0.5, 0)))
    assert [row[0] for row in found.rows()] == ["a", "b", "mean of talkers"]
    mean = found.rows()[-1]
    assert mean[2] == "0.70" and mean[6] == "0.67" and mean[8] == "–"
    assert found.markdown().count("\n") == 4
