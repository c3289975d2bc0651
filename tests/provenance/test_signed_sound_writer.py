"""Tests of the writer of made sound: an output is marked, signed, entered and noted, or not written at all."""

from __future__ import annotations

import numpy as np
import pytest
from speech_like import speech_like
from voice_permit import voice_permit

from effigie.consent.gate import Permit
from effigie.errors import UsageError
from effigie.media import read_sound
from effigie.provenance import TrustSettings
from effigie.provenance.c2pa.reader import read_credentials
from effigie.provenance.ledger.ledger import Ledger
from effigie.provenance.ledger.sound_fingerprint import compute_sound_fingerprints, match_sounds
from effigie.provenance.signed_sound_writer import SignedSoundWriter
from effigie.provenance.sound_watermark import detect
from effigie.provenance.sound_watermark.spectrum import RATE

SOUND = speech_like(9.0)[None]


@pytest.fixture(autouse=True)
def _home(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("EFFIGIE_HOME", str(tmp_path_factory.mktemp("home")))


@pytest.fixture
def allowed() -> Permit:
    return voice_permit()


def write(path, allowed, sound=SOUND, block=10_007, **options):
    with SignedSoundWriter(path, 24000, len(sound), allowed, command="voice speak", **options) as writer:
        for start in range(0, sound.shape[1], block):
            writer.write(sound[:, start : start + block])
    return writer


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".wav", ".flac", ".mp3", ".m4a", ".opus"])
def test_every_kind_is_marked_signed_entered_and_noted(allowed, tmp_path, suffix):
    path = tmp_path / f"out{suffix}"
    writer = write(path, allowed, model_hash="ab" * 32)
    sound = read_sound(path, RATE)
    assert abs(sound.duration - 9.0) < 0.1
    found = detect(sound.mono())
    assert found is not None and found.hex == writer.output_id
    state = read_credentials(path)
    assert (state.state, state.output_id, state.mark) == ("trusted", writer.output_id, writer.output_id)
    assert (state.command, state.source_types) == ("voice speak", ("trainedAlgorithmicMedia",))
    entry = Ledger().find_by_id(writer.output_id)
    assert entry is not None and entry.model_hash == "ab" * 32 and entry.consents == allowed.ids
    asked = compute_sound_fingerprints(sound.mono()[round(2.3 * RATE) :], 0.05)
    assert match_sounds(asked, entry.sound_fingerprints) is not None
    other = compute_sound_fingerprints(speech_like(9.0, RATE, seed=5), 0.05)
    assert match_sounds(other, entry.sound_fingerprints) is None
    notice = path.with_name(f"{path.name}.notice.txt").read_text("utf-8")
    assert writer.output_id in notice and "voice" in notice
    beside = {path.name, f"{path.name}.notice.txt"} | ({"out.c2pa"} if suffix == ".opus" else set())
    assert {one.name for one in tmp_path.iterdir()} == beside


def test_a_performance_is_named_as_what_it_was_made_from(allowed, tmp_path):
    performance = tmp_path / "performance.wav"
    first = write(performance, allowed)
    write(tmp_path / "out.wav", allowed, source_path=performance)
    state = read_credentials(tmp_path / "out.wav")
    assert [part.output_id for part in state.ingredients] == [first.output_id]
    assert state.source_types == ("compositeWithTrainedAlgorithmicMedia",)


def test_without_the_mark_nothing_is_changed(allowed, tmp_path):
    write(tmp_path / "out.wav", allowed, settings=TrustSettings(watermark=False))
    assert np.abs(read_sound(tmp_path / "out.wav", 24000).samples - SOUND).max() < 1e-4
    assert read_credentials(tmp_path / "out.wav").mark is None


def test_an_error_leaves_nothing(allowed, tmp_path):
    with (
        pytest.raises(RuntimeError, match="no more"),
        SignedSoundWriter(tmp_path / "out.wav", 24000, 1, allowed, command="voice speak") as writer,
    ):
        writer.write(SOUND)
        raise RuntimeError("no more")
    assert not list(tmp_path.iterdir())
    assert not list(Ledger().entries())


def test_what_cannot_be_written_is_one_clear_line(allowed, tmp_path):
    for name, rate, channels in (("out.xyz", 24000, 1), ("out.wav", 24000, 8), ("out.opus", 44100, 1)):
        with pytest.raises(UsageError) as caught:
            SignedSoundWriter(tmp_path / name, rate, channels, allowed, command="voice speak")
        assert "\n" not in str(caught.value)
    with pytest.raises(TypeError):
        SignedSoundWriter(tmp_path / "out.wav", 24000, 1, None, command="voice speak")
    with (
        pytest.raises(UsageError),
        SignedSoundWriter(tmp_path / "out.wav", 24000, 1, allowed, command="voice speak") as writer,
    ):
        writer.write(np.zeros((2, 100), np.float32))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("count", [1, 700, 24000])
def test_short_sound_comes_out_as_long_as_it_went_in(allowed, tmp_path, count):
    write(tmp_path / "out.wav", allowed, SOUND[:, :count])
    assert read_sound(tmp_path / "out.wav", 24000).samples.shape == (1, count)


def test_the_weaker_the_consent_the_louder_the_notice(allowed, tmp_path):
    """Whoever makes the sound speaks the notice that the writer asks for."""
    assert all(record.is_bare for record in allowed.consents)
    writer = write(tmp_path / "out.wav", allowed)
    assert writer.settings.label == "corner" and "cannot be switched off" in writer.notes[0]
    asked = write(tmp_path / "other.wav", allowed, settings=TrustSettings(label="first-seconds"))
    assert asked.settings.label == "first-seconds" and not asked.notes
