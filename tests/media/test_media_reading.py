"""Tests of reading every kind of clip: pictures, orientation, colours and times."""

from __future__ import annotations

from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from media_clips import HEIGHT, WIDTH, Recipe, Sound, make, number, picture, yuv

from effigie.media import VideoReader, probe, read_still
from effigie.media.clip import ColorSpace
from effigie.media.orientation import orientation_from_matrix
from effigie.media.samples.color import _SCALER_FLAGS, to_rgb

NTSC = Fraction(1001, 30000)
UNEVEN = [0, 1, 2, 5, 6, 9, 10, 11, 20, 21, 22, 30, 31, 33, 36, 40, 41, 43, 44, 50]


def read(path, **options):
    with VideoReader(path, **options) as reader:
        return list(reader)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".avi", ".mpg", ".ts"])
@pytest.mark.parametrize("tick", [Fraction(1, 25), NTSC])
def test_containers_and_rates(tmp_path, suffix, tick):
    codec = {".mpg": "mpeg1video", ".avi": "mpeg4"}.get(suffix, "libx264")
    recipe = Recipe(codec=codec, tick=tick, options={"b": "2M", "bf": "2", "g": "6"})
    clip = make(tmp_path / f"clip{suffix}", recipe)
    frames = read(clip)
    info = probe(clip)
    assert [number(frame.image) for frame in frames] == list(range(20))
    assert [frame.index for frame in frames] == list(range(20))
    grain = Fraction(1, 1000) if suffix == ".mkv" else Fraction(1, 90000) if suffix in (".mpg", ".ts") else 0
    steps = [frame.time - frames[0].time for frame in frames]
    assert max(abs(step - time) for step, time in zip(steps, recipe.times, strict=True)) <= grain
    assert (info.kind, info.width, info.height, info.rotation) == ("video", WIDTH, HEIGHT, 0)
    assert abs(info.frames - 20) <= (4 if suffix in (".mpg", ".ts") else 0)  # those are estimates
    assert abs(info.rate * tick - 1) < Fraction(1, 100)


@pytest.mark.parametrize("codec", ["libx264", "libx265", "libvpx-vp9", "mjpeg", "ffv1"])
def test_codecs(tmp_path, codec):
    pixel_format = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    options = {"x265-params": "log-level=error"} if codec == "libx265" else {"b": "2M"}
    clip = make(tmp_path / "clip.mkv", codec=codec, pixel_format=pixel_format, options=options, count=9)
    frames = read(clip)
    assert [number(frame.image) for frame in frames] == list(range(9))
    assert np.abs(frames[4].image.astype(int) - picture(4)).mean() < 8


@pytest.mark.parametrize("rotation", [90, 180, 270])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_rotation_is_undone(tmp_path, rotation, suffix):
    """The stored picture is rotated, its pixels are wide; the one read is upright, square, and has red at its left."""
    clip = make(tmp_path / f"clip{suffix}", count=3, rotation=rotation, aspect=Fraction(4, 3))
    info = probe(clip)
    stored = cv2.resize(picture(0), (WIDTH * 4 // 3, HEIGHT))
    upright = np.rot90(stored, rotation // 90)  # the display matrix turns counter-clockwise
    image = read(clip)[0].image
    assert (info.width, info.height) == (upright.shape[1], upright.shape[0])
    assert info.rotation == -rotation % 360
    assert info.pixel_aspect == (Fraction(4, 3) if rotation == 180 else Fraction(3, 4))
    assert image.shape == upright.shape
    assert np.abs(image.astype(int) - upright).mean() < 8


@pytest.mark.parametrize("hflip", [False, True])
@pytest.mark.parametrize("quarters", range(4))
def test_display_matrix(hflip, quarters):
    """Each of the eight ways to hold a camera, against moving every pixel by the matrix."""
    turn = np.linalg.matrix_power(np.array([[0, 1], [-1, 0]]), quarters)  # row vectors, y down: clockwise
    matrix = np.diag([-1 if hflip else 1, 1]) @ turn
    stored = picture(11, 24, 16)
    corners = np.array([[x, y] for y in range(16) for x in range(24)]) @ matrix
    corners -= corners.min(axis=0)
    shown = np.empty((corners[:, 1].max() + 1, corners[:, 0].max() + 1, 3), np.uint8)
    shown[corners[:, 1], corners[:, 0]] = stored.reshape(-1, 3)
    entries = np.zeros((3, 3), np.int32)
    entries[:2, :2] = matrix * 65536
    found = orientation_from_matrix(entries.ravel())
    assert np.array_equal(found.apply(stored), shown)
    assert found.is_transposed == (quarters % 2 == 1)


@pytest.mark.parametrize("size", [(97, 65), (64, 33), (33, 64), (16, 16)])
def test_sizes(tmp_path, size):
    clip = make(tmp_path / "clip.mkv", codec="ffv1", size=size, count=2, options={})
    image = read(clip)[1].image
    assert image.shape == (size[1], size[0], 3)
    assert np.abs(image.astype(int) - picture(1, *size)).mean() < 8


@pytest.mark.parametrize("matrix", ["bt601", "bt709"])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("rgb", [(200, 60, 40), (30, 160, 90), (20, 30, 210), (250, 250, 250), (0, 0, 0)])
def test_declared_matrix_and_range_give_the_textbook_colour(tmp_path, matrix, full, rgb):
    flat = yuv(rgb, matrix, full)
    clip = make(tmp_path / "clip.mp4", count=1, flat=flat, matrix=matrix, full=full, options={"crf": "0"})
    info = probe(clip)
    assert (info.color.matrix, info.color.range, info.color.matrix_declared) == (
        matrix,
        "full" if full else "limited",
        True,
    )
    # one level of rounding in U or V is up to two in B or R
    assert np.abs(read(clip)[0].image.astype(int) - rgb).max() <= 2


@pytest.mark.parametrize(("height", "matrix"), [(64, "bt601"), (720, "bt709")])
def test_undeclared_matrix_goes_by_the_number_of_lines(tmp_path, height, matrix):
    clip = make(tmp_path / "clip.mp4", count=1, size=(64, height))
    assert (probe(clip).color.matrix, probe(clip).color.matrix_declared) == (matrix, False)


def test_variable_rate_times_are_exact(tmp_path):
    recipe = Recipe(tick=Fraction(1, 600), ticks=[20 * tick + tick % 3 for tick in UNEVEN])
    clip = make(tmp_path / "clip.mov", recipe)
    frames = read(clip)
    assert [frame.time for frame in frames] == recipe.times
    assert all(isinstance(frame.time, Fraction) for frame in frames)
    assert [number(frame.image) for frame in frames] == list(range(20))


@pytest.mark.parametrize("first", [7, 24])
def test_a_late_start_is_kept(tmp_path, first):
    recipe = Recipe(tick=Fraction(1, 24), ticks=range(first, first + 9))
    assert [frame.time for frame in read(make(tmp_path / "clip.mp4", recipe))] == recipe.times


@pytest.mark.parametrize("suffix", [".gif", ".apng", ".png", ".webp"])
def test_animations(tmp_path, suffix):
    path = tmp_path / f"clip{suffix}"
    if suffix == ".webp":
        animation = cv2.Animation()
        animation.frames = [cv2.cvtColor(picture(index), cv2.COLOR_RGB2BGR) for index in range(7)]
        animation.durations = np.array([80] * 7)
        assert cv2.imwriteanimation(str(path), animation)
    else:
        codec, pixel_format = ("gif", "rgb8") if suffix == ".gif" else ("apng", "rgb24")
        written = path.with_suffix(".apng" if codec == "apng" else ".gif")
        make(written, codec=codec, pixel_format=pixel_format, count=7, tick=Fraction(8, 100), options={})
        written.rename(path)
    info, frames = probe(path), read(path)
    assert info.kind == "animation"
    assert info.frames == 7
    assert [number(frame.image) for frame in frames] == list(range(7))
    assert [frame.time for frame in frames] == [index * Fraction(8, 100) for index in range(7)]
    assert [frame.index for frame in read(path, start=3, stop=5)] == [3, 4]


def test_transparency_falls_on_black(tmp_path):
    """In a GIF and in a PNG alike."""
    colors = np.zeros((8, 8, 4), np.uint8)
    colors[..., :3] = 200
    colors[:4, :, 3] = 255
    assert cv2.imwrite(str(tmp_path / "a.png"), colors)
    with av.open(str(tmp_path / "a.gif"), "w") as output:
        stream = output.add_stream("gif", rate=10)
        stream.width, stream.height, stream.pix_fmt = 8, 8, "pal8"
        indexed = av.VideoFrame(8, 8, "pal8")
        indexed.planes[0].update(bytes([0] * 4 * indexed.planes[0].line_size + [1] * 4 * indexed.planes[0].line_size))
        palette = bytes([200, 200, 200, 255]) + bytes(4) + bytes([0, 0, 0, 255]) * 254
        indexed.planes[1].update(palette)
        indexed.pts = 0
        output.mux(stream.encode(indexed))
        output.mux(stream.encode(None))
    for image in (read_still(tmp_path / "a.png"), read(tmp_path / "a.gif")[0].image):
        assert image[:4].min() == image[:4].max() == 200
        assert image[4:].max() == 0


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".bmp", ".tif"])
def test_stills(tmp_path, suffix):
    path = tmp_path / f"100%d sure{suffix}"
    assert cv2.imwrite(str(path), cv2.cvtColor(picture(5), cv2.COLOR_RGB2BGR))
    info, frames = probe(path), read(path)
    assert (info.kind, info.width, info.height, info.frames) == ("still", WIDTH, HEIGHT, 1)
    assert (len(frames), frames[0].time, frames[0].duration) == (1, 0, None)
    assert np.abs(frames[0].image.astype(int) - picture(5)).mean() < 6
    assert np.array_equal(frames[0].image, read_still(path))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(tmp_path, orientation):
    undo = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a, -1),
        7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
        8: lambda a: np.rot90(a, 1),
    }[orientation]
    done, jpeg = cv2.imencode(".jpg", cv2.cvtColor(picture(3), cv2.COLOR_RGB2BGR))
    assert done
    tiff = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0" + bytes([orientation]) + b"\0\0\0\0\0\0\0"
    exif = b"\xff\xe1" + (len(tiff) + 8).to_bytes(2, "big") + b"Exif\0\0" + tiff
    path = tmp_path / "phone.jpg"
    path.write_bytes(jpeg.tobytes()[:2] + exif + jpeg.tobytes()[2:])
    expected = undo(picture(3))
    assert read_still(path).shape == expected.shape == (probe(path).height, probe(path).width, 3)
    assert np.abs(read_still(path).astype(int) - expected).mean() < 6


def test_sequence(tmp_path):
    for index in (0, 2, 9, 10, 11):  # a gap, and an order that text sorting would get wrong
        cv2.imwrite(str(tmp_path / f"shot_{index}.png"), cv2.cvtColor(picture(index), cv2.COLOR_RGB2BGR))
    (tmp_path / "notes.txt").write_text("not a picture")
    info, frames = probe(tmp_path), read(tmp_path)
    assert (info.kind, info.frames, info.rate, info.codec) == ("sequence", 5, 25, "png")
    assert [number(frame.image) for frame in frames] == [0, 2, 9, 10, 11]
    assert [frame.time for frame in frames] == [Fraction(index, 25) for index in range(5)]
    part = read(tmp_path, start=3, stop=4)
    assert [(frame.index, frame.time, number(frame.image)) for frame in part] == [(3, Fraction(3, 25), 10)]


def test_probe_names_the_sound(tmp_path):
    clip = make(tmp_path / "clip.mkv", sounds=[Sound("aac", 44100), Sound("libopus", 48000)], subtitles=["hello"])
    info = probe(clip)
    assert [(audio.codec, audio.sample_rate, audio.channels) for audio in info.audio] == [
        ("aac", 44100, 2),
        ("opus", 48000, 2),
    ]
    assert info.subtitles == 1


def test_images_are_the_callers_own(tmp_path):
    frames = read(make(tmp_path / "clip.mp4", count=4))
    before = frames[1].image.copy()
    frames[0].image[:] = 0
    assert frames[0].image.flags.c_contiguous
    assert np.array_equal(frames[1].image, before)


@pytest.mark.parametrize("pixel_format", ("yuv420p", "yuvj420p", "yuv422p10le", "nv12", "yuv444p", "gray"))
def test_planar_conversion_gives_the_values_of_the_interleaved(pixel_format):
    noise = np.random.default_rng(4).integers(0, 256, (90, 160, 3), dtype=np.uint8)
    frame = av.VideoFrame.from_ndarray(noise, format="rgb24").reformat(format=pixel_format)
    planes = to_rgb(frame, ColorSpace(matrix="bt709"), (160, 90), VideoReformatter())
    options = {
        "src_colorspace": Colorspace.ITU709,
        "src_color_range": ColorRange.MPEG,
        "dst_color_range": ColorRange.JPEG,
        "interpolation": _SCALER_FLAGS,
    }
    interleaved = VideoReformatter().reformat(frame, format="rgb24", **options).to_ndarray()
    np.testing.assert_array_equal(planes, interleaved)


def test_16_bit_transparency_hides_pixels(tmp_path):
    """What lies under alpha 0 is black, what is opaque stays, and half shows half, in 16 bits as in 8."""
    pixels = np.full((6, 9, 4), 60000, np.uint16)
    pixels[:, :3, 3], pixels[:, 3:6, 3], pixels[:, 6:, 3] = 0, 32768, 65535
    cv2.imwrite(str(tmp_path / "in.png"), pixels)
    image = read_still(tmp_path / "in.png")
    assert image.dtype == np.uint8
    assert [int(image[2, column, 0]) for column in (1, 4, 7)] == [0, 117, 233]
    with VideoReader(tmp_path / "in.png", native=True) as reader:
        frame = next(iter(reader))
    assert np.array_equal(frame.image, image) and frame.native.layout.name == "rgba64le"
