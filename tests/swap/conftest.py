"""Fixtures of the swap tests: networks of few channels, which train and load faster."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from effigie.swap import SwapSettings, train
from effigie.swap.presets import PRESETS

NARROW = replace(PRESETS["tiny"], width=8, depth=1)


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gives the smallest preset few channels, for training in this process."""
    monkeypatch.setitem(PRESETS, "tiny", NARROW)


@pytest.fixture(scope="session")
def quick_model(few_faces: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The woman for the man as ``model`` is, of few channels and eight kept frames; copy it before changing it."""
    folder = tmp_path_factory.mktemp("quick") / "model"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PRESETS, "tiny", NARROW)
        train(*few_faces, folder, SwapSettings(steps=2, batch=2, bank=8))
    return folder
