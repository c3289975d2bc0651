"""Fixtures of the compositing tests."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import pytest
from portrait_scene import Scene, scene


@pytest.fixture(scope="session")
def portrait() -> Scene:
    return scene()


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    yield
    cv2.setNumThreads(before)
