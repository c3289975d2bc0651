"""Tests of conversions in the footage's own samples: depth, transfer, alpha and everything outside of the mask stay."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from av.codec.context import Flags

from effigie.media import EncodeSettings, VideoReader, probe
from effigie.media.fields import is_combed
from effigie.media.samples.pixel_layout import find_layout
from effigie.provenance import TrustSettings
from effigie.provenance.watermark import detect_file
from effigie.swap import ConvertSettings, Preview, convert

COUNT = 4
LOSSLESS = EncodeSettings(codec="ffv1")


def swap(model, clip, folder, **trust):
    """Convert; returns frames before and after as decoded, masks, and the report."""
    settings = ConvertSettings(encode=LOSSLESS, trust=TrustSettings(**trust), masks=folder / "masks", max_frames=COUNT)
    report = convert(model, clip, folder / "out.mkv", settings)
    with VideoReader(clip, stop=COUNT, native=True) as one, VideoReader(folder / "out.mkv", native=True) as two:
        pairs = [(a.native, b.native) for a, b in zip(one, two, strict=True)]
    masks = [cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in sorted((folder / "masks").iterdir())]
    return pairs, masks, report


@pytest.mark.parametrize(
    "kind", ["8-bit", "PQ", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("HLG", "alpha", "RGB", "grey"))]
)
def test_nothing_outside_the_mask_changes(quick_model, footage, tmp_path, kind):
    clip = footage(kind)
    pairs, masks, report = swap(quick_model, clip, tmp_path, watermark=False)
    assert report.swapped == COUNT
    info = probe(tmp_path / "out.mkv")
    assert (info.pixel_format, info.color) == (probe(clip).pixel_format, probe(clip).color)
    for (before, after), mask in zip(pairs, masks, strict=True):
        for letter in before.layout.components:
            one, other = before.samples(letter), after.samples(letter)
            down, across = mask.shape[0] // one.shape[0], mask.shape[1] // one.shape[1]
            changed = mask.reshape(one.shape[0], down, one.shape[1], across).max(axis=(1, 3)) > 0
            assert np.array_equal(one[~changed], other[~changed]), letter
            if letter in "yg":
                assert (one[changed] != other[changed]).mean() > 0.5
            if letter == "a":
                assert np.array_equal(one, other)


@pytest.mark.parametrize("kind", ["8-bit", "PQ"])
def test_the_mark_touches_luma_alone(quick_model, footage, tmp_path, kind):
    pairs, masks, report = swap(quick_model, footage(kind), tmp_path)
    assert f"{detect_file(tmp_path / 'out.mkv').id:012x}" == report.output_id
    for (before, after), mask in zip(pairs, masks, strict=True):
        changed = mask.reshape(*before.samples("u").shape[:1], 2, before.samples("u").shape[1], 2).max(axis=(1, 3)) > 0
        for letter in "uv":
            assert np.array_equal(before.samples(letter)[~changed], after.samples(letter)[~changed])
        step = 1 << (before.layout.bits - 8)
        difference = after.samples("y")[mask == 0].astype(int) - before.samples("y")[mask == 0]
        assert 0.5 * step < difference.std() < 2 * step
        assert np.abs(difference).max() <= 13 * step
        legal = (before.samples("y") >= 16 * step) & (before.samples("y") <= 235 * step) & (mask == 0)
        assert 16 * step <= after.samples("y")[legal].min() and after.samples("y")[legal].max() <= 235 * step


@pytest.mark.slow
def test_interlaced_footage_keeps_its_fields(quick_model, man, tmp_path):
    """Two pictures of the man a frame, line by line: both get a face, counted once, and all else stays."""
    with VideoReader(man, stop=2 * COUNT) as reader:
        images = [frame.image for frame in reader]
    with av.open(str(tmp_path / "in.mkv"), "w") as output:
        stream = output.add_stream("ffv1", rate=15)
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv422p"
        stream.codec_context.flags |= Flags.interlaced_dct
        stream.codec_context.field_order = 2
        for number in range(COUNT):
            image = images[2 * number].copy()
            image[1::2] = images[2 * number + 1][1::2]
            frame = av.VideoFrame.from_ndarray(image, "rgb24").reformat(format="yuv422p")
            frame.pts, frame.time_base = number, Fraction(1, 15)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    assert probe(tmp_path / "in.mkv").field_order == "top"
    settings = ConvertSettings(encode=LOSSLESS, trust=TrustSettings(watermark=False), masks=tmp_path / "masks")
    report = convert(quick_model, tmp_path / "in.mkv", tmp_path / "out.mkv", settings)
    assert (report.frames, report.swapped, list(report.swapped_by_model.values())) == (COUNT, COUNT, [COUNT])
    assert probe(tmp_path / "out.mkv").field_order == "top"
    masks = [cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in sorted((tmp_path / "masks").iterdir())]
    assert len(masks) == COUNT
    samples = [decoded(tmp_path / name) for name in ("in.mkv", "out.mkv")]
    assert len(samples[0]) == len(samples[1]) == COUNT
    for before, after, mask in zip(*samples, masks, strict=True):
        changed = before != after
        assert not changed[mask == 0].any()
        for parity in (0, 1):
            assert changed[parity::2][mask[parity::2] > 200].mean() > 0.5
    with Preview(quick_model, tmp_path / "in.mkv", settings) as preview, VideoReader(tmp_path / "out.mkv") as written:
        for frame in written:
            assert np.array_equal(preview.frame(frame.index).image, frame.image)
    whole = replace(settings, deinterlace=True, masks=None)
    assert convert(quick_model, tmp_path / "in.mkv", tmp_path / "whole.mkv", whole).frames == COUNT
    assert probe(tmp_path / "whole.mkv").field_order == "progressive"
    assert not any(is_combed(frame) for frame in frames_of(tmp_path / "whole.mkv"))
    assert any(is_combed(frame) for frame in frames_of(tmp_path / "in.mkv"))


def frames_of(path):
    with av.open(str(path)) as container:
        return list(container.decode(video=0))


def decoded(path):
    """Luma of every frame, both fields."""
    return [find_layout(frame.format.name).view(frame, "y").astype(int) for frame in frames_of(path)]
