"""Tests of sound and subtitles: copied unchanged and in step with the pictures."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest
from media_clips import Sound, make, number, packets
from media_convert import convert

from effigie.media import EncodeSettings, probe


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
    """The input's clock begins at half a second, the output's at 0, for sound and picture."""
    clip = make(
        tmp_path / "in.mpg", codec="mpeg1video", options={"b": "2M", "bf": "2"}, sounds=[Sound("mp2", seconds=0.8)]
    )
    info = probe(clip)
    given, got, writer = convert(clip, tmp_path / "out.mp4")
    assert info.clock_origin > 0
    assert [frame.time + info.clock_origin for frame in got] == [frame.time for frame in given]
    before, after = packets(clip, "audio"), packets(tmp_path / "out.mp4", "audio")
    assert [payload for _, payload in after] == [payload for _, payload in before]
    assert max(abs(a - info.clock_origin - b) for (a, _), (b, _) in zip(before, after, strict=True)) <= Fraction(
        1, 44100
    )
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
    assert any("subtitles rewritten as mov_text" in note and "2 streams" in note for note in writer.notes)
    for which, words in enumerate(("one", "two")):
        shown = [(time, payload[2:]) for time, payload in packets(tmp_path / "out.mp4", "subtitle", which)]
        assert (packets(clip, "subtitle", which)[0][0], words.encode()) in shown
    silent = EncodeSettings(preset="ultrafast", keep_audio=False)
    convert(clip, tmp_path / "silent.mp4", silent)
    assert probe(tmp_path / "silent.mp4").audio == ()


def samples(path):
    """(channels, n) samples of the first sound."""
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
    planar = [
        f.to_ndarray() if f.format.is_planar else f.to_ndarray().reshape(-1, len(f.layout.channels)).T for f in frames
    ]
    return np.concatenate(planar, axis=1)


@pytest.mark.parametrize(
    ("codec", "suffix", "made", "how"),
    [("vorbis", ".mp4", "aac", "to AAC"), ("flac", ".mov", "alac", "to ALAC, without loss,")],
)
def test_what_the_container_cannot_hold_is_reencoded_and_said(tmp_path, codec, suffix, made, how):
    clip = make(tmp_path / "in.mkv", sounds=[Sound(codec, seconds=0.8)])
    _, _, writer = convert(clip, tmp_path / f"out{suffix}")
    assert [audio.codec for audio in probe(tmp_path / f"out{suffix}").audio] == [made]
    assert writer.notes == [f"sound re-encoded {how} because {suffix[1:].upper()} cannot hold {codec}"]
    wave = samples(tmp_path / f"out{suffix}")[0]
    if made == "alac":
        np.testing.assert_array_equal(wave, samples(clip)[0])
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
