"""Tests of sequences of pictures as footage: read as one clip, written again as they came."""

from __future__ import annotations

import struct
import zlib
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import OpenEXR
import pytest
import tifffile

from effigie.edit import Edit
from effigie.errors import MediaError, UsageError
from effigie.io.atomic_write import content_digest
from effigie.media import EncodeSettings, FootageSettings, VideoReader, VideoWriter, expand_paths, plan_output, probe
from effigie.media.inputs import is_single_clip
from effigie.media.layers.picture import compute_alpha, compute_layer, read_whole
from effigie.media.pictures.exr_header import read_exr_header
from effigie.media.samples.scene_picture import ScenePicture
from effigie.media.view_transfer import VIEW_TRANSFERS, find_view_curve

SIZE = 75, 58  # width and height
COUNT = 3
EDITED = slice(9, 44), slice(21, 62)
KINDS = [
    "png8",
    "png16",
    "png16 alpha",
    "png16 grey",
    "tiff8",
    "tiff16",
    "tiff16 alpha",
    "tiff float",
    "tiff grey float",
]
EXR_KINDS = ["half", "float", "grey", "PIZ", "tiles", "parts", "windows", "layer"]


def noise(kind: str, seed: int) -> np.ndarray:
    """Samples of every value, of R G B order; of floats scene-linear ones with some beyond 0..1, and no numbers."""
    random = np.random.default_rng(seed)
    channels = 4 if "alpha" in kind else 3
    shape = SIZE[::-1] if "grey" in kind and kind != "grey" else (*SIZE[::-1], channels)
    if "float" in kind or kind in EXR_KINDS:
        values = random.lognormal(-1.5, 1.5, shape).astype(np.float32)
        values[0, 0], values[0, 1], values[0, 2], values[0, 3] = 60000, np.inf, np.nan, -0.0
        values[1, :4], values[20, 30:32] = -0.25, 12.5
        return values
    deep = "16" in kind
    return random.integers(0, 65536 if deep else 256, shape).astype(np.uint16 if deep else np.uint8)


def write_picture(path: Path, kind: str, seed: int) -> None:
    """A picture with properties beside its pixels."""
    values = noise(kind, seed)
    if kind.startswith("png"):
        bgr = (
            values
            if values.ndim == 2
            else cv2.cvtColor(values, cv2.COLOR_RGB2BGR if values.shape[2] == 3 else cv2.COLOR_RGBA2BGRA)
        )
        data = cv2.imencode(".png", bgr)[1].tobytes()
        chunks = b"".join(map(chunk, (b"gAMA", b"pHYs", b"tEXt", b"prVt"), PNG_VALUES))
        path.write_bytes(data[:33] + chunks + data[33:])
    elif kind.startswith("tiff"):
        extra = [(270, 2, None, b"shot 12", True), (34675, 7, 4, b"ICC!", True), (65000, 3, 1, 7, True)]
        photometric, alpha = (
            ("minisblack", None) if values.ndim == 2 else ("rgb", [2] if values.shape[2] == 4 else None)
        )
        tifffile.imwrite(
            path, values, photometric=photometric, extrasamples=alpha, metadata=None, software="scanner",
            extratags=extra, resolution=(300, 150), compression="zlib" if "16" in kind else None,
        )  # fmt: skip
    else:
        write_exr_picture(path, kind, values)


PNG_VALUES = (struct.pack(">I", 45455), struct.pack(">IIB", 2000, 1000, 1), b"Comment\0shot 12", b"private")


def chunk(kind: bytes, value: bytes) -> bytes:
    return struct.pack(">I", len(value)) + kind + value + struct.pack(">I", zlib.crc32(kind + value))


def write_exr_picture(path: Path, kind: str, values: np.ndarray) -> None:
    dtype = np.float32 if kind == "float" else np.float16
    before = "beauty." if kind == "layer" else ""
    with np.errstate(over="ignore"):
        colors = {before + name: np.ascontiguousarray(values[..., n].astype(dtype)) for n, name in enumerate("RGB")}
    if kind == "grey":
        colors = {"Y": colors["R"]}
    depth = {"A": np.full(values.shape[:2], 0.5, dtype), "Z": values[..., 0].copy()}
    ids = {"crypto00.R": np.arange(values[..., 0].size, dtype=np.uint32).reshape(values.shape[:2])}
    timecode = OpenEXR.TimeCode()
    timecode.hours, timecode.minutes, timecode.seconds, timecode.frame = 10, 59, 31, 17
    header = {
        "compression": OpenEXR.PIZ_COMPRESSION if kind == "PIZ" else OpenEXR.ZIP_COMPRESSION,
        "type": OpenEXR.tiledimage if kind == "tiles" else OpenEXR.scanlineimage,
        "framesPerSecond": Fraction(24000, 1001),
        "timeCode": timecode,
        "keyCode": OpenEXR.KeyCode(),
        "reelName": "A001C003",
        "cryptomatte/abc/name": "crypto",
        "chromaticities": (0.713, 0.293, 0.165, 0.83, 0.128, 0.044, 0.32168, 0.33767),
        "worldToCamera": np.arange(16, dtype=np.float32).reshape(4, 4),
        "isoSpeed": 800.0,
        "takes": 3,
    }
    if kind == "tiles":
        header["tiles"] = OpenEXR.TileDescription()
    if kind == "windows":  # pixels beyond the picture at the left and top, and none at its right and bottom
        header["dataWindow"] = ((-4, -6), (SIZE[0] - 5, SIZE[1] - 7))
        header["displayWindow"] = ((0, 0), (SIZE[0] - 1, SIZE[1] - 1))
    if kind == "parts":
        rest = {"type": OpenEXR.scanlineimage, "compression": OpenEXR.ZIP_COMPRESSION, "view": "left"}
        parts = [OpenEXR.Part(header, colors, "rgb"), OpenEXR.Part(rest, {**depth, **ids}, "depth")]
        OpenEXR.File(parts).write(str(path))
    else:
        OpenEXR.File(header, {**colors, **depth, **ids}).write(str(path))


@pytest.fixture
def footage(tmp_path):
    """Makes a sequence of a kind; gives its pattern."""

    def make(kind: str, first: int = 1001, numbers: tuple[int, ...] | None = None) -> Path:
        folder = tmp_path / "plates"
        folder.mkdir()
        suffix = "png" if kind.startswith("png") else "tif" if kind.startswith("tiff") else "exr"
        for seed, number in enumerate(numbers or range(first, first + COUNT)):
            write_picture(folder / f"shot.{number:04d}.{suffix}", kind, seed)
        return folder / f"shot.####.{suffix}"

    return make


def copy_edited(clip: Path, target: Path, settings: EncodeSettings | None = None) -> tuple[list[Edit], VideoWriter]:
    """Write a clip again with an edit in each frame."""
    edits = []
    with VideoReader(clip, native=True) as reader, VideoWriter(target, reader.info, settings) as writer:
        for frame in reader:
            native = writer.prepare(frame.native)
            before = native.read(*EDITED)
            share = np.zeros(before.shape[:2], np.float32)
            share[5:-5, 5:-5] = 1
            after = before + share[..., None] * (np.float32((0.8, 0.5, 0.4)) - before)
            edits.append(Edit(EDITED[0].start, EDITED[1].start, before, after, share))
            native.apply(edits[-1:])
            writer.write(native, frame.time, frame.duration)
    return edits, writer


def changed_pixels(edit: Edit) -> np.ndarray:
    mask = np.zeros(SIZE[::-1], bool)
    mask[edit.rows, edit.columns] = edit.share > 0
    return mask


def read_values(path: Path) -> np.ndarray:
    if path.suffix == ".tif":
        return tifffile.imread(path)
    values = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    return values if values.ndim == 2 else np.ascontiguousarray(values[..., [2, 1, 0, 3][: values.shape[2]]])


@pytest.mark.parametrize("kind", KINDS)
def test_png_and_tiff_come_back_to_the_bit_outside_of_edits(footage, tmp_path, kind):
    clip = footage(kind)
    edits, writer = copy_edited(clip, tmp_path / "out")
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted(p.name for p in clip.parent.iterdir())
    for number, edit in enumerate(edits):
        name = f"shot.{1001 + number}{clip.suffix}"
        before, after = read_values(clip.parent / name), read_values(tmp_path / "out" / name)
        assert (before.dtype, before.shape) == (after.dtype, after.shape)
        assert np.array_equal(before, noise(kind, number), equal_nan=before.dtype.kind == "f")
        mask = changed_pixels(edit)
        assert before[~mask].tobytes() == after[~mask].tobytes()
        color = slice(None) if before.ndim == 2 else slice(0, 3)
        assert (before[mask] != after[mask])[..., color].mean() > 0.95
        if "alpha" in kind:
            assert np.array_equal(before[..., 3], after[..., 3])
    if kind.startswith("png"):
        data = (tmp_path / "out" / name).read_bytes()
        assert all(
            chunk(kind, value) in data for kind, value in zip((b"gAMA", b"pHYs", b"tEXt"), PNG_VALUES, strict=False)
        )
        assert writer.notes == ["of the PNG chunks these were left out: prVt"]
    else:
        with tifffile.TiffFile(tmp_path / "out" / name) as file:
            tags = file.pages[0].tags
            assert (tags[270].value, tags[34675].value, tags[305].value) == ("shot 12", b"ICC!", "scanner")
            assert (tags[282].value, tags[283].value) == ((300, 1), (150, 1))
        assert writer.notes == ["of the TIFF tags these were left out: 65000"]


@pytest.mark.parametrize("kind", EXR_KINDS)
def test_exr_comes_back_to_the_bit_outside_of_edits(footage, tmp_path, kind):
    clip = footage(kind)
    info = probe(clip)
    assert (info.rate, info.timecode, info.reel) == (Fraction(24000, 1001), "10:59:31:17", "A001C003")
    edits, writer = copy_edited(clip, tmp_path / "out")
    assert writer.notes == []
    for number, edit in enumerate(edits):
        names = clip.parent / f"shot.{1001 + number}.exr", tmp_path / "out" / f"shot.{1001 + number}.exr"
        with (
            OpenEXR.File(str(names[0]), separate_channels=True) as one,
            OpenEXR.File(str(names[1]), separate_channels=True) as two,
        ):
            mask = changed_pixels(edit)
            if kind == "windows":
                mask = np.pad(mask, ((6, 0), (4, 0)))[: SIZE[1], : SIZE[0]]
            assert mask.any()
            for part, other in zip(one.parts, two.parts, strict=True):
                assert set(part.channels) == set(other.channels)
                for name in part.channels:
                    before, after = part.channels[name].pixels, other.channels[name].pixels
                    assert before.dtype == after.dtype
                    if name.removeprefix("beauty.") in ("R", "G", "B", "Y"):
                        assert before[~mask].tobytes() == after[~mask].tobytes(), name
                        assert (before[mask] != after[mask]).mean() > 0.9
                    else:
                        assert before.tobytes() == after.tobytes(), name
        headers = [read_exr_header(path).parts for path in names]
        for one, two in zip(*headers, strict=True):
            assert {name: value for name, value in one.items() if name != "chunkCount"} == {
                name: value for name, value in two.items() if name != "chunkCount"
            }


def test_what_is_made_in_linear_light_is_what_was_shown(footage, tmp_path):
    """The edit's color, read through sRGB's curve, is in the file as scene-linear light."""
    clip = footage("float")
    copy_edited(clip, tmp_path / "out")
    with OpenEXR.File(str(tmp_path / "out/shot.1001.exr"), separate_channels=True) as file:
        made = [float(file.channels()[name].pixels[25, 40]) for name in "RGB"]
    # IEC 61966-2-1, by its formula: ((c + 0.055) / 1.055) ** 2.4.
    assert made == pytest.approx([0.60383, 0.21404, 0.13287], abs=2e-4)
    shown = next(iter(VideoReader(tmp_path / "out"))).image[25, 40]
    assert np.abs(shown.astype(int) - np.rint(255 * np.array([0.8, 0.5, 0.4]))).max() <= 1


@pytest.mark.parametrize("transfer", VIEW_TRANSFERS)
def test_view_curves_rise_and_come_back(transfer):
    curve = find_view_curve(transfer)
    light = np.concatenate([-np.geomspace(10, 1e-5, 200), [0], np.geomspace(1e-5, 60000, 800)]).astype(np.float32)
    shown = curve.show(light)
    assert (np.diff(shown) > 0).all()
    assert curve.restore(shown) == pytest.approx(light, rel=2e-4, abs=1e-9)
    assert curve.show(np.float32([0.18]))[0] == pytest.approx(
        {"srgb": 0.4613, "gamma22": 0.4587, "gamma24": 0.4894, "raw": 0.18}[transfer], abs=1e-3
    )


def test_the_mark_leaves_what_lies_beyond_black_and_white():
    light = noise("float", 0)
    picture = ScenePicture(light, probe_color(), find_view_curve("srgb"))
    levels = np.full(SIZE[::-1], 3, np.float32)
    picture.add_luma(levels, np.zeros_like(levels))
    after = picture.light
    with np.errstate(invalid="ignore"):
        inside = (light >= 0) & (light <= 1)
        assert np.array_equal(light[~inside], after[~inside], equal_nan=True)
        shown = find_view_curve("srgb").show
        change = (shown(after) - shown(light))[(light > 0) & (light < 0.9)] * 255
    assert change.mean() == pytest.approx(3, abs=0.02)


def probe_color():
    from effigie.media.clip import ColorSpace

    return ColorSpace(transfer="iec61966-2-1")


def test_layers_of_scene_linear_footage_compose_to_it():
    native = ScenePicture(np.nan_to_num(noise("float", 1), posinf=100.0), probe_color(), find_view_curve("srgb"))
    before = read_whole(native)
    read = native.read(*EDITED)
    share = np.linspace(0, 1, read.shape[0] * read.shape[1], dtype=np.float32).reshape(read.shape[:2])
    edits = [Edit(EDITED[0].start, EDITED[1].start, read, read + share[..., None] * (0.5 - read), share)]
    native.apply(edits)
    layer = compute_layer(before, read_whole(native), compute_alpha(native, edits), native.layout.bits)
    made = layer[..., :3] + (1 - layer[..., 3:]) * before
    assert np.allclose(made, read_whole(native), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["shot.####.png", "shot.%04d.png", "shot.@@@@.png", ".", "shot.1002-1003####.png"])
def test_names_of_a_sequence(footage, name):
    clip = footage("png8").parent / name
    info = probe(clip)
    count = 2 if "-" in name else COUNT
    assert (info.kind, info.frames, info.rate) == ("sequence", count, 25)
    assert any("no frame rate: 25 frames/s taken" in note for note in info.notes)
    with VideoReader(clip) as reader:
        assert [frame.image[5, 5].tolist() for frame in reader] == [
            noise("png8", seed)[5, 5].tolist() for seed in range(COUNT - count, COUNT)
        ]
    assert is_single_clip(str(clip)) and expand_paths(clip) == [clip]


def test_globs_and_lists_of_frames_are_one_clip(footage, tmp_path):
    clip = footage("png8")
    files = sorted(clip.parent.iterdir())
    assert expand_paths(str(clip.parent / "shot.*.png")) == [clip]
    assert expand_paths(files) == [clip]
    assert expand_paths(files[:2]) == [clip.with_name("shot.1001-1002####.png")]
    assert expand_paths([files[0], files[2]]) == [files[0], files[2]]  # the one between was left out on purpose
    assert expand_paths(files[:1]) == files[:1]
    photos = [tmp_path / f"IMG_{number:04d}.png" for number in (1, 2)]
    for photo in photos:
        photo.write_bytes(files[0].read_bytes())
    assert expand_paths(photos) == photos


def test_two_sequences_in_a_folder_are_two_clips(footage):
    clip = footage("png8")
    for number in (1, 2):
        write_picture(clip.parent / f"matte.{number:03d}.png", "png8", number)
    assert expand_paths(clip.parent) == [clip.with_name("matte.###.png"), clip]
    assert content_digest(clip) != content_digest(clip.with_name("matte.###.png"))


def test_gaps_are_told_and_missing_frames_of_a_range_refused(footage):
    clip = footage("png8", numbers=(1001, 1002, 1005, 1009))
    assert probe(clip).notes[0] == (
        "5 numbers between 1001 and 1009 missing (1003-1004, 1006-1008): the pictures that are there were read one "
        "after the other"
    )
    ranged = clip.with_name("shot.1001-1005####.png")
    with pytest.raises(MediaError, match=r"2 pictures of shot.1001-1005####.png missing in .* \(1003-1004\)"):
        probe(ranged)
    with pytest.raises(MediaError, match="no picture is named like"):
        probe(clip.with_name("take.####.png"))


@pytest.mark.parametrize("kind", ["png16", "half", "tiff16"])
@pytest.mark.parametrize("harm", ["empty", "cut"])
def test_broken_frames_are_refused_before_the_first(footage, tmp_path, kind, harm):
    clip = footage(kind)
    file = clip.with_name(f"shot.1003{clip.suffix}")
    file.write_bytes(b"" if harm == "empty" else file.read_bytes()[: 300 if kind == "tiff16" else -9000])
    with pytest.raises(MediaError, match=r"shot.1003.* (is empty|cut short|not written to its end)") as told:
        plan_output(tmp_path / "out", probe(clip))
        list(VideoReader(clip))  # what is wrong inside a TIFF is seen when it is its turn
    assert "\n" not in str(told.value)


def test_an_unfinished_render_is_refused(footage, tmp_path):
    """The table of chunks is filled in at the end: zeros in it are lines that were never rendered."""
    clip = footage("half")
    file = clip.with_name("shot.1002.exr")
    data = bytearray(file.read_bytes())
    # 58 lines in chunks of 16 of ZIP: four offsets, the first of which is that of what follows the table.
    table = next(at for at in range(100, 9000) if struct.unpack_from("<Q", data, at)[0] == at + 4 * 8)
    data[table + 24 : table + 32] = bytes(8)
    file.write_bytes(data)
    with pytest.raises(MediaError, match=r"shot.1002.exr was not written to its end"):
        plan_output(tmp_path / "out", probe(clip))


@pytest.mark.parametrize(
    "text, rate", [("24", Fraction(24)), ("23.976", Fraction(24000, 1001)), ("30000/1001", Fraction(30000, 1001))]
)
def test_the_sequence_rate_is_an_option(footage, tmp_path, text, rate):
    clip, settings = footage("png8"), FootageSettings(sequence_rate=text)
    info = probe(clip, settings)
    assert (info.rate, info.duration, info.notes) == (rate, COUNT / rate, ())
    with VideoReader(clip, footage=settings) as reader, VideoWriter(tmp_path / "out.mkv", reader.info) as writer:
        for frame in reader:
            writer.write(frame.image, frame.time, frame.duration)
    assert probe(tmp_path / "out.mkv").rate == pytest.approx(rate, abs=1e-3)
    video = probe(tmp_path / "out.mkv", settings)
    assert any("keeps its own times" in note for note in video.notes)


@pytest.mark.parametrize("text", ["0", "fast", "-3", "1/0", "5000"])
def test_other_sequence_rates_are_refused(text):
    with pytest.raises(UsageError, match="frame rate"):
        FootageSettings(sequence_rate=text)


def test_scene_linear_footage_becomes_video_as_it_is_shown(footage, tmp_path):
    clip = footage("half")
    _, writer = copy_edited(clip, tmp_path / "out.mov", EncodeSettings(codec="hevc", crf=0))
    assert any("brighter than white was cut off" in note for note in writer.notes)
    info = probe(tmp_path / "out.mov")
    assert (info.color.transfer, info.timecode) == ("iec61966-2-1", "10:59:31:17")
    copy_edited(clip, tmp_path / "out.mkv", EncodeSettings(codec="ffv1"))
    with VideoReader(tmp_path / "out.mkv") as made, VideoReader(clip) as original:
        for one, two in zip(made, original, strict=True):
            assert np.abs(one.image.astype(int) - two.image)[:8].max() <= 1


def test_png_frames_of_other_footage_are_asked_for(footage, tmp_path):
    copy_edited(footage("half"), tmp_path / "out", EncodeSettings(frame_files="png"))
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [f"{n:06d}.png" for n in range(COUNT)]
    assert cv2.imread(str(tmp_path / "out/000000.png"), cv2.IMREAD_UNCHANGED).dtype == np.uint16


def test_plan_of_a_sequence(footage, tmp_path):
    clip = footage("half")
    plan = plan_output(tmp_path / "out", probe(clip), max_frames=2)
    assert plan.lines[0] == f"output: {tmp_path / 'out'}, a folder of EXR files, shot.1001.exr to shot.1002.exr"
    assert plan.lines[1].startswith("picture: exr gbrpf16le, 75x58, 23.976 frames/s, 2 frames")
    assert (plan.timecode, plan.reel) == ("10:59:31:17", "A001C003")


def test_the_footage_is_never_written_over(footage, tmp_path):
    clip = footage("half")
    for target in (clip.parent, clip.parent / ".." / "plates"):
        with pytest.raises(UsageError, match="is the folder of the clip being read"):
            plan_output(target, probe(clip))
    other = tmp_path / "other"
    other.mkdir()
    (other / "shot.0001.exr").write_bytes(b"someone's own")
    with pytest.raises(UsageError, match="not made by effigie"):
        plan_output(other, probe(clip))


@pytest.mark.parametrize(
    "channels, words", [("RY", "no channels R, G and B"), ("two layers", "no channels R, G and B")]
)
def test_what_shows_no_picture_is_said(tmp_path, channels, words):
    values = np.zeros(SIZE[::-1], np.float16)
    names = ["Z", "N.X"] if channels == "RY" else [f"{layer}.{name}" for layer in "ab" for name in "RGB"]
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    OpenEXR.File(header, {name: values.copy() for name in names}).write(str(tmp_path / "a.exr"))
    with pytest.raises(MediaError, match=words):
        probe(tmp_path / "a.exr")


def test_lossy_exr_is_written_without_further_loss(footage, tmp_path):
    clip = footage("half")
    for number in range(1001, 1001 + COUNT):
        path = clip.with_name(f"shot.{number}.exr")
        with OpenEXR.File(str(path), separate_channels=True) as file:
            header, channels = dict(file.header()), {name: one.pixels.copy() for name, one in file.channels().items()}
        header = {name: value for name, value in header.items() if name != "channels"}
        OpenEXR.File({**header, "compression": OpenEXR.DWAA_COMPRESSION}, channels).write(str(path))
    edits, writer = copy_edited(clip, tmp_path / "out")
    assert len(writer.notes) == 1 and "DWAA" in writer.notes[0] and "ZIP, without loss" in writer.notes[0]
    with (
        OpenEXR.File(str(clip.with_name("shot.1001.exr")), separate_channels=True) as one,
        OpenEXR.File(str(tmp_path / "out/shot.1001.exr"), separate_channels=True) as two,
    ):
        mask = changed_pixels(edits[0])
        for name in "RGB":
            assert one.channels()[name].pixels[~mask].tobytes() == two.channels()[name].pixels[~mask].tobytes()


def test_a_missing_package_is_said(footage, monkeypatch):
    clip = footage("half")
    monkeypatch.setitem(__import__("sys").modules, "OpenEXR", None)
    with pytest.raises(UsageError, match=r"EXR pictures need the package OpenEXR: pip install 'effigie\[film\]'"):
        probe(clip)


def test_pixels_that_are_not_square(tmp_path):
    values = noise("half", 0)
    for number in (1, 2):
        header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage, "pixelAspectRatio": 2.0}
        colors = {name: np.nan_to_num(values[..., n], posinf=9).astype(np.float16) for n, name in enumerate("RGB")}
        OpenEXR.File(header, colors).write(str(tmp_path / f"scope.{number}.exr"))
    info = probe(tmp_path / "scope.#.exr")
    assert ((info.width, info.height), info.file_size, info.pixel_aspect) == ((2 * SIZE[0], SIZE[1]), SIZE, 2)
    copy_edited(tmp_path / "scope.#.exr", tmp_path / "out")
    assert probe(tmp_path / "out").pixel_aspect == 2


def test_two_pictures_of_one_number_are_refused_and_not_left_out(tmp_path):
    for number, name in enumerate(["shot.1.png", "shot.0001.png", "shot.0002.png"]):
        cv2.imwrite(str(tmp_path / name), np.full((48, 64, 3), 40 * number, np.uint8))
    with pytest.raises(MediaError, match="have the same number") as refusal:
        probe(tmp_path)
    assert "shot.1.png" in str(refusal.value) and "shot.0001.png" in str(refusal.value)
    with VideoReader(tmp_path / "shot.####.png") as reader:
        assert [int(frame.image[0, 0, 0]) for frame in reader] == [40, 80]
