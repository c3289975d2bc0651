"""Tests of `verify` on sound files and on the sound of videos."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from speech_like import speech_like
from voice_permit import face_permit, voice_permit

from effigie.media import ClipInfo, SoundSettings, SoundWriter, VideoReader, probe, read_sound
from effigie.media.sound.reader import Sound
from effigie.provenance.signed_sound_writer import SignedSoundWriter
from effigie.provenance.signed_writer import SignedWriter
from effigie.provenance.verifier import verify

RATE = 24000
SOUND = Sound(speech_like(8.0, RATE)[None], RATE)


@pytest.fixture(scope="module", autouse=True)
def _home(tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EFFIGIE_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A signed sound file and its id."""
    path = tmp_path_factory.mktemp("made") / "spoken.wav"
    with SignedSoundWriter(path, RATE, 1, voice_permit(), command="voice speak") as writer:
        writer.write(SOUND.samples)
    return path, writer.output_id


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> ClipInfo:
    """A clip of two seconds with a tone in it."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    noise = np.random.default_rng(0).integers(0, 255, (6, 8, 3), dtype=np.uint8)
    with av.open(str(path), "w") as output:
        stream = output.add_stream("h264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 96, "yuv420p"
        sound = output.add_stream("aac", rate=48000, layout="mono")
        for number in range(50):
            picture = np.kron(noise, np.ones((16, 12, 1), np.uint8))[:96, :96]
            output.mux(stream.encode(av.VideoFrame.from_ndarray(np.roll(picture, number, 1), "rgb24")))
        tone = (0.2 * np.sin(np.arange(96000) * 0.05)).astype(np.float32)[None]
        frame = av.AudioFrame.from_ndarray(tone, "fltp", "mono")
        frame.sample_rate = 48000
        output.mux([*sound.encode(frame), *sound.encode(None), *stream.encode(None)])
    return probe(path)


def write_video(path: Path, clip: ClipInfo, **options: object) -> SignedWriter:
    with (
        VideoReader(clip.path) as reader,
        SignedWriter(path, reader.info, face_permit(), "animate", **options) as writer,
    ):
        for frame in reader:
            writer.write(frame.image, None, frame.time, frame.duration)
    return writer


def test_a_signed_sound_file(spoken: tuple[Path, str]) -> None:
    path, output_id = spoken
    found = verify(path)
    assert found.verdict == "made-by-effigie" and found.credentials.state == "trusted"
    assert found.sound_watermark is not None and found.sound_watermark.id == output_id and found.watermark is None
    assert found.ledger is not None and found.ledger.matched == ("id", "file", "sound")
    lines = "\n".join(found.lines)
    assert f"mark in the sound: output {output_id}" in lines and "invisible mark" not in lines
    assert found.to_json()["sound_watermark"]["id"] == output_id


@pytest.mark.slow
def test_a_copy_in_another_format(spoken: tuple[Path, str], tmp_path: Path) -> None:
    path, output_id = spoken
    with SoundWriter(tmp_path / "copy.mp3", RATE, 1, SoundSettings(kbits=32)) as writer:
        writer.write(read_sound(path, RATE).samples)
    found = verify(tmp_path / "copy.mp3")
    assert found.verdict == "made-by-effigie" and found.credentials.state == "absent"
    assert found.sound_watermark is not None and found.sound_watermark.id == output_id
    assert found.ledger is not None and found.ledger.matched == ("id", "sound")
    assert "a sign, no proof" in "\n".join(found.lines)


@pytest.mark.slow
def test_sound_without_the_mark_that_sounds_alike_is_a_hint(spoken: tuple[Path, str], tmp_path: Path) -> None:
    with SoundWriter(tmp_path / "alike.wav", RATE) as writer:
        writer.write(SOUND.samples)
    found = verify(tmp_path / "alike.wav")
    assert found.verdict == "nothing-found" and found.consent is None
    assert found.ledger is not None and found.ledger.matched == ("sound",)
    assert "a hint, no proof" in "\n".join(found.lines)


@pytest.mark.slow
def test_other_sound(tmp_path: Path) -> None:
    with SoundWriter(tmp_path / "other.flac", RATE) as writer:
        writer.write(speech_like(4.0, RATE, seed=9)[None])
    found = verify(tmp_path / "other.flac")
    assert (found.verdict, found.sound_watermark, found.ledger) == ("nothing-found", None, None)
    assert "mark in the sound: none found" in "\n".join(found.lines)


def test_a_damaged_sound_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "broken.mp3").write_bytes(b"no sound at all" * 50)
    found = verify(tmp_path / "broken.mp3")
    assert found.verdict == "nothing-found" and any("sound could not be read" in note for note in found.notes)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_a_video_with_made_sound_carries_the_mark_in_it(clip: ClipInfo, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    writer = write_video(path, clip, made_sound=SOUND, voice_permit=voice_permit())
    sound = read_sound(path, RATE)
    assert abs(sound.duration - SOUND.duration) < 0.1
    lag = np.correlate(sound.mono()[: 3 * RATE], SOUND.mono()[: 3 * RATE], "same").argmax() - 1.5 * RATE
    assert abs(lag) <= 0.002 * RATE
    with av.open(str(path)) as made:
        assert [stream.codec_context.name for stream in made.streams.audio] == ["aac"]
    found = verify(path)
    assert found.sound_watermark is not None and found.sound_watermark.id == writer.output_id
    assert "voice" in path.with_name(f"{path.name}.notice.txt").read_text("utf-8")
    assert found.consent is not None and len(found.consent.records) == 2


@pytest.mark.slow
def test_without_made_sound_the_clips_own_is_copied(clip: ClipInfo, tmp_path: Path) -> None:
    write_video(tmp_path / "out.mp4", clip)
    with av.open(str(tmp_path / "out.mp4")) as made, av.open(str(clip.path)) as given:
        ours, theirs = ([bytes(packet) for packet in one.demux(audio=0)] for one in (made, given))
    assert ours == theirs
    assert verify(tmp_path / "out.mp4").sound_watermark is None


def test_a_folder_of_pictures_says_that_it_holds_no_sound(clip: ClipInfo, tmp_path: Path) -> None:
    writer = write_video(tmp_path / "out", clip, made_sound=SOUND)
    assert any("made sound was left out" in note for note in writer.notes)
