"""Fixtures of the swap tests: networks of few channels, which train and load faster."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from effigie.media import EncodeSettings, VideoReader, VideoWriter, probe
from effigie.media.clip import ColorSpace
from effigie.swap import SwapSettings, train
from effigie.swap.presets import PRESETS

FOOTAGE_FRAMES = 4
KINDS = {
    "8-bit": ("yuv420p", ColorSpace("limited", "bt709", "bt709", "bt709")),
    "PQ": ("yuv420p10le", ColorSpace("limited", "bt2020", "bt2020", "smpte2084")),
    "HLG": ("yuv422p10le", ColorSpace("limited", "bt2020", "bt2020", "arib-std-b67")),
    "alpha": ("yuva444p10le", ColorSpace("limited", "bt709", "bt709", "bt709")),
    "8-bit RGB": ("gbrp", ColorSpace("full", "bt709", "bt709", "bt709")),
    "RGB": ("gbrp10le", ColorSpace("full", "bt709", "bt709", "bt709")),
    "grey": ("gray10le", ColorSpace("full", "bt709", "bt709", "bt709")),
}
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


@pytest.fixture(scope="session")
def footage(man, tmp_path_factory):
    """footage(kind, frames) -> the man's first frames, lossless, with highlights above white in a corner."""

    def make(kind, frames=FOOTAGE_FRAMES):
        path = tmp_path_factory.mktemp("footage") / "in.mkv"
        name, color = KINDS[kind]
        info = replace(probe(man), pixel_format=name, color=color)
        with (
            VideoReader(man, stop=frames) as reader,
            VideoWriter(path, info, EncodeSettings(codec="ffv1", keep_audio=False)) as out,
        ):
            for frame in reader:
                out.write(frame.image, frame.time, frame.duration)
        return path

    return make
