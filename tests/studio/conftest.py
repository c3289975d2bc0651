"""Fixtures of the studio's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from running_studio import RunningStudio


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStudio]:
    """A studio on an empty workspace, entered."""
    running = RunningStudio(tmp_path_factory.mktemp("workspace"))
    running.enter()
    yield running
    running.end()
