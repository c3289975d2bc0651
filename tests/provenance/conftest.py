"""The clip that tests of marks at faces share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from effigie.faces.tracker import Tracker
from effigie.media import VideoReader
from effigie.provenance.watermark import Anchor, measure_anchor

FRAMES = 16


@pytest.fixture(scope="session")
def plain(man: Path) -> list[np.ndarray]:
    """Every second frame of the man, (360, 640, 3) uint8."""
    with VideoReader(man, 0, 2 * FRAMES) as reader:
        return [frame.image for frame in reader][::2]


@pytest.fixture(scope="session")
def anchors(plain: list[np.ndarray]) -> list[Anchor]:
    """Of his face in each."""
    tracker = Tracker()
    return [measure_anchor(tracker(image)[0].landmark_result.landmarks) for image in plain]
