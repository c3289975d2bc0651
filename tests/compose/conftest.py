"""What the tests of this room share."""

from __future__ import annotations

import cv2
import pytest
from portrait_scene import Scene, scene


@pytest.fixture(scope="session")
def portrait() -> Scene:
    return scene()


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    cv2.setNumThreads(1)
