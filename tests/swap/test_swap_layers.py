"""Tests of layers: over the footage, in another program, they are the output; and they can be traced as it can."""

from __future__ import annotations

import builtins
import errno
import json
import os
import shutil
from dataclasses import replace

import av
import cv2
import numpy as np
import pytest

import effigie
from effigie.errors import EffigieError, UsageError
from effigie.faces.crop import apply_affine
from effigie.media import EncodeSettings, VideoReader, output_place, probe
from effigie.media.layer_picture import read_whole
from effigie.provenance import plan_signed_output
from effigie.swap import ConvertSettings, convert

OpenEXR = pytest.importorskip("OpenEXR")
COUNT = 4
LOSSLESS = EncodeSettings(codec="ffv1")
LANDMARKS = 478


def run(model, clip, folder, name="out.mkv", **options):
    settings = ConvertSettings(encode=LOSSLESS, max_frames=COUNT, layers=folder / "layers", **options)
    if name == "frames":
        settings = replace(settings, encode=EncodeSettings(codec="png"))
    return convert(model, clip, folder / name, settings)


def read_layers(folder):
    return [OpenEXR.File(str(path)).channels()["RGBA"].pixels for path in sorted(folder.glob("*.exr"))]


def read_tracks(folder):
    return [json.loads(line) for line in (folder / "tracking.jsonl").read_text("utf-8").splitlines()]


def pictures(clip):
    """(H, W, 3) float R'G'B' in the footage's transfer, of each frame."""
    with VideoReader(clip, stop=COUNT, native=True) as reader:
        return [read_whole(frame.native) for frame in reader]


def compose(layer, footage):
    layer = layer.astype(np.float64)
    return layer[..., :3] + (1 - layer[..., 3:]) * footage


@pytest.mark.parametrize(
    "kind", ["8-bit", "PQ", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("HLG", "alpha", "RGB", "grey"))]
)
def test_layers_over_the_footage_are_the_output(quick_model, footage, tmp_path, kind):
    clip = footage(kind)
    report = run(quick_model, clip, tmp_path)
    layers, deep = read_layers(tmp_path / "layers"), kind != "8-bit"
    assert report.swapped == len(layers) == COUNT
    assert all(layer.dtype == (np.float32 if deep else np.float16) for layer in layers)
    code_value = 1 / (1023 if deep else 255)
    for before, after, layer in zip(pictures(clip), pictures(tmp_path / "out.mkv"), layers, strict=True):
        assert np.abs(compose(layer, before) - after).max() < 0.25 * code_value
        # The matte is that of a face, whole in its middle; the mark lies outside of it too.
        alpha = layer[..., 3]
        assert alpha.min() == 0 and alpha.max() > 0.99 and 0.01 < (alpha > 0.5).mean() < 0.5
        assert np.abs(layer[..., :3][alpha == 0]).max() > 0
