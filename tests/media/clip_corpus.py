"""A corpus of small clips, each different in one respect from what is usual, made without the code under test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace
from media_clips import REFORMATTER, picture

COUNT = 7  # frames of a clip
FORMATS = {".mkv": "matroska", ".ts": "mpegts", ".m2ts": "mpegts", ".wmv": "asf", ".3gp": "3gp", ".mpg": "mpeg"}


@dataclass(frozen=True)
class SoundTrack:
    """A stream of sound: noise, so that no two packets are alike."""

    codec: str = "aac"
    layout: str = "stereo"
    rate: int = 48000
    language: str | None = None


@dataclass(frozen=True)
class ClipRecipe:
    """How one clip of the corpus is made; the defaults are 7 frames of H.264 in MP4."""

    name: str
    group: str
    suffix: str = ".mp4"
    codec: str = "libx264"
    pixel_format: str = "yuv420p"
    size: tuple[int, int] = (96, 64)
    tick: Fraction = Fraction(1, 25)
    ticks: tuple[int, ...] | None = None
    sounds: tuple[SoundTrack, ...] = ()
    full_range: bool = False
    matrix: int = 2  # ITU-T H.273; 2 is unspecified
    primaries: int = 2
    transfer: int = 2
    aspect: Fraction = Fraction(1)
    rotation: int = 0
    options: dict[str, str] = field(default_factory=dict)
    subtitles: str | None = None
    attachment: bool = False
    chapters: int = 0
    timecode: str | None = None
    reel: str | None = None
    data: bool = False
    alpha: bool = False
    output: str = ".mp4"  # suffix that it is written to

    @property
    def times(self) -> tuple[int, ...]:
        return self.ticks if self.ticks is not None else tuple(range(COUNT))


def list_recipes() -> list[ClipRecipe]:
    """Every clip of the corpus; the names are unique."""
    recipes = [*_containers(), *_sounds(), *_colors(), *_depths(), *_aspects(), *_fields(), *_rotations(), *_timing()]
    recipes += [*_companions()]
    assert len({recipe.name for recipe in recipes}) == len(recipes)
    return recipes


def _containers() -> Iterator[ClipRecipe]:
    sound = (SoundTrack(),)
    mp3, pcm, mp2 = (
        (SoundTrack("libmp3lame", rate=44100),),
        (SoundTrack("pcm_s16le", rate=44100),),
        (SoundTrack("mp2"),),
    )
    table = {
        ".mp4": [("libx264", sound), ("libx265", sound), ("libsvtav1", sound), ("mpeg4", sound), ("libvpx-vp9", sound)],
        ".mov": [
            ("libx264", sound),
            ("libx265", sound),
            ("prores_ks", pcm),
            ("dnxhd", pcm),
            ("mjpeg", pcm),
            ("png", pcm),
        ],
        ".mkv": [
            *[("libx264", sound), ("libx265", sound), ("libsvtav1", sound), ("ffv1", pcm), ("mpeg2video", mp2)],
            *[("libvpx", (SoundTrack("libopus"),)), ("mjpeg", pcm)],
        ],
        ".avi": [
            *[("mpeg4", mp3), ("mjpeg", pcm), ("huffyuv", pcm), ("utvideo", pcm), ("ffv1", pcm)],
            *[("rawvideo", pcm), ("msmpeg4", mp3), ("libx264", mp3)],
        ],
        ".ts": [("libx264", sound), ("mpeg2video", mp2), ("libx265", sound)],
        ".m2ts": [("libx264", (SoundTrack("ac3"),))],
        ".mpg": [("mpeg2video", mp2), ("mpeg1video", mp2)],
        ".webm": [("libvpx", (SoundTrack("libopus"),)), ("libvpx-vp9", (SoundTrack("libopus"),))],
        ".wmv": [("wmv2", (SoundTrack("wmav2", rate=44100),)), ("wmv1", ()), ("msmpeg4", pcm)],
        ".flv": [("flv", mp3), ("libx264", sound)],
        ".mxf": [("mpeg2video", (SoundTrack("pcm_s16le"),)), ("dnxhd", (SoundTrack("pcm_s24le"),))],
        ".3gp": [("mpeg4", sound), ("h263", ())],
        ".nut": [("ffv1", pcm)],
        ".ivf": [("libvpx-vp9", ())],
        ".gif": [("gif", ())],
        ".apng": [("apng", ())],
    }
    outputs = (".mp4", ".mov", ".mkv")
    for suffix, made in table.items():
        for number, (codec, sounds) in enumerate(made):
            pixel_format = {
                **{"prores_ks": "yuv422p10le", "dnxhd": "yuv422p10le", "mjpeg": "yuvj420p", "png": "rgb24"},
                **{"huffyuv": "yuv422p", "utvideo": "yuv422p", "gif": "rgb8", "apng": "rgb24"},
            }.get(codec, "yuv420p")
            size = {"dnxhd": (256, 128), "h263": (176, 144)}.get(codec, (96, 64))
            options = {"dnxhd": {"profile": "dnxhr_hqx"}}.get(codec, {})
            lossy = codec in ("mpeg2video", "mpeg1video", "mpeg4", "msmpeg4", "wmv1", "wmv2", "flv", "h263")
            yield ClipRecipe(
                f"{suffix[1:]}-{codec}",
                "container × codec",
                suffix,
                codec,
                pixel_format,
                size,
                sounds=sounds,
                options=options or ({"qscale": "3"} if lossy else {}),
                full_range=pixel_format.startswith("yuvj"),
                output=outputs[number % 3],
            )


def _sounds() -> Iterator[ClipRecipe]:
    group = "sound"
    for layout in ("mono", "stereo", "5.1", "7.1"):
        for codec in ("pcm_s16le", "aac", "flac"):
            yield ClipRecipe(f"mkv-{codec}-{layout}", group, ".mkv", sounds=(SoundTrack(codec, layout),), output=".mkv")
        yield ClipRecipe(f"avi-pcm-{layout}", group, ".avi", "mpeg4", sounds=(SoundTrack("pcm_s16le", layout),))
        yield ClipRecipe(f"mov-pcm24-{layout}", group, ".mov", sounds=(SoundTrack("pcm_s24le", layout),), output=".mov")
    for layout in ("3 channels", "2.1", "quad", "5.0", "6.1"):
        name = layout.replace(" ", "-")
        yield ClipRecipe(f"mkv-pcm-{name}", group, ".mkv", sounds=(SoundTrack("pcm_s16le", layout),), output=".mp4")
    for codec, layout in (("ac3", "5.1"), ("eac3", "5.1"), ("libopus", "stereo"), ("libmp3lame", "stereo")):
        yield ClipRecipe(f"mkv-{codec}", group, ".mkv", sounds=(SoundTrack(codec, layout),), output=".mp4")
    for rate in (8000, 22050, 44100, 96000):
        yield ClipRecipe(
            f"mkv-pcm-{rate}", group, ".mkv", sounds=(SoundTrack("pcm_s16le", "mono", rate),), output=".mov"
        )
    for codec, output in (("pcm_f32le", ".mp4"), ("pcm_mulaw", ".mp4"), ("adpcm_ms", ".mov"), ("wmav2", ".mkv")):
        suffix = ".mkv" if codec == "pcm_f32le" else ".wmv" if codec == "wmav2" else ".avi"
        sounds = (SoundTrack(codec, rate=44100),)
        yield ClipRecipe(f"{codec}-to{output}", group, suffix, "msmpeg4", sounds=sounds, output=output)
    for output in (".mp4", ".mov"):
        yield ClipRecipe(f"flac-to{output}", group, ".mkv", sounds=(SoundTrack("flac"),), output=output)
        yield ClipRecipe(f"opus-to{output}", group, ".mkv", sounds=(SoundTrack("libopus"),), output=output)
    yield ClipRecipe("alac-to-mkv", group, ".mov", sounds=(SoundTrack("alac"),), output=".mkv")
    yield ClipRecipe("silent", group)
    several = (SoundTrack("aac", language="deu"), SoundTrack("ac3", "5.1", language="eng"), SoundTrack("aac", "mono"))
    yield ClipRecipe("several-languages", group, sounds=several)


def _colors() -> Iterator[ClipRecipe]:
    group = "range, matrix, primaries, transfer"
    for full in (False, True):
        for name, matrix in {"bt709": 1, "fcc": 4, "bt601": 6, "smpte240m": 7, "bt2020": 9, "unsaid": 2}.items():
            word = "full" if full else "limited"
            yield ClipRecipe(f"{word}-{name}", group, full_range=full, matrix=matrix)
    for name, primaries, transfer, matrix in (
        *(("pal", 5, 6, 5), ("ntsc", 6, 6, 6), ("hd", 1, 1, 1), ("p3", 12, 13, 1), ("pq", 9, 16, 9), ("hlg", 9, 18, 9)),
        *(("gamma22", 5, 4, 5), ("linear", 1, 8, 1), ("srgb", 1, 13, 1)),
    ):
        for suffix in (".mp4", ".mkv"):
            deep = name in ("pq", "hlg")
            yield ClipRecipe(
                f"{name}{suffix}",
                group,
                suffix,
                "libx265" if deep else "libx264",
                "yuv420p10le" if deep else "yuv420p",
                primaries=primaries,
                transfer=transfer,
                matrix=matrix,
                output=suffix,
            )


def _depths() -> Iterator[ClipRecipe]:
    group = "depth and sampling"
    for pixel_format in ("yuv422p", "yuv444p", "yuv420p10le", "yuv422p10le", "yuv444p10le", "gray"):
        yield ClipRecipe(f"h264-{pixel_format}", group, pixel_format=pixel_format, output=".mp4")
    for pixel_format in ("yuv420p10le", "yuv422p10le", "yuv444p10le", "yuv420p12le", "yuv444p12le", "gbrp"):
        yield ClipRecipe(f"hevc-{pixel_format}", group, ".mov", "libx265", pixel_format, output=".mov")
    for pixel_format in (
        "yuv420p",
        "yuv422p10le",
        "yuv444p16le",
        "gray16le",
        "gbrp10le",
        "bgra",
        "yuva444p10le",
        "rgb48le",
    ):
        yield ClipRecipe(
            f"ffv1-{pixel_format}",
            group,
            ".mkv",
            "ffv1",
            pixel_format,
            alpha=pixel_format in ("bgra", "yuva444p10le"),
            output=".mkv",
        )
    prores = {"profile": "4", "alpha_bits": "16"}
    for output in (".mov", ".mp4"):
        yield ClipRecipe(
            f"prores4444-alpha{output}",
            group,
            ".mov",
            "prores_ks",
            "yuva444p10le",
            options=prores,
            alpha=True,
            output=output,
        )


def _aspects() -> Iterator[ClipRecipe]:
    for aspect in ("16/15", "64/45", "4/3", "2/1", "1/2", "40/33", "12/11"):
        for suffix in (".mp4", ".mkv"):
            name = aspect.replace("/", "-")
            yield ClipRecipe(f"sar-{name}{suffix}", "pixel aspect", suffix, aspect=Fraction(aspect), output=suffix)


def _fields() -> Iterator[ClipRecipe]:
    for order in ("tff", "bff"):
        for suffix in (".mp4", ".mov", ".mkv", ".ts"):
            output = ".mp4" if suffix == ".ts" else suffix
            options = {"x264-params": f"{order}=1", "flags": "+ildct+ilme"}
            yield ClipRecipe(f"{order}{suffix}", "fields", suffix, options=options, output=output)


def _rotations() -> Iterator[ClipRecipe]:
    for rotation in (90, 180, 270):
        for suffix in (".mp4", ".mov", ".mkv"):
            yield ClipRecipe(f"turned-{rotation}{suffix}", "rotation", suffix, rotation=rotation, output=suffix)


def _timing() -> Iterator[ClipRecipe]:
    group = "timing"
    for name, tick in {
        **{"23.976": Fraction(1001, 24000), "24": Fraction(1, 24), "29.97": Fraction(1001, 30000)},
        **{"50": Fraction(1, 50), "59.94": Fraction(1001, 60000), "120": Fraction(1, 120), "1": Fraction(1)},
        **{"12.5": Fraction(2, 25)},
    }.items():
        yield ClipRecipe(f"rate-{name}", group, tick=tick, sounds=(SoundTrack(),), output=".mov")
    tick = Fraction(1, 1000)
    yield ClipRecipe("variable", group, tick=tick, ticks=(0, 33, 67, 150, 151, 400, 1000))
    yield ClipRecipe("variable-mkv", group, ".mkv", tick=tick, ticks=(0, 33, 67, 150, 151, 400, 1000), output=".mkv")
    yield ClipRecipe("late-start", group, ticks=tuple(range(30, 37)), sounds=(SoundTrack(),))
    yield ClipRecipe("one-frame", group, ticks=(0,))
    yield ClipRecipe("gap", group, ticks=(0, 1, 2, 50, 51, 52, 53))
    yield ClipRecipe("b-frames", group, options={"bf": "3", "b-adapt": "0"})
    yield ClipRecipe("odd-size", group, ".mkv", "ffv1", size=(95, 63), output=".mp4")


def _companions() -> Iterator[ClipRecipe]:
    group = "subtitles, chapters, timecode, attachments, data"
    for codec, suffix in (("subrip", ".mkv"), ("ass", ".mkv"), ("mov_text", ".mp4"), ("webvtt", ".mkv")):
        for output in (".mp4", ".mkv"):
            yield ClipRecipe(f"{codec}-to{output}", group, suffix, subtitles=codec, output=output)
    for output in (".mp4", ".mov", ".mkv"):
        yield ClipRecipe(f"chapters-to{output}", group, ".mkv", chapters=3, output=output)
        yield ClipRecipe(f"timecode-to{output}", group, ".mov", timecode="10:00:00:05", reel="A001", output=output)
        yield ClipRecipe(f"attachment-to{output}", group, ".mkv", attachment=True, output=output)
    drop = Fraction(1001, 30000)
    yield ClipRecipe("drop-frame", group, ".mov", tick=drop, timecode="01:02:03;04", output=".mov")
    yield ClipRecipe("mxf-timecode", group, ".mxf", "mpeg2video", timecode="09:59:58:00", output=".mov")
    yield ClipRecipe("klv", group, ".ts", data=True, output=".mov")


def make_clip(folder: Path, recipe: ClipRecipe, pictures: Sequence[np.ndarray] = ()) -> Path:
    """Write a clip of the corpus; returns its path.

    Args:
        pictures: (H, W, 3) uint8 RGB to show instead of numbered ones, at least as many as the recipe has frames.
    """
    path = folder / f"{recipe.name}{recipe.suffix}"
    options = {"movie_timescale": "90000"} if recipe.suffix in (".mp4", ".mov") else {}
    muxer = FORMATS.get(recipe.suffix)
    with av.open(str(path), "w", format=muxer, container_options=options | {"strict": "experimental"}) as output:
        output.metadata["title"] = recipe.name
        video = output.add_stream(
            recipe.codec, rate=1 / recipe.tick if recipe.ticks is None else 25, options=recipe.options
        )
        video.width, video.height = recipe.size
        video.pix_fmt = recipe.pixel_format
        context = video.codec_context
        context.time_base = recipe.tick
        context.sample_aspect_ratio = recipe.aspect
        context.color_range = 2 if recipe.full_range else 1
        context.colorspace, context.color_primaries, context.color_trc = (
            recipe.matrix,
            recipe.primaries,
            recipe.transfer,
        )
        if recipe.codec == "libx265":
            context.options = {"x265-params": "log-level=error", "preset": "ultrafast"}
        if recipe.codec == "libsvtav1":
            context.options = {"preset": "11"}
        if recipe.rotation:
            video.set_display_rotation(recipe.rotation)
        if recipe.timecode:
            video.metadata["timecode"] = output.metadata["timecode"] = recipe.timecode
        if recipe.reel:
            video.metadata["reel_name"] = recipe.reel
        sounds = [(sound, _add_sound(output, sound)) for sound in recipe.sounds]
        text = _add_subtitles(output, recipe.subtitles) if recipe.subtitles else None
        data = output.add_data_stream("klv") if recipe.data else None
        if recipe.attachment:
            output.add_attachment("font.ttf", "font/ttf", bytes(range(256)) * 4)
        if recipe.chapters:
            output.set_chapters(
                [
                    {
                        "id": n,
                        "start": 80 * n,
                        "end": 80 * n + 80,
                        "time_base": Fraction(1, 1000),
                        "metadata": {"title": f"part {n}"},
                    }
                    for n in range(recipe.chapters)
                ]
            )
        for index, tick in enumerate(recipe.times):
            shown = pictures[index] if len(pictures) else picture(index, *recipe.size)
            frame = _make_frame(shown, recipe)
            frame.pts, frame.time_base = tick, recipe.tick
            output.mux(video.encode(frame))
        output.mux(video.encode(None))
        for sound, stream in sounds:
            _write_sound(output, stream, sound)
        if text is not None:
            _write_subtitles(output, text, recipe.subtitles or "")
        if data is not None:
            _write_packet(output, data, b"\x06\x0e\x2b\x34" + bytes(range(40)), 90)
    return path


def _make_frame(shown: np.ndarray, recipe: ClipRecipe) -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(shown, "rgb24")
    if recipe.alpha:
        alpha = np.full((*shown.shape[:2], 1), 255, np.uint8)
        alpha[-16:] = 100
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(np.dstack([shown, alpha])), "rgba")
    known = {1: Colorspace.ITU709, 4: Colorspace.FCC, 7: Colorspace.SMPTE240M, 9: Colorspace.BT2020}
    return REFORMATTER.reformat(
        frame,
        format=recipe.pixel_format,
        dst_colorspace=known.get(recipe.matrix, Colorspace.ITU601),
        dst_color_range=ColorRange.JPEG if recipe.full_range else ColorRange.MPEG,
    )


def _add_sound(output, sound: SoundTrack):
    stream = output.add_stream(sound.codec, rate=sound.rate)
    stream.codec_context.layout = sound.layout
    if sound.codec == "wmav2":
        stream.codec_context.bit_rate = 128_000
    if sound.language:
        stream.metadata["language"] = sound.language
    return stream


def _write_sound(output, stream, sound: SoundTrack) -> None:
    channels = len(av.AudioLayout(sound.layout).channels)
    samples = int(0.3 * sound.rate)
    noise = np.random.default_rng(1).integers(-9000, 9000, (1, samples * channels)).astype(np.int16)
    for at in range(0, samples, 1024):
        block = np.ascontiguousarray(noise[:, at * channels : (at + 1024) * channels])
        frame = av.AudioFrame.from_ndarray(block, format="s16", layout=sound.layout)
        frame.sample_rate, frame.time_base, frame.pts = sound.rate, Fraction(1, sound.rate), at
        output.mux(stream.encode(frame))
    output.mux(stream.encode(None))


ASS_HEADER = b"""[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, \
StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
Style: Default,Arial,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,1

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""


def _add_subtitles(output, codec: str):
    if codec in ("mov_text", "ass"):
        stream = output.add_stream(codec)
        stream.codec_context.subtitle_header = ASS_HEADER
    else:
        stream = output.add_mux_stream(codec)
    stream.time_base = Fraction(1, 1000)
    stream.metadata["language"] = "fra"
    return stream


def _write_subtitles(output, stream, codec: str) -> None:
    for number, words in enumerate(("première ligne", "deuxième ligne")):
        text = words.encode()
        if codec == "mov_text":
            text = len(text).to_bytes(2, "big") + text
        elif codec == "ass":
            text = f"{number},0,Default,,0,0,0,,".encode() + text
        _write_packet(output, stream, text, 100 * number + 20, 60)


def _write_packet(output, stream, payload: bytes, milliseconds: int, duration: int = 0) -> None:
    packet = av.Packet(payload)
    packet.stream, packet.time_base = stream, Fraction(1, 1000)
    packet.pts = packet.dts = milliseconds
    packet.duration = duration
    output.mux(packet)
