"""What is written shows the same pictures at the same times in the same colours, with the same sound."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import accumulate

import av
import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from media_clips import HEIGHT, WIDTH, Recipe, Sound, make, number, packets, picture, yuv

from effigie.errors import UsageError
from effigie.media import EncodeSettings, Reader, Writer, probe, read_still

FAST = EncodeSettings(preset="ultrafast", crf=12, threads=1)
UNEVEN = [0, 1, 2, 5, 6, 9, 10, 11, 20, 21, 22, 30, 31, 33, 36, 40, 41, 43, 44, 50]


def convert(source, target, settings=FAST, span=None):
    """Read everything, write everything; what was read, what came out, and the writer."""
    with Reader(source) as reader, Writer(target, reader.info, settings, span) as writer:
        given = []
        for frame in reader:
            if span is None or (frame.time >= span[0] and (span[1] is None or frame.time < span[1])):
                writer.write(frame.image, frame.time, frame.duration)
                given.append(frame)
    with Reader(target) as reader:
        return given, list(reader), writer


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
@pytest.mark.parametrize("codec", ["h264", "hevc"])
@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(),
        Recipe(tick=Fraction(1001, 24000)),
        Recipe(tick=Fraction(1001, 24000), ticks=range(5, 25)),
        Recipe(tick=Fraction(1, 600), ticks=[20 * tick + tick % 3 for tick in UNEVEN]),
    ],
    ids=["25", "23.976", "late start", "variable"],
)
def test_pictures_and_times(tmp_path, suffix, codec, recipe):
    settings = EncodeSettings(codec=codec, preset="ultrafast", crf=12)
    given, got, writer = convert(make(tmp_path / "in.mov", recipe), tmp_path / f"out{suffix}", settings)
    assert [frame.time for frame in got] == [frame.time for frame in given] == recipe.times
    assert [number(frame.image) for frame in got] == list(range(20))
    assert (
        np.mean([np.abs(a.image.astype(int) - b.image).mean() for a, b in zip(given, got, strict=True)]) < 3
    )
    assert writer.notes == []


@pytest.mark.parametrize("size", [(97, 64), (96, 65), (97, 65)])
def test_odd_sizes_lose_nothing(tmp_path, size):
    clip = make(tmp_path / "in.mkv", codec="ffv1", size=size, options={}, count=3)
    given, got, writer = convert(clip, tmp_path / "out.mp4")
    width, height = size
    assert got[0].image.shape == (height + height % 2, width + width % 2, 3)
    assert np.abs(got[1].image[:height, :width].astype(int) - given[1].image).mean() < 4
    assert np.abs(got[1].image[-1].astype(int) - got[1].image[height - 1]).mean() < 8
    assert any("extended" in note for note in writer.notes)
    exact = EncodeSettings(pixel_format="yuv444p", preset="ultrafast")
    _, got, writer = convert(clip, tmp_path / "exact.mp4", exact)
    assert got[0].image.shape == (height, width, 3)
    assert writer.notes == []


@pytest.mark.parametrize("matrix", ["bt601", "bt709", None])
@pytest.mark.parametrize("full", [False, True])
def test_flat_colours_do_not_shift(tmp_path, matrix, full):
    for index, rgb in enumerate(
        [(200, 60, 40), (30, 160, 90), (20, 30, 210), (128, 128, 128), (250, 240, 20)]
    ):
        flat = yuv(rgb, matrix or "bt601", full)
        clip = make(tmp_path / f"in{index}.mp4", count=3, flat=flat, matrix=matrix, full=full)
        given, got, _ = convert(clip, tmp_path / f"out{index}.mp4")
        assert np.abs(given[1].image.astype(int) - got[1].image).max() <= 2
        assert np.abs(got[1].image.astype(int) - rgb).max() <= 3
        assert probe(tmp_path / f"out{index}.mp4").colour == probe(clip).colour


def test_shape_of_pixels_and_rotation(tmp_path):
    clip = make(tmp_path / "in.mp4", rotation=90, aspect=Fraction(4, 3), count=3)
    given, got, _ = convert(clip, tmp_path / "out.mp4")
    before, after = probe(clip), probe(tmp_path / "out.mp4")
    assert after.rotation == 0
    assert (after.width, after.height, after.pixel_aspect) == (before.width, before.height, Fraction(3, 4))
    assert np.abs(given[1].image.astype(int) - got[1].image).mean() < 4


@pytest.mark.parametrize("source", [".mp4", ".mkv"])
@pytest.mark.parametrize(
    ("target", "codec"),
    [
        *((".mp4", codec) for codec in ("aac", "libmp3lame", "mp2", "ac3", "flac", "libopus")),
        *((".mov", codec) for codec in ("aac", "libmp3lame", "mp2", "pcm_s16le")),
    ],
)
def test_sound_is_copied_bit_for_bit(tmp_path, source, target, codec):
    rate = 48000 if codec == "libopus" else 44100
    sound = Sound(codec, rate, seconds=0.9, start=Fraction(1, 5))
    clip = make(tmp_path / f"in{source}", sounds=[sound], tick=Fraction(1, 24))
    _, got, writer = convert(clip, tmp_path / f"out{target}")
    before, after = packets(clip, "audio"), packets(tmp_path / f"out{target}", "audio")
    assert len(before) > 8
    assert [payload for _, payload in after] == [payload for _, payload in before]
    # a sound track of MP4 counts samples; PCM in MOV runs on evenly where Matroska rounded to milliseconds
    coarse = Fraction(1, 1000) if codec.startswith("pcm") else Fraction(1, 2 * rate)
    grain = 0 if source != ".mkv" else coarse
    assert max(abs(a - b) for (a, _), (b, _) in zip(before, after, strict=True)) <= grain
    assert [frame.index for frame in got] == list(range(20))
    assert writer.notes == []


def test_mpeg_program_stream_keeps_sound_in_step(tmp_path):
    """Its clock begins at half a second: the output's begins at 0, for sound and picture alike."""
    clip = make(
        tmp_path / "in.mpg",
        codec="mpeg1video",
        options={"b": "2M", "bf": "2"},
        sounds=[Sound("mp2", seconds=0.8)],
    )
    info = probe(clip)
    given, got, writer = convert(clip, tmp_path / "out.mp4")
    assert info.clock_origin > 0
    assert [frame.time + info.clock_origin for frame in got] == [frame.time for frame in given]
    before, after = packets(clip, "audio"), packets(tmp_path / "out.mp4", "audio")
    assert [payload for _, payload in after] == [payload for _, payload in before]
    assert max(
        abs(a - info.clock_origin - b) for (a, _), (b, _) in zip(before, after, strict=True)
    ) <= Fraction(1, 44100)
    assert min(got[0].time, after[0][0]) == 0
    assert any("earlier" in note for note in writer.notes)


def test_transport_stream(tmp_path):
    """Its sound loses the seven bytes before each packet, which say what MP4 keeps in its index."""
    clip = make(tmp_path / "in.ts", sounds=[Sound(seconds=0.8)])
    info = probe(clip)
    given, got, _ = convert(clip, tmp_path / "out.mp4")
    assert [frame.time + info.clock_origin for frame in got] == [frame.time for frame in given]
    before, after = packets(clip, "audio"), packets(tmp_path / "out.mp4", "audio")
    assert [payload for _, payload in after] == [payload[7:] for _, payload in before]
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert sum(frame.samples for frame in container.decode(audio=0)) > 0.75 * 44100


def test_several_sounds_and_subtitles(tmp_path):
    clip = make(tmp_path / "in.mkv", sounds=[Sound("aac"), Sound("mp2", 48000)], subtitles=["one", "two"])
    convert(clip, tmp_path / "out.mkv")
    for kind, which in (("audio", 0), ("audio", 1), ("subtitle", 0), ("subtitle", 1)):
        assert packets(tmp_path / "out.mkv", kind, which) == packets(clip, kind, which)
    _, _, writer = convert(clip, tmp_path / "out.mp4")
    assert probe(tmp_path / "out.mp4").subtitles == 0
    assert any("subtitles left out" in note for note in writer.notes)
    silent = EncodeSettings(preset="ultrafast", keep_audio=False)
    convert(clip, tmp_path / "silent.mp4", silent)
    assert probe(tmp_path / "silent.mp4").audio == ()


@pytest.mark.parametrize(("codec", "suffix"), [("vorbis", ".mp4"), ("flac", ".mov")])
def test_what_the_container_cannot_hold_is_reencoded_and_said(tmp_path, codec, suffix):
    clip = make(tmp_path / "in.mkv", sounds=[Sound(codec, seconds=0.8)])
    _, _, writer = convert(clip, tmp_path / f"out{suffix}")
    assert [audio.codec for audio in probe(tmp_path / f"out{suffix}").audio] == ["aac"]
    assert writer.notes == [f"sound re-encoded to AAC because {suffix[1:].upper()} cannot hold {codec}"]
    with av.open(str(tmp_path / f"out{suffix}")) as container:
        wave = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
    middle = wave[8000:24000] - wave[8000:24000].mean()
    crossings = np.count_nonzero(np.diff(np.signbit(middle)))
    assert abs(crossings / 2 / (16000 / 44100) - 440) < 5  # the same tone at the same speed


def test_sound_and_picture_are_interleaved(tmp_path):
    """A player that streams must not have to read far ahead for sound."""
    clip = make(tmp_path / "in.mp4", count=200, sounds=[Sound(seconds=8.0)], options={"preset": "ultrafast"})
    convert(clip, tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        places = [(p.pos, float(p.dts * p.time_base)) for p in container.demux() if p.size]
    times = [time for _, time in sorted(places)]
    assert max(np.maximum.accumulate(times) - times) < 1.5
    data = (tmp_path / "out.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_a_span_begins_at_zero(tmp_path):
    clip = make(tmp_path / "in.mp4", count=50, sounds=[Sound(seconds=2.0)])
    given, got, _ = convert(clip, tmp_path / "out.mp4", span=(Fraction(10, 25), Fraction(30, 25)))
    assert [number(frame.image) for frame in got] == list(range(10, 30))
    assert [frame.time for frame in got] == [frame.time - Fraction(10, 25) for frame in given]
    kept = packets(tmp_path / "out.mp4", "audio")
    by_payload = {payload: time for time, payload in packets(clip, "audio")}
    # the same payload at the same distance from the pictures, and nothing outside the span
    shifts = [by_payload[payload] - time for time, payload in kept]
    assert all(abs(shift - Fraction(10, 25)) <= Fraction(1, 44100) for shift in shifts[2:])
    assert all(-Fraction(1024, 44100) < time < Fraction(20, 25) for time, _ in kept)
    assert len(kept) * 1024 / 44100 > 0.75


def test_matroska_says_what_it_rounds(tmp_path):
    clip = make(tmp_path / "in.mp4", tick=Fraction(1001, 24000), sounds=[Sound()])
    given, got, writer = convert(clip, tmp_path / "out.mkv")
    shift = got[0].time - given[0].time
    assert all(abs(b.time - a.time - shift) <= Fraction(1, 1000) for a, b in zip(given, got, strict=True))
    sound = packets(tmp_path / "out.mkv", "audio")[3][0] - packets(clip, "audio")[3][0]
    assert abs(sound - shift) <= Fraction(1, 1000)
    assert any("milliseconds" in note for note in writer.notes)
    assert any("later, together" in note for note in writer.notes)


def test_title_is_kept(tmp_path):
    convert(make(tmp_path / "in.mp4"), tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.metadata["title"] == "made for a test"


def test_folder_of_png_is_lossless_and_replaces_the_old_one(tmp_path):
    clip = make(tmp_path / "in.mp4", count=5, sounds=[Sound()])
    target = tmp_path / "frames"
    target.mkdir()
    (target / "000099.png").write_bytes(b"from an earlier run")
    given, got, writer = convert(clip, target)
    assert sorted(file.name for file in target.iterdir()) == [f"{index:06d}.png" for index in range(5)]
    assert all(np.array_equal(a.image, b.image) for a, b in zip(given, got, strict=True))
    assert len(writer.notes) == 2
    given, got, _ = convert(clip, tmp_path / "by.codec", EncodeSettings(codec="png"))
    assert np.array_equal(given[3].image, got[3].image)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_still(tmp_path, suffix):
    source = tmp_path / "in.png"
    cv2.imwrite(str(source), cv2.cvtColor(picture(6), cv2.COLOR_RGB2BGR))
    convert(source, tmp_path / f"out{suffix}")
    assert np.abs(read_still(tmp_path / f"out{suffix}").astype(int) - picture(6)).mean() < (
        4 if suffix == ".jpg" else 0.01
    )


@pytest.mark.parametrize("kind", ["gif", "sequence"])
def test_silent_sources_become_video(tmp_path, kind):
    if kind == "gif":
        source = make(
            tmp_path / "in.gif", codec="gif", pixel_format="rgb8", tick=Fraction(8, 100), count=6, options={}
        )
    else:
        source = tmp_path / "shots"
        source.mkdir()
        for index in range(6):
            cv2.imwrite(str(source / f"{index:03d}.png"), cv2.cvtColor(picture(index), cv2.COLOR_RGB2BGR))
    given, got, writer = convert(source, tmp_path / "out.mp4")
    assert [number(frame.image) for frame in got] == list(range(6))
    assert [frame.time for frame in got] == [frame.time for frame in given]
    assert probe(tmp_path / "out.mp4").colour.matrix_declared
    assert writer.notes == []


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    first=st.integers(0, 5000),
    steps=st.lists(st.integers(1, 4000), min_size=1, max_size=12),
    tick=st.sampled_from(
        [Fraction(1, 600), Fraction(1, 15360), Fraction(1, 90000), Fraction(1001, 60000), Fraction(1, 1000)]
    ),
)
def test_any_times_come_back_exactly(tmp_path, first, steps, tick):
    info = probe(_seed(tmp_path))
    info = replace(info, time_base=tick, rate=None)
    times = [ticks * tick for ticks in accumulate(steps, initial=first)]
    with Writer(tmp_path / "out.mp4", info, FAST) as writer:
        for index, time in enumerate(times):
            writer.write(picture(index), time, None)
    with Reader(tmp_path / "out.mp4") as reader:
        frames = list(reader)
    assert [frame.time for frame in frames] == times
    assert [number(frame.image) for frame in frames] == list(range(len(times)))
    assert writer.notes == []


def _seed(folder):
    path = folder / "seed.mp4"
    return path if path.exists() else make(path, count=1)


def test_times_off_the_clock_are_rounded_and_said(tmp_path):
    info = replace(probe(make(tmp_path / "in.mp4")), time_base=Fraction(1, 25))
    with Writer(tmp_path / "out.mp4", info, FAST) as writer:
        for time in (Fraction(0), Fraction(1, 25), Fraction(1, 24), Fraction(3, 25)):
            writer.write(picture(0), time)
    with Reader(tmp_path / "out.mp4") as reader:
        assert [frame.time * 25 for frame in reader] == [0, 1, 2, 3]
    assert len(writer.notes) == 2


@pytest.mark.parametrize(
    ("name", "settings"),
    [("out.avi", FAST), ("out.txt", FAST), ("out.mp4", EncodeSettings(codec="png")), ("in.mp4", FAST)],
)
def test_contradictions_are_refused_before_work_begins(tmp_path, name, settings):
    clip = make(tmp_path / "in.mp4", count=1)
    before = clip.read_bytes()
    with pytest.raises(UsageError):
        Writer(tmp_path / name, probe(clip), settings)
    assert clip.read_bytes() == before


@pytest.mark.parametrize(
    "wrong",
    [
        {"crf": 52},
        {"crf": -1},
        {"codec": "vp9"},
        {"preset": "best"},
        {"pixel_format": "rgb24"},
        {"threads": 0},
    ],
)
def test_settings_out_of_range(wrong):
    with pytest.raises(UsageError):
        EncodeSettings(**wrong)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((HEIGHT, WIDTH, 3), np.float32),
        np.zeros((HEIGHT, WIDTH), np.uint8),
        np.zeros((HEIGHT, WIDTH, 4), np.uint8),
        np.zeros((HEIGHT, WIDTH + 2, 3), np.uint8),
    ],
)
def test_wrong_pictures_are_refused(tmp_path, image):
    info = probe(make(tmp_path / "in.mp4", count=1))
    with pytest.raises(UsageError), Writer(tmp_path / "out.mp4", info, FAST) as writer:
        writer.write(picture(0), Fraction(0))
        writer.write(image, Fraction(1, 25))
    assert [file.name for file in tmp_path.iterdir()] == ["in.mp4"]
