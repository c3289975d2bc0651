"""Tests of portraits that follow sound, through the call and the command line."""

from __future__ import annotations

import json
import wave
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from spoken import syllables

from effigie.consent import new_consent
from effigie.errors import MediaError, RefusedError, UsageError
from effigie.heads import AnimateSettings, animate, load_motion, read_motion
from effigie.heads.speech.config import SpeechSettings
from effigie.heads.speech.inference.performance import perform
from effigie.heads.speech.network import middle_gap
from effigie.media import VideoReader, probe
from effigie.media.pictures.writer import write_still
from effigie.media.sound.reader import read_sound
from effigie.provenance import TrustSettings

pytestmark = pytest.mark.slow

RATE = 16000
GEOMETRY = AnimateSettings(renderer="geometry", size=128, trust=TrustSettings(watermark=False))


def write_wav(path, samples, rate=RATE):
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return path


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """A second of syllables between silences, 2.0 s."""
    return write_wav(tmp_path_factory.mktemp("said") / "said.wav", syllables((0.5, 1.5), length=2.0))


@pytest.fixture(scope="module")
def consent(portrait, tmp_path_factory):
    path = tmp_path_factory.mktemp("consent") / "man.json"
    photo = path.with_name("man.png")
    write_still(photo, portrait)
    record = new_consent("the man of the samples", [photo], ("animate",), basis="sample", evidence=[photo])
    record.save(path)
    return path


def test_a_portrait_says_what_is_heard(man, said, consent, tmp_path, here):
    out = tmp_path / "out.mp4"
    ended = here(
        "animate",
        man,
        "--speech",
        said,
        "-o",
        out,
        "--consent",
        consent,
        "--renderer",
        "geometry",
        "--size",
        128,
        "--json",
    )
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["frames"] == 50
    info = probe(out)
    assert info.rate == 25 and len(info.audio) == 1
    with VideoReader(out) as reader:
        assert [frame.time for frame in reader] == [Fraction(k, 25) for k in range(50)]
    heard, own = read_sound(out, RATE).mono(), read_sound(said, RATE).mono()
    heard = np.pad(heard, (800, 800))[: len(own) + 1600]
    shift = int(np.argmax(np.correlate(heard, own, "valid"))) - 800
    assert abs(shift) <= 0.005 * RATE


def test_the_mouth_rests_where_nobody_speaks(said, tmp_path):
    motion = perform(said).motion
    gaps = np.array([middle_gap(motion.unposed[index]) for index in range(len(motion))])
    rest = middle_gap(motion.rest.unposed)
    assert len(motion) == 50 and motion.times[-1] == Fraction(49, 25)
    assert np.allclose(gaps[[0, 1, 2, 47, 48, 49]], rest, atol=0.01)
    assert np.ptp(gaps[10:40]) > 0.05


def test_a_template_of_a_sound_drives_again(said, tmp_path, man, consent):
    kept = tmp_path / "said.motion"
    settings = replace(GEOMETRY, save_motion=kept, max_frames=3)
    animate(man, None, tmp_path / "out.mp4", settings, speech=said, consent=consent)
    motion = load_motion(kept)
    assert len(motion) == 4 and motion.clip is None


def test_a_driver_gives_the_head_and_the_sound_the_mouth(man, said):
    driver = read_motion(man, max_frames=12)
    found = perform(said, SpeechSettings(frame_rate=50), driver)
    motion = found.motion
    assert motion.rate == driver.rate and len(motion) == -(-2 * driver.rate // 1)
    assert np.array_equal(motion.rotation[:12], driver.rotation)
    assert np.array_equal(motion.rotation[12], driver.rotation[10])  # to and fro
    assert any("shorter than the sound" in note for note in found.notes)
    brow, chin = 105, 152
    assert np.allclose(motion.unposed[5][brow], driver.unposed[5][brow], atol=1e-4)
    still = motion.unposed[0][chin] - driver.rest.unposed[chin]
    assert np.abs(still).max() < 1e-3  # nobody speaks yet, whatever the driver's mouth does


def test_bad_sound_gets_one_line(man, consent, tmp_path):
    silent = write_wav(tmp_path / "silent.wav", np.zeros(RATE))
    with pytest.raises(MediaError, match="is silent"):
        animate(man, None, tmp_path / "out.mp4", GEOMETRY, speech=silent, consent=consent)
    with pytest.raises(UsageError, match="nothing moves the portrait"):
        animate(man, None, tmp_path / "out.mp4", GEOMETRY, consent=consent)
    text = tmp_path / "text.wav"
    text.write_text("no sound")
    with pytest.raises(MediaError):
        animate(man, None, tmp_path / "out.mp4", GEOMETRY, speech=text, consent=consent)
    assert not (tmp_path / "out.mp4").exists()


def test_without_consent_nobody_speaks(man, said, tmp_path):
    with pytest.raises(RefusedError):
        animate(man, None, tmp_path / "out.mp4", GEOMETRY, speech=said)
