"""Tests of interlaced footage: told from other, measured without combs, edited field by field, written as it came."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from av.codec.context import Flags
from av.video.reformatter import VideoReformatter

from effigie.edit import Edit
from effigie.media import EncodeSettings, VideoReader, VideoWriter, probe
from effigie.media.fields import deinterlace, is_combed
from effigie.media.samples.pixel_layout import find_layout

SIZE = 96, 64
CODECS = {"h264": ("libx264", ".mp4", {"crf": "0", "preset": "ultrafast"}), "ffv1": ("ffv1", ".mkv", {})}


def scene(moment: int, size=SIZE) -> np.ndarray:
    """(H, W, 3) uint8: a bright bar that moves seven pixels a field over stripes that stand still."""
    width, height = size
    y, x = np.mgrid[0:height, 0:width]
    image = np.stack([70 + 30 * np.sin(y / 2.0), 60 + 0.4 * x, np.full((height, width), 90.0)], -1)
    image[:, (x[0] >= 10 + 7 * moment) & (x[0] < 26 + 7 * moment)] = (225, 190, 160)
    return image.astype(np.uint8)


def weave(first: np.ndarray, second: np.ndarray, order: str) -> np.ndarray:
    image = first.copy()
    image[1 if order == "top" else 0 :: 2] = second[1 if order == "top" else 0 :: 2]
    return image


def make_interlaced(path, codec="ffv1", order="top", count=3, flagged=True, size=SIZE, name="yuv420p", aspect=1):
    encoder, _, settings = CODECS[codec]
    frames = []
    with av.open(str(path), "w") as output:
        stream = output.add_stream(encoder, rate=25, options=settings)
        stream.width, stream.height, stream.pix_fmt = *size, name
        stream.codec_context.sample_aspect_ratio = Fraction(aspect)
        if flagged:
            stream.codec_context.flags |= Flags.interlaced_dct
            stream.codec_context.field_order = 2 if order == "top" else 3
        for number in range(count):
            image = weave(scene(2 * number, size), scene(2 * number + 1, size), order)
            wide = av.VideoFrame.from_ndarray(image, "rgb24")
            frame = VideoReformatter().reformat(wide, format=name)
            frames.append({one: find_layout(name).view(frame, one).copy() for one in find_layout(name).components})
            frame.pts, frame.time_base = number, Fraction(1, 25)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return frames


@pytest.mark.parametrize("order", ["top", "bottom"])
def test_both_fields_are_given_in_their_order(tmp_path, order):
    make_interlaced(tmp_path / "in.mkv", order=order, name="yuv444p")
    assert probe(tmp_path / "in.mkv").field_order == order
    with VideoReader(tmp_path / "in.mkv", native=True, fields=True) as reader:
        fields = list(reader)
    assert [field.index for field in fields] == [0, 0, 1, 1, 2, 2]
    assert [field.time for field in fields] == [Fraction(number, 50) for number in range(6)]
    assert [field.is_second_field for field in fields] == [False, True] * 3
    assert all(one.native is other.native for one, other in zip(fields[::2], fields[1::2], strict=True))
    for moment, field in enumerate(fields):
        difference = np.abs(field.image.astype(int) - scene(moment)).mean(2)
        assert difference[:, 2:-2].mean() < 6  # the stripes are two lines a wave, at the limit of what a field holds
        assert np.abs(field.image[8:-8, 14 + 7 * moment : 22 + 7 * moment].astype(int) - (225, 190, 160)).max() < 12
    with VideoReader(tmp_path / "in.mkv") as reader:
        whole = list(reader)
    assert [frame.index for frame in whole] == [0, 1, 2] and whole[0].native is None and whole[0].field is None
    assert np.array_equal(whole[1].image, fields[2].image)


@pytest.mark.parametrize("parity", [0, 1])
@pytest.mark.parametrize("name", ["yuv420p", "yuv422p10le", "nv12", "rgb24", "p010le"])
def test_a_field_keeps_its_own_lines_and_loses_the_comb(name, parity):
    layout = find_layout(name)
    moving = VideoReformatter().reformat(av.VideoFrame.from_ndarray(weave(scene(0), scene(2), "top")), format=name)
    still = VideoReformatter().reformat(av.VideoFrame.from_ndarray(scene(1)), format=name)
    assert is_combed(moving) and not is_combed(still)
    picture = deinterlace(moving, parity)
    assert not is_combed(picture)
    for letter in layout.components:
        assert np.array_equal(layout.view(picture, letter)[parity::2], layout.view(moving, letter)[parity::2])


def test_unflagged_fields_of_standard_definition_are_seen(tmp_path):
    make_interlaced(tmp_path / "pal.mkv", flagged=False, size=(120, 576), count=4)
    assert probe(tmp_path / "pal.mkv").field_order == "top"
    make_interlaced(tmp_path / "other.mkv", flagged=False, size=(120, 360), count=4)
    assert probe(tmp_path / "other.mkv").field_order == "progressive"
    with VideoReader(tmp_path / "pal.mkv", fields=True) as reader:
        frames = [frame for frame in reader if not frame.is_second_field]
    info = replace(probe(tmp_path / "pal.mkv"), field_order="progressive")
    with VideoWriter(tmp_path / "whole.mkv", info, EncodeSettings(codec="ffv1")) as writer:
        for frame in frames:
            writer.write(frame.image, frame.time, frame.duration)
    assert probe(tmp_path / "whole.mkv").field_order == "progressive"


@pytest.mark.parametrize(
    ("codec", "order", "aspect"),
    [("ffv1", "top", 1), ("ffv1", "bottom", 1), ("h264", "top", 1), ("h264", "bottom", Fraction(4, 3))],
)
def test_each_field_gets_its_own_edit_and_the_file_its_fields(tmp_path, codec, order, aspect):
    """A box is painted into either field, where it is at that time; all other samples are the input's."""
    suffix = CODECS[codec][1]
    made = make_interlaced(tmp_path / f"in{suffix}", codec, order if codec == "ffv1" else "bottom", aspect=aspect)
    order = probe(tmp_path / f"in{suffix}").field_order
    settings = EncodeSettings(codec=codec, crf=0, preset="ultrafast")
    with (
        VideoReader(tmp_path / f"in{suffix}", native=True, fields=True) as reader,
        VideoWriter(tmp_path / f"out{suffix}", reader.info, settings) as writer,
    ):
        edits = []
        for number, field in enumerate(reader):
            rows, columns = slice(20, 40), slice(16 + 8 * number, 32 + 8 * number)
            before = field.image_native.read(rows, columns)
            after = np.full_like(before, 0.5)
            edits.append(Edit(20, columns.start, before, after, np.ones(before.shape[:2], np.float32), field.field))
            if field.is_second_field:
                field.native.apply(edits)
                writer.write(field.native, field.time - Fraction(1, 50), field.duration * 2)
                edits = []
    assert writer.notes == []
    assert probe(tmp_path / f"out{suffix}").field_order == order
    wide = float(aspect)
    with VideoReader(tmp_path / f"out{suffix}", native=True, fields=True) as reader:
        for field in reader:
            if field.is_second_field:
                continue
            luma = field.native.samples("y").astype(int)
            source = made[field.index]["y"].astype(int)
            for late in (0, 1):
                parity = late if order == "top" else 1 - late
                left = (16 + 8 * (2 * field.index + late)) / wide
                low, high = int(np.floor(left)), int(np.ceil(left + 16 / wide))
                own = luma[parity::2], source[parity::2]
                first, last = (20 + (20 - parity) % 2 - parity) // 2, (40 - parity + 1) // 2
                assert np.abs(own[0][first:last, low + 1 : high - 1] - 126).max() <= 2
                painted = np.zeros(own[0].shape, bool)
                painted[first:last, low:high] = True
                assert np.array_equal(own[0][~painted], own[1][~painted])


def test_odd_lines_are_no_fault():
    frame = av.VideoFrame.from_ndarray(cv2.resize(scene(1), (51, 33)), "rgb24")
    for parity in (0, 1):
        picture = deinterlace(frame, parity)
        view = find_layout("rgb24").view
        assert np.array_equal(view(picture, "g")[parity::2], view(frame, "g")[parity::2])
    for lines in (1, 2):
        deinterlace(av.VideoFrame(8, lines, "gray"), 1)


def write_fields(clip, target, settings):
    with VideoReader(clip, native=True, fields=True) as reader, VideoWriter(target, reader.info, settings) as writer:
        for field in reader:
            if not field.is_second_field:
                writer.write(field.native, field.time, field.duration * 2)
    return writer


def test_what_an_encoder_cannot_do_with_fields_is_said(tmp_path):
    make_interlaced(tmp_path / "in.mkv", size=(96, 66))
    quick = EncodeSettings(codec="hevc", preset="ultrafast")
    assert any("as whole frames" in note for note in write_fields(tmp_path / "in.mkv", tmp_path / "a.mp4", quick).notes)
    writer = write_fields(tmp_path / "in.mkv", tmp_path / "b.mp4", replace(quick, codec="h264"))
    assert any("96x68" in note for note in writer.notes)  # 4:2:0 of fields needs a multiple of four lines
    info = probe(tmp_path / "b.mp4")
    assert (info.height, info.field_order) == (68, "top")


def test_deep_interlaced_footage_takes_an_encoder_of_fields(tmp_path):
    make_interlaced(tmp_path / "in.mkv", name="yuv422p10le")
    writer = write_fields(tmp_path / "in.mkv", tmp_path / "out.mp4", EncodeSettings(preset="ultrafast"))
    info = probe(tmp_path / "out.mp4")
    assert (info.codec, info.pixel_format, info.field_order) == ("h264", "yuv422p10le", "top")
    assert writer.notes == []
    writer = write_fields(tmp_path / "in.mkv", tmp_path / "out.mov", EncodeSettings(codec="prores"))
    assert (probe(tmp_path / "out.mov").field_order, writer.notes) == ("top", [])
