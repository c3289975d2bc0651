"""Sound files: what is written comes back, parts lie where they should, and bad files get one line."""

from __future__ import annotations

import wave
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from effigie.errors import MediaError, UsageError
from effigie.media.sound.reader import Sound, read_sound, require_audible, stream_sound
from effigie.media.sound.writer import SoundSettings, SoundWriter


def make_sweep(rate: int, seconds: float = 3.0, channels: int = 1) -> np.ndarray:
    """(channels, n): tones whose pitch rises, so that every part differs from every other."""
    time = np.arange(round(rate * seconds)) / rate
    return np.stack([0.4 * np.sin(2 * np.pi * (150 + 90 * c + 100 * time) * time) for c in range(channels)]).astype(
        np.float32
    )


def write(path: Path, samples: np.ndarray, rate: int, settings: SoundSettings | None = None) -> Path:
    with SoundWriter(path, rate, samples.shape[0], settings) as writer:
        for block in np.array_split(samples, 7, axis=1):  # of sizes that no encoder asks for
            writer.write(block)
    return path


def find_delay(one: np.ndarray, other: np.ndarray, most: int = 3000) -> int:
    """Samples by which ``other`` comes later."""
    size = min(len(one), len(other))
    spectrum = np.fft.rfft(other[:size], 2 * size) * np.conj(np.fft.rfft(one[:size], 2 * size))
    correlation = np.fft.irfft(spectrum)
    shifts = np.r_[0:most, -most:0]
    return int(shifts[np.argmax(correlation[shifts])])


@pytest.mark.parametrize("rate", [24000, 48000])
@pytest.mark.parametrize("suffix", [".wav", ".flac", ".mp3", ".m4a", ".opus", ".ogg"])
def test_written_sound_comes_back_in_its_place(tmp_path: Path, suffix: str, rate: int) -> None:
    samples = make_sweep(rate, channels=2)
    padding = {".mp3": 1200, ".m4a": 1024}.get(suffix, 0)  # these end with a whole frame
    sound = read_sound(write(tmp_path / f"a{suffix}", samples, rate), rate)
    assert sound.channels == 2 and abs(sound.samples.shape[1] - samples.shape[1]) <= padding
    assert find_delay(samples[1], sound.samples[1]) == 0
    size = min(sound.samples.shape[1], samples.shape[1])
    assert np.corrcoef(samples[1, :size], sound.samples[1, :size])[0, 1] > 0.99


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
@pytest.mark.parametrize("bits", [16, 24])
def test_lossless_files_keep_every_bit_they_have(tmp_path: Path, suffix: str, bits: int) -> None:
    samples = make_sweep(24000)
    path = write(tmp_path / f"a{suffix}", samples, 24000, SoundSettings(bits=bits))  # type: ignore[arg-type]
    error = np.abs(read_sound(path, 24000).samples - samples).max()
    assert error <= 1.01 * 2.0 ** -(bits - 1)
    assert (error > 2.0**-20) == (bits == 16)


def test_parts_and_blocks_are_those_of_the_whole(tmp_path: Path) -> None:
    for suffix in (".wav", ".m4a", ".mp3", ".opus"):
        path = write(tmp_path / f"a{suffix}", make_sweep(48000, 5.0), 48000)
        whole = read_sound(path, 24000).mono()
        part = read_sound(path, 24000, start=3.2, duration=0.5).mono()
        assert len(part) == 12000
        assert np.corrcoef(part, whole[76800:88800])[0, 1] > 0.999
        blocks = list(stream_sound(path, 24000, 0.7))
        assert {block.samples.shape[1] for block in blocks[:-1]} == {16800}
        np.testing.assert_array_equal(np.concatenate([block.mono() for block in blocks]), whole)


def make_video(path: Path, begins: float, hole: float = 0.0) -> np.ndarray:
    """A video of 2 s whose sound begins later, with a hole after half a second; returns its (n,) sound at 48 kHz."""
    samples = make_sweep(48000, 1.5)[0]
    with av.open(str(path), "w") as container:
        pictures = container.add_stream("libx264", rate=25, width=64, height=64, pix_fmt="yuv420p")
        audio = container.add_stream("pcm_s16le", rate=48000, layout="mono")
        for number in range(50):
            frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8))
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(pictures.encode(frame))
        for first in range(0, len(samples), 4800):
            block = np.rint(samples[None, first : first + 4800] * 32767).astype(np.int16)
            sound = av.AudioFrame.from_ndarray(block, "s16", "mono")
            sound.sample_rate, sound.time_base = 48000, Fraction(1, 48000)
            sound.pts = first + round(48000 * (begins + (hole if first >= 24000 else 0)))
            container.mux(audio.encode(sound))
        for stream in (pictures, audio):
            container.mux(stream.encode(None))
    return samples


def test_sound_that_begins_late_has_silence_before_it(tmp_path: Path) -> None:
    samples = make_video(tmp_path / "late.mov", 0.3)
    sound = read_sound(tmp_path / "late.mov", 48000).mono()
    assert np.abs(sound[:14000]).max() == 0
    assert np.abs(sound[14400 : 14400 + len(samples)] - samples).max() < 1e-3


def test_a_hole_is_silence_and_shifts_nothing(tmp_path: Path) -> None:
    samples = make_video(tmp_path / "hole.mkv", 0.0, hole=0.25)
    sound = read_sound(tmp_path / "hole.mkv", 48000).mono()
    assert np.abs(sound[24200:35800]).max() == 0
    assert find_delay(samples[24000:], sound[36000 : 36000 + 48000]) == 0


def test_channels_are_mixed_by_their_mean() -> None:
    sound = Sound(np.stack([np.ones(5), np.zeros(5)]).astype(np.float32), 24000)
    np.testing.assert_array_equal(sound.mono(), np.full(5, 0.5, np.float32))


def test_bad_files_get_one_line(tmp_path: Path) -> None:
    mute = tmp_path / "mute.mp4"
    with av.open(str(mute), "w") as container:
        stream = container.add_stream("libx264", rate=25, width=64, height=64, pix_fmt="yuv420p")
        container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8))))
        container.mux(stream.encode(None))
    (tmp_path / "text.wav").write_text("no sound at all, but words" * 30)
    (tmp_path / "empty.mp3").write_bytes(b"")
    whole = write(tmp_path / "whole.flac", make_sweep(24000), 24000)
    (tmp_path / "head.flac").write_bytes(whole.read_bytes()[:200])
    for name, words in {
        "mute.mp4": "has no sound",
        "text.wav": "not a clip that can be read",
        "empty.mp3": "is empty",
        "none.wav": "does not exist",
        "head.flac": "damaged",
    }.items():
        with pytest.raises(MediaError, match=words) as caught:
            read_sound(tmp_path / name, 24000)
        assert "\n" not in str(caught.value)
    with pytest.raises(MediaError, match="has no sound from 9 s"):
        read_sound(whole, 24000, start=9)
    quiet = write(tmp_path / "quiet.wav", np.zeros((1, 2400), np.float32), 24000)
    with pytest.raises(MediaError, match="is silent"):
        require_audible(read_sound(quiet, 24000), quiet)


def test_a_cut_file_gives_what_it_holds(tmp_path: Path) -> None:
    whole = write(tmp_path / "whole.mp3", make_sweep(24000), 24000)
    cut = tmp_path / "cut.mp3"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    assert 1.2 < read_sound(cut, 24000).duration < 1.7


def test_what_cannot_be_written_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    for name, rate, channels in (("a.xyz", 24000, 1), ("a.opus", 44100, 1), ("a.wav", 24000, 6), ("a.wav", 96000, 1)):
        with pytest.raises(UsageError):
            SoundWriter(tmp_path / name, rate, channels)
    with pytest.raises(MediaError, match="no sound was written"), SoundWriter(tmp_path / "a.wav", 24000, 1):
        pass
    with pytest.raises(RuntimeError), SoundWriter(tmp_path / "a.mp3", 24000, 1) as writer:
        writer.write(make_sweep(24000))
        raise RuntimeError
    assert not list(tmp_path.iterdir())


def test_eight_channels_are_read_each_by_itself(tmp_path: Path) -> None:
    """With planes of their own, PyAV reads beyond them, and the process ends."""
    levels = np.arange(1, 9) * 1000
    with wave.open(str(tmp_path / "surround.wav"), "wb") as output:
        output.setparams((8, 2, 48000, 0, "NONE", ""))
        output.writeframes(np.tile(levels, 48000).astype("<i2").tobytes())
    sound = read_sound(tmp_path / "surround.wav", 16000)
    assert sound.samples.shape == (8, 16000)
    middle = sound.samples[:, 4000:12000]
    assert np.allclose(np.sort(middle.mean(axis=1)), levels / 32768, atol=1e-3)
    assert middle.std(axis=1).max() < 1e-3
