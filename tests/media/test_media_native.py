"""Tests of edits in the footage's own samples: exact outside, unbiased inside, in every format."""

from __future__ import annotations

import itertools
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from effigie.edit import Edit
from effigie.errors import UsageError
from effigie.media import EncodeSettings, VideoReader, VideoWriter, probe
from effigie.media.clip import ColorSpace
from effigie.media.orientation import Orientation
from effigie.media.output.encoders import describe_light
from effigie.media.pixel_shape import compute_square_size
from effigie.media.samples.color import write_color
from effigie.media.samples.native_picture import NativePicture
from effigie.media.samples.pixel_layout import find_layout

FORMATS = [
    *("yuv420p", "yuv422p", "yuv444p", "yuv411p", "yuv440p", "yuvj420p", "nv12", "nv21", "p010le", "p016le"),
    *("yuv420p10le", "yuv422p10le", "yuv444p12le", "yuv420p16le", "yuva420p", "yuva444p10le", "gray", "gray10le"),
    *("gray16le", "ya8", "gbrp", "gbrp10le", "gbrp12le", "gbrap12le", "rgb24", "bgr24", "rgba", "argb", "bgr0"),
    *("rgb48le", "rgba64le"),
]
SIZE = 75, 58  # width and height: odd, so that color samples stand for less than a block at two edges
EDITED = slice(9, 44), slice(21, 62)


def frame_of(name: str, seed: int = 0, size: tuple[int, int] = SIZE) -> av.VideoFrame:
    """A frame whose samples have every code value, those that no video may have too."""
    layout = find_layout(name)
    frame = av.VideoFrame(*size, name)
    random = np.random.default_rng(seed)
    for letter in layout.components:
        view = layout.view(frame, letter)
        noise = random.integers(0, layout.max_value + 1, view.shape)
        view[...] = noise << layout.shift
    return frame


def samples_of(picture: NativePicture) -> dict[str, np.ndarray]:
    return {letter: picture.samples(letter).copy() for letter in picture.layout.components}


def blob(rows: slice, columns: slice) -> np.ndarray:
    """A soft oval mask for a box, 0 around it."""
    height, width = rows.stop - rows.start, columns.stop - columns.start
    y, x = np.mgrid[0:height, 0:width]
    radius = np.hypot((y + 0.5) / height * 2 - 1, (x + 0.5) / width * 2 - 1)
    return np.clip((0.9 - radius) * 4, 0, 1).astype(np.float32)


def edit(picture: NativePicture, rows: slice, columns: slice, color=(0.8, 0.5, 0.4)) -> Edit:
    before, share = picture.read(rows, columns), blob(rows, columns)
    after = before + share[..., None] * (np.float32(color) - before)
    return Edit(rows.start, columns.start, before, after, share)


def untouched(picture: NativePicture, change: Edit) -> dict[str, np.ndarray]:
    """Where no sample may differ, (h, w) bool of each component: a color sample stands for its whole block."""
    changed = np.zeros(picture.size, bool)
    changed[change.rows, change.columns] = change.share > 0
    changed = picture.orientation.revert(changed)
    down, across = picture.layout.down, picture.layout.across
    height, width = changed.shape
    blocks = np.pad(changed, ((0, -height % down), (0, -width % across)))
    blocks = blocks.reshape(-(-height // down), down, -(-width // across), across).max(axis=(1, 3))
    return {letter: ~(blocks if letter in "uv" else changed) for letter in picture.layout.components}


@pytest.mark.parametrize("matrix", ["bt601", "bt709", "bt2020"])
@pytest.mark.parametrize("value_range", ["limited", "full"])
@pytest.mark.parametrize("name", FORMATS)
def test_every_sample_outside_is_the_decoders(name, value_range, matrix):
    picture = NativePicture(frame_of(name), ColorSpace(range=value_range, matrix=matrix))
    before = samples_of(picture)
    change = edit(picture, *EDITED)
    picture.apply([change])
    after = samples_of(picture)
    for letter, outside in untouched(picture, change).items():
        assert np.array_equal(after[letter][outside], before[letter][outside]), letter
        if letter == "a":
            assert np.array_equal(after["a"], before["a"])
        elif letter in "yrgb":
            assert (after[letter][~outside] != before[letter][~outside]).mean() > 0.5


@pytest.mark.parametrize("turn", list(itertools.product((0, 90, 180, 270), (False, True))))
@pytest.mark.parametrize("name", ["yuv420p", "yuv422p10le", "rgb24"])
def test_turned_footage_is_edited_where_it_lies(name, turn):
    picture = NativePicture(frame_of(name), ColorSpace(), Orientation(*turn))
    upright = picture.read(slice(0, picture.size[0]), slice(0, picture.size[1]))
    rows, columns = slice(5, 30), slice(12, 40)
    assert np.abs(picture.read(rows, columns) - upright[rows, columns]).max() < 1e-5
    before, change = samples_of(picture), edit(picture, rows, columns)
    picture.apply([change])
    for letter, outside in untouched(picture, change).items():
        assert np.array_equal(picture.samples(letter)[outside], before[letter][outside])
    if name == "rgb24":
        assert np.abs(picture.read(rows, columns) - change.output).max() < 0.51 / 255
    else:
        middle = change.share == 1
        assert np.abs((picture.read(rows, columns) - change.output)[middle]).mean() < 0.12  # color noise is blurred


@pytest.mark.parametrize("name", [name for name in FORMATS if name not in ("bgr0",)])
def test_what_is_made_comes_back(name):
    """A flat color in the middle of a smooth picture is read back within the footage's own steps."""
    layout = find_layout(name)
    frame = frame_of(name)
    for letter in layout.components:
        view = layout.view(frame, letter)
        y, x = np.mgrid[0 : view.shape[0], 0 : view.shape[1]]
        ramp = 0.35 + 0.2 * y / view.shape[0] + 0.1 * x / view.shape[1]
        view[...] = (np.rint((1 if letter == "a" else ramp) * layout.max_value)).astype(int) << layout.shift
    picture = NativePicture(frame, ColorSpace(matrix="bt709"))
    change = edit(picture, *EDITED, color=(0.6, 0.6, 0.6) if layout.model == "gray" else (0.72, 0.55, 0.45))
    picture.apply([change])
    inside = blob(*EDITED) == 1
    error = np.abs(picture.read(*EDITED) - change.output)[cv2.erode(inside.view(np.uint8), np.ones((7, 7))) > 0]
    assert error.max() < 2.2 / (1 << layout.bits)


@pytest.mark.parametrize("name", ["yuv420p", "yuv422p10le", "gbrp10le", "rgb48le", "gray"])
def test_an_edit_that_changes_nothing_changes_no_sample(name):
    picture = NativePicture(frame_of(name), ColorSpace())
    before, read = samples_of(picture), picture.read(*EDITED)
    picture.apply([Edit(EDITED[0].start, EDITED[1].start, read, read.copy(), np.ones(read.shape[:2], np.float32))])
    assert all(np.array_equal(picture.samples(letter), before[letter]) for letter in before)


@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67"])
def test_hdr_is_shown_like_sdr_and_comes_back(transfer):
    color = ColorSpace(matrix="bt2020", primaries="bt2020", transfer=transfer)
    picture = NativePicture(frame_of("yuv420p10le"), color)
    luma, *colors = (picture.samples(letter) for letter in "yuv")
    code = 0.44 if transfer == "smpte2084" else 0.55  # light skin: about 80 cd/m² of 203
    luma[...] = 64 + round(876 * code)
    for plane in colors:
        plane[...] = 512
    luma[0, :4] = [960, 1000, 1019, 4]
    before = samples_of(picture)
    shown = picture.read(*EDITED)
    assert 0.5 < shown.mean() < 0.75
    change = edit(picture, *EDITED)
    picture.apply([change])
    outside = untouched(picture, change)
    assert all(np.array_equal(picture.samples(one)[outside[one]], before[one][outside[one]]) for one in "yuv")
    inside = blob(*EDITED) == 1
    core = cv2.erode(inside.view(np.uint8), np.ones((7, 7))) > 0
    assert np.abs(picture.read(*EDITED) - change.output)[core].max() < 0.01


def test_steps_of_video_are_kept_inside():
    """No edit reaches the code values that limited footage keeps for synchronization; those there stay."""
    picture = NativePicture(frame_of("yuv444p10le", 3), ColorSpace())
    before = samples_of(picture)
    rows, columns = slice(0, 40), slice(0, 40)
    read = picture.read(rows, columns)
    for value in (-2.0, 3.0):
        picture.apply([Edit(0, 0, read, np.full_like(read, value), np.ones(read.shape[:2], np.float32))])
        luma, old = picture.samples("y")[:40, :40], before["y"][:40, :40]
        assert luma.min() >= min(4, old.min()) and luma.max() <= max(1019, old.max())


def test_transparent_pixels_stay_hidden():
    picture = NativePicture(frame_of("rgba"), ColorSpace())
    alpha = picture.samples("a")
    alpha[:, :40], alpha[:, 40:] = 0, 200
    before = samples_of(picture)
    assert picture.read(slice(0, 20), slice(0, 40)).max() == 0
    picture.apply([edit(picture, *EDITED)])
    for letter in "rgba":
        assert np.array_equal(picture.samples(letter)[:, :40], before[letter][:, :40])
    assert (picture.samples("r")[20:30, 42:50] != before["r"][20:30, 42:50]).mean() > 0.5


FILES = [
    *("yuv420p", "yuv422p", "yuv444p", "yuv411p", "yuv440p", "yuv420p10le", "yuv422p10le", "yuv444p12le", "yuva420p"),
    *("yuva444p10le", "gray", "gray10le", "gray16le", "bgr0", "bgra", "gbrp10le", "gbrp12le", "rgb48le", "rgba64le"),
]


def make_clip(path, name, codec="ffv1", count=2, color=None, size=SIZE, rotation=0):
    """A clip of noise, and its frames' samples."""
    frames = [frame_of(name, seed, size) for seed in range(count)]
    with av.open(str(path), "w") as output:
        stream = output.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = *size, name
        if color is not None:
            write_color(stream.codec_context, color)
        if rotation:
            stream.set_display_rotation(rotation)
        for number, frame in enumerate(frames):
            frame.pts, frame.time_base = number, Fraction(1, 25)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    layout = find_layout(name)
    return [{letter: layout.view(frame, letter) for letter in layout.components} for frame in frames]


def write_edited(clip, target, settings=None):
    """Write the clip with an edit in each frame; returns what was left untouched, and the writer."""
    outside = []
    with VideoReader(clip, native=True) as reader, VideoWriter(target, reader.info, settings) as writer:
        for frame in reader:
            change = edit(frame.native, *EDITED)
            native = writer.prepare(frame.native)
            outside.append(untouched(native, change))
            native.apply([change])
            writer.write(native, frame.time, frame.duration)
    return outside, writer


@pytest.mark.parametrize("value_range", ["limited", "full"])
@pytest.mark.parametrize("name", FILES)
def test_outside_of_an_edit_the_file_is_the_input_sample_by_sample(tmp_path, name, value_range):
    color = ColorSpace(value_range, "bt2020", "bt2020", "bt2020-10") if find_layout(name).model == "yuv" else None
    made = make_clip(tmp_path / "in.mkv", name, color=color)
    outside, writer = write_edited(tmp_path / "in.mkv", tmp_path / "out.mkv", EncodeSettings(codec="ffv1"))
    assert writer.notes == []
    before, after = probe(tmp_path / "in.mkv"), probe(tmp_path / "out.mkv")
    assert (after.color, after.pixel_format) == (before.color, before.pixel_format)
    with VideoReader(tmp_path / "out.mkv", native=True) as reader:
        for frame, samples, kept in zip(reader, made, outside, strict=True):
            for letter in frame.native.layout.components:
                where = kept[letter]
                assert np.array_equal(frame.native.samples(letter)[where], samples[letter][where]), letter
                assert letter == "a" or not np.array_equal(frame.native.samples(letter), samples[letter])


@pytest.mark.parametrize("shape", [(58, 75), (58, 75, 3), (58, 75, 4)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_outside_of_an_edit_a_png_is_the_input_sample_by_sample(tmp_path, shape, dtype):
    folder = tmp_path / "in"
    folder.mkdir()
    random, made = np.random.default_rng(1), []
    for number in range(2):
        made.append(random.integers(0, np.iinfo(dtype).max + 1, shape).astype(dtype))
        cv2.imwrite(str(folder / f"{number:04d}.png"), made[-1])
    outside, writer = write_edited(folder, tmp_path / "out")
    assert writer.notes == []
    for number, kept in enumerate(outside):
        got = cv2.imread(str(tmp_path / "out" / f"{number:04d}.png"), cv2.IMREAD_UNCHANGED)
        assert got.dtype == dtype and got.shape == shape
        where = kept.get("y", kept.get("r"))
        assert np.array_equal(got[where], made[number][where])
        assert not np.array_equal(got, made[number])
        if got.ndim == 3 and got.shape[2] == 4:
            assert np.array_equal(got[..., 3], made[number][..., 3])


@pytest.mark.parametrize(
    ("name", "suffix", "codec", "expected"),
    [
        ("yuv420p", ".mp4", "auto", ("h264", "yuv420p")),
        ("yuvj420p", ".mp4", "auto", ("h264", "yuvj420p")),
        ("yuv422p", ".mp4", "auto", ("h264", "yuv422p")),
        ("yuv420p10le", ".mp4", "auto", ("hevc", "yuv420p10le")),
        ("yuv420p10le", ".mkv", "h264", ("h264", "yuv420p10le")),
        ("yuv422p10le", ".mov", "auto", ("hevc", "yuv422p10le")),
        ("yuv422p10le", ".mov", "prores", ("prores", "yuv422p10le")),
        ("yuv444p12le", ".mkv", "auto", ("hevc", "yuv444p12le")),
        ("yuva444p10le", ".mov", "auto", ("prores", "yuva444p12le")),
        ("yuva420p", ".mkv", "auto", ("ffv1", "yuva420p")),
        ("yuv422p10le", ".mp4", "ffv1", ("ffv1", "yuv422p10le")),
        ("gbrp10le", ".mp4", "auto", ("hevc", "gbrp10le")),
        ("gray", ".mp4", "auto", ("h264", "yuvj420p")),
    ],
)
def test_the_codec_keeps_the_footage(tmp_path, name, suffix, codec, expected):
    color = ColorSpace("full" if name == "yuvj420p" else "limited", "bt709", "bt709", "bt709")
    size = (80, 64)
    frames = make_clip(tmp_path / "in.mkv", name.replace("yuvj", "yuv"), color=color, size=size)
    assert frames
    _, writer = write_edited(
        tmp_path / "in.mkv", tmp_path / f"out{suffix}", EncodeSettings(codec=codec, crf=0, preset="ultrafast")
    )
    assert writer.notes == []
    info = probe(tmp_path / f"out{suffix}")
    assert (info.codec, info.pixel_format) == expected
    if name.startswith("yuv"):
        assert info.color == probe(tmp_path / "in.mkv").color == color


def test_a_lossless_encoder_gets_the_samples(tmp_path):
    """x264 at CRF 0 and 8 bits is lossless: what comes out is what was decoded."""
    made = make_clip(tmp_path / "in.mkv", "yuv420p", size=(80, 64))
    settings = EncodeSettings(codec="h264", crf=0, preset="ultrafast")
    outside, _ = write_edited(tmp_path / "in.mkv", tmp_path / "out.mp4", settings)
    with VideoReader(tmp_path / "out.mp4", native=True) as reader:
        for frame, samples, kept in zip(reader, made, outside, strict=True):
            for letter in "yuv":
                assert np.array_equal(frame.native.samples(letter)[kept[letter]], samples[letter][kept[letter]])


@pytest.mark.parametrize(
    ("name", "suffix", "settings", "words"),
    [
        ("yuv420p10le", ".mp4", EncodeSettings(pixel_format="yuv420p", preset="ultrafast"), "written with 8 bits"),
        ("yuv444p12le", ".mov", EncodeSettings(codec="prores"), "written with 10 bits"),
        ("yuv444p", ".mp4", EncodeSettings(pixel_format="yuv420p", preset="ultrafast"), "color detail"),
        ("bgra", ".mp4", EncodeSettings(preset="ultrafast"), "transparent"),
        ("gbrp10le", ".mp4", EncodeSettings(codec="h264", preset="ultrafast"), "RGB was written"),
    ],
)
def test_what_a_codec_cannot_hold_is_said(tmp_path, name, suffix, settings, words):
    make_clip(tmp_path / "in.mkv", name, size=(80, 64))
    _, writer = write_edited(tmp_path / "in.mkv", tmp_path / f"out{suffix}", settings)
    assert any(words in note for note in writer.notes)


def test_a_container_that_does_not_hold_the_codec_is_refused(tmp_path):
    make_clip(tmp_path / "in.mkv", "yuv420p")
    info = probe(tmp_path / "in.mkv")
    for suffix, codec in ((".mp4", "prores"), (".mov", "ffv1")):
        with pytest.raises(UsageError, match=codec):
            VideoWriter(tmp_path / f"out{suffix}", info, EncodeSettings(codec=codec))


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_turned_samples_stay_as_they_lie(tmp_path, rotation, suffix):
    made = make_clip(tmp_path / "in.mov", "yuv420p", "libx264", size=(80, 64), rotation=rotation)
    assert made
    settings = EncodeSettings(codec="h264", crf=0, preset="ultrafast")
    outside, _ = write_edited(tmp_path / "in.mov", tmp_path / f"out{suffix}", settings)
    before, after = probe(tmp_path / "in.mov"), probe(tmp_path / f"out{suffix}")
    assert (after.rotation, after.width, after.height) == (before.rotation, before.width, before.height)
    with (
        VideoReader(tmp_path / "in.mov", native=True) as one,
        VideoReader(tmp_path / f"out{suffix}", native=True) as two,
    ):
        for first, second, kept in zip(one, two, outside, strict=True):
            for letter in "yuv":
                where = kept[letter]
                assert np.array_equal(first.native.samples(letter)[where], second.native.samples(letter)[where])


def test_the_light_of_hdr_is_kept(tmp_path):
    light = "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50):max-cll=1000,400"
    color = ColorSpace("limited", "bt2020", "bt2020", "smpte2084")
    frame = frame_of("yuv420p10le", size=(80, 64))
    with av.open(str(tmp_path / "in.mp4"), "w") as output:
        stream = output.add_stream(
            "libx265", rate=25, options={"x265-params": f"log-level=error:bframes=0:hdr10=1:{light}"}
        )
        stream.width, stream.height, stream.pix_fmt = 80, 64, "yuv420p10le"
        write_color(stream.codec_context, color)
        frame.pts, frame.time_base = 0, Fraction(1, 25)
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    for target, codec in (("out.mp4", "auto"), ("out.mov", "h264")):
        settings = EncodeSettings(codec=codec, preset="ultrafast")
        _, writer = write_edited(tmp_path / "in.mp4", tmp_path / target, settings)
        assert writer.notes == []
        assert probe(tmp_path / target).color == color
        with VideoReader(tmp_path / target, native=True) as reader:
            assert describe_light(next(iter(reader)).native.frame) == light
    _, writer = write_edited(tmp_path / "in.mp4", tmp_path / "out.mov", EncodeSettings(codec="prores"))
    assert any("mastering display" in note for note in writer.notes)
    assert probe(tmp_path / "out.mov").color == color


@pytest.mark.parametrize("turn", [Orientation(), Orientation(90), Orientation(180, True)])
@pytest.mark.parametrize("aspect", [Fraction(4, 3), Fraction(16, 11), Fraction(3, 4)])
@pytest.mark.parametrize("name", ["yuv420p", "yuv422p10le", "rgb24"])
def test_edits_in_square_pixels_reach_those_of_the_file(name, aspect, turn):
    """Where a square pixel shows nothing new the file's pixel under it stays; a whole new face is the face alone."""
    width, height = turn.turn_size(*compute_square_size(*SIZE, aspect, 1000))
    picture = NativePicture(frame_of(name), ColorSpace(), turn, (width, height))
    assert picture.size == (height, width)
    before = samples_of(picture)
    rows, columns = slice(7, height - 9), slice(11, width - 8)
    change = edit(picture, rows, columns, color=(0.5, 0.5, 0.5))
    picture.apply([change])
    shown = np.zeros(picture.size, np.float32)
    shown[rows, columns] = change.share
    upright = turn.turn_size(*SIZE)
    y, x = (np.arange(count) for count in upright[::-1])
    touched = np.zeros(upright[::-1], bool)
    for row, column in zip(*np.nonzero(shown), strict=True):
        touched[
            (y * height < (row + 1) * upright[1])[:, None]
            & ((y + 1) * height > row * upright[1])[:, None]
            & (x * width < (column + 1) * upright[0])
            & ((x + 1) * width > column * upright[0])
        ] = True
    small = cv2.resize(shown, upright, interpolation=cv2.INTER_AREA)
    stored = turn.revert(touched)
    for letter in picture.layout.components:
        down, across = (picture.layout.down, picture.layout.across) if letter in "uv" else (1, 1)
        high, wide = stored.shape
        blocks = np.pad(stored, ((0, -high % down), (0, -wide % across)))
        blocks = blocks.reshape(-(-high // down), down, -(-wide // across), across).max(axis=(1, 3))
        assert np.array_equal(picture.samples(letter)[~blocks], before[letter][~blocks])
    luma = picture.samples("g" if name == "rgb24" else "y").astype(float)
    inside = turn.revert(cv2.erode((small > 0.999).astype(np.uint8), np.ones((5, 5))) > 0)
    gray = 127.5 if name == "rgb24" else (16 + 219 / 2) * (4 if "10" in name else 1)
    assert inside.sum() > 300
    assert np.abs(luma[inside] - gray).max() <= 1.5 + (0.5 if "10" in name else 0)


@pytest.mark.parametrize(
    ("codec", "suffix"), [("h264", ".mp4"), ("h264", ".mkv"), ("prores", ".mov"), ("ffv1", ".mkv")]
)
def test_the_shape_of_pixels_is_kept_or_its_loss_said(tmp_path, codec, suffix):
    """ProRes and FFV1 say nothing of it themselves: the container does, but Matroska as PyAV writes it does not."""
    with av.open(str(tmp_path / "in.mov"), "w") as output:
        stream = output.add_stream("prores_ks", rate=25)
        stream.width, stream.height, stream.pix_fmt = 80, 64, "yuv422p10le"
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)
        frame = frame_of("yuv422p10le", size=(80, 64))
        frame.pts, frame.time_base = 0, Fraction(1, 25)
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    assert probe(tmp_path / "in.mov").pixel_aspect == Fraction(4, 3)
    settings = EncodeSettings(codec=codec, preset="ultrafast")
    _, writer = write_edited(tmp_path / "in.mov", tmp_path / f"out{suffix}", settings)
    is_kept = probe(tmp_path / f"out{suffix}").pixel_aspect == Fraction(4, 3)
    assert is_kept == (codec != "ffv1")
    assert any("4:3 wide" in note for note in writer.notes) == (not is_kept)


def test_pixels_that_are_not_square_stay_so(tmp_path):
    made = [frame_of("yuv420p", seed, (80, 64)) for seed in range(2)]
    with av.open(str(tmp_path / "in.mp4"), "w") as output:
        stream = output.add_stream("libx264", rate=25, options={"crf": "0", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 80, 64, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)
        for number, frame in enumerate(made):
            frame.pts, frame.time_base = number, Fraction(1, 25)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    before = probe(tmp_path / "in.mp4")
    assert (before.width, before.height, before.file_size) == (107, 64, (80, 64))
    write_edited(tmp_path / "in.mp4", tmp_path / "out.mp4", EncodeSettings(crf=0, preset="ultrafast"))
    after = probe(tmp_path / "out.mp4")
    assert (after.width, after.height, after.file_size, after.pixel_aspect) == (107, 64, (80, 64), Fraction(4, 3))
    with VideoReader(tmp_path / "out.mp4", native=True) as reader:
        for frame, source in zip(reader, made, strict=True):
            assert frame.image.shape == (64, 107, 3)
            plane = find_layout("yuv420p").view(source, "y")
            assert np.array_equal(frame.native.samples("y")[:, :14], plane[:, :14])


@pytest.mark.parametrize("location", ["left", "topleft", "top", "bottomleft", "unspecified"])
@pytest.mark.parametrize("name", ["yuv420p", "yuv420p10le"])
def test_the_place_of_color_samples_is_read_obeyed_and_kept(tmp_path, name, location):
    with av.open(str(tmp_path / "in.mkv"), "w") as output:
        stream = output.add_stream("libx264", rate=25, options={"chroma_sample_location": location, "crf": "4"})
        stream.width, stream.height, stream.pix_fmt = 80, 64, name
        for number in range(2):
            frame = frame_of(name, number, (80, 64))
            frame.pts, frame.time_base = number, Fraction(1, 25)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    told = "left" if location == "unspecified" else location  # what H.264 means by saying nothing
    assert probe(tmp_path / "in.mkv").chroma_location == told
    write_edited(tmp_path / "in.mkv", tmp_path / "out.mkv", EncodeSettings(codec="h264", preset="ultrafast"))
    assert probe(tmp_path / "out.mkv").chroma_location == told
    # The difference that an edit makes lies where FFmpeg's scaler looks for color.
    with VideoReader(tmp_path / "in.mkv", native=True) as reader:
        native = next(iter(reader)).native
    layout = native.layout
    native.frame.make_writable()
    for letter in "yuv":
        layout.view(native.frame, letter)[...] = 1 << (layout.bits - 1)
    before = native.read(slice(0, 64), slice(0, 80))
    y, x = np.mgrid[0:64, 0:80]
    tint = (0.004 * (x - 40) + 0.003 * (y - 32))[..., None] * np.float32([1, 0, -1])
    native.apply([Edit(0, 0, before, (before + tint).astype(np.float32), np.ones((64, 80), np.float32))])
    shown = native.to_rgb().astype(float) / 255 - before
    assert np.abs(shown - tint)[8:-8, 8:-8].mean() < 0.004
    assert abs((shown - tint)[8:-8, 8:-8, 0].mean()) < 0.0008
