"""Fixtures of the granting tests: a key, and a part of a sample in which a woman turns, smiles, looks up and blinks."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from effigie.consent.keys import SigningKey
from effigie.granting.performance import Performance, measure_performance
from effigie.media import EncodeSettings, VideoReader, VideoWriter


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    return SigningKey.create(tmp_path_factory.mktemp("keys") / "key.pem")


@pytest.fixture(scope="session")
def performed(sample, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """She turns to her left and smiles: seconds 6 to 10 of the clip, every other frame."""
    output = tmp_path_factory.mktemp("performed") / "turn.mp4"
    with VideoReader(sample("sample_woman")) as reader:
        frames = [frame for frame in reader if 6 <= float(frame.time) < 10][::2]
        begin = frames[0].time
        with VideoWriter(output, reader.info, EncodeSettings(crf=12, keep_audio=False)) as writer:
            for frame in frames:
                writer.write(
                    frame.image, Fraction(frame.time - begin), None if frame.duration is None else 2 * frame.duration
                )
    return output


@pytest.fixture(scope="session")
def performance(performed: Path) -> Performance:
    return measure_performance(performed)
